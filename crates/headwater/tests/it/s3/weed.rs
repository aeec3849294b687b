//! SeaweedFS, one for all tests of this binary: an S3 with correct conditional writes that nobody here wrote.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use crate::car_rental::python;

/// The bucket of all tests; each has a prefix of its own.
pub(crate) const BUCKET: &str = "headwater";

const KEY: (&str, &str) = ("AKIAHEADWATERTEST", "a-secret-of-the-tests");

/// A server that is running.
pub(crate) struct Weed {
    /// Where.
    pub(crate) address: SocketAddr,
    runtime: Runtime,
    store: AmazonS3,
    /// It ends when its standard input does, that is, with this process, however that ends.
    _server: Child,
}

/// Starts the server and removes what it wrote once this process has ended.
const SCRIPT: &str = r#"
exec 2>/dev/null
folder=$1; shift
"$@" </dev/null >"$folder/log" 2>&1 & server=$!
read -r _
kill -KILL $server
wait $server
rm -rf "$folder"
"#;

/// The server. Without a Python a test on a developer's machine says what it left out; in CI it fails.
pub(crate) fn weed(test: &str) -> Option<&'static Weed> {
    static WEED: OnceLock<Weed> = OnceLock::new();
    let program = python::interpreter(test)?.with_file_name("weed");
    assert!(program.is_file(), "{test}: there is no `{}`: `cargo xtask test` installs it", program.display());
    Some(WEED.get_or_init(|| Weed::start(&program)))
}

impl Weed {
    fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let identities = serde_json::json!({ "identities": [{
            "name": "tests",
            "credentials": [{ "accessKey": KEY.0, "secretKey": KEY.1 }],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }]});
        std::fs::write(folder.join("identities.json"), identities.to_string()).unwrap();
        let [master, volume, filer, s3] = ports();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "weed"]).arg(&folder).arg(program);
        command.arg("server").arg(format!("-dir={}", folder.display()));
        command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=100"]);
        command.arg(format!("-master.port={master}")).arg(format!("-volume.port={volume}"));
        command.arg(format!("-filer.port={filer}")).args(["-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
        command.arg(format!("-s3.port={s3}")).arg(format!("-s3.config={}/identities.json", folder.display()));
        // It keeps sockets there.
        command.env("TMPDIR", &folder);
        let server = command.stdin(Stdio::piped()).spawn().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], s3));
        let store = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_endpoint(format!("http://{address}"))
            .with_allow_http(true)
            .with_access_key_id(KEY.0)
            .with_secret_access_key(KEY.1)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let weed = Self { address, runtime, store, _server: server };
        weed.wait(&folder);
        weed
    }

    /// Waits until an object can be written; the bucket comes with its first.
    fn wait(&self, folder: &Path) {
        let began = Instant::now();
        loop {
            let error = match self.runtime.block_on(self.store.put(&Key::from("ready"), "yes".into())) {
                Ok(_) => return,
                Err(error) => error,
            };
            let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(60), "SeaweedFS does not come up: {error}\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The environment variables of a `headwater` that uses the server at an endpoint.
    pub(crate) fn variables(endpoint: &str) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEY.1.to_owned()),
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }

    /// Where the server is, without anything between.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes an object.
    pub(crate) fn put(&self, key: &str, bytes: Vec<u8>) {
        self.runtime.block_on(self.store.put(&Key::from(key), bytes.into())).unwrap();
    }

    /// The keys below a prefix.
    pub(crate) fn list(&self, prefix: &str) -> Vec<String> {
        let listed = self.store.list(Some(&Key::from(prefix))).try_collect::<Vec<ObjectMeta>>();
        self.runtime.block_on(listed).unwrap().into_iter().map(|object| object.location.to_string()).collect()
    }
}

/// Free ports. The server has a second one for each, 10,000 above.
fn ports() -> [u16; 4] {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let seed = crate::moments::Random::seed();
    let mut random = crate::moments::Random::new(seed);
    let mut found = Vec::new();
    while found.len() < 4 {
        let port = u16::try_from(11_000 + random.below(20_000)).unwrap();
        if !found.contains(&port) && is_free(port) && is_free(port + 10_000) {
            found.push(port);
        }
    }
    found.try_into().unwrap()
}
