//! The site on this machine: a server of files for one person's browser, and nothing more.
//!
//! The risk is giving out what is not of the site. It listens on this machine alone unless told otherwise, answers `GET`
//! and `HEAD` only, and follows no path out of its folder.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headwater_plan::{Cancel, Code, Diagnostic, Diagnostics};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Context;
use crate::artefacts::TARGET;

/// The most that a request may be.
const MOST_REQUEST: u64 = 16 << 10;
/// How long a browser may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    dir: Arc<PathBuf>,
    /// Where it answers: `http://127.0.0.1:8080`.
    pub address: String,
}

/// Begins to listen; a port of 0 takes a free one.
///
/// # Errors
/// No project, no site yet, or a port that is taken.
pub async fn listen(context: &Context, host: &str, port: u16) -> Result<Server, Diagnostics> {
    let dir = headwater_project::find(&context.start)?.join(TARGET).join("docs");
    if !dir.join("index.html").is_file() {
        return Err(Diagnostic::error(Code::UnreadableInput, "the project has no documentation yet")
            .help("`headwater docs generate` makes it")
            .into());
    }
    let listener = TcpListener::bind((host, port)).await.map_err(|error| {
        Diagnostic::error(Code::InvalidArgument, format!("cannot listen on `{host}:{port}`"))
            .help("name another port: `--port 8081`, or 0 for any")
            .caused_by(&error)
    })?;
    let address = listener.local_addr().map_or_else(|_| format!("{host}:{port}"), |address| address.to_string());
    Ok(Server { listener, dir: Arc::new(dir), address: format!("http://{address}") })
}

impl Server {
    /// Answers until it is asked to stop.
    pub async fn run(self, cancel: &Cancel) {
        let mut answering = JoinSet::new();
        while !cancel.is_cancelled() {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let dir = Arc::clone(&self.dir);
                    answering.spawn(async move {
                        // A browser that goes away needs no answer.
                        let _ = tokio::time::timeout(PATIENCE, answer(stream, &dir)).await;
                    });
                }
                Some(_) = answering.join_next() => {}
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
        }
    }
}

async fn answer(stream: TcpStream, dir: &Path) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    (&mut stream).take(MOST_REQUEST).read_line(&mut request).await?;
    loop {
        let mut line = String::new();
        let read = (&mut stream).take(MOST_REQUEST).read_line(&mut line).await?;
        if read == 0 || line.trim().is_empty() {
            break;
        }
    }
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, kind, body) = match (method, file(dir, path)) {
        ("GET" | "HEAD", Some(file)) => match tokio::fs::read(&file).await {
            Ok(body) => ("200 OK", content_type(&file), body),
            Err(_) => not_found(),
        },
        ("GET" | "HEAD", None) => not_found(),
        _ => ("405 Method Not Allowed", "text/plain; charset=utf-8", b"only GET and HEAD\n".to_vec()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let stream = stream.get_mut();
    stream.write_all(head.as_bytes()).await?;
    if method != "HEAD" {
        stream.write_all(&body).await?;
    }
    stream.shutdown().await
}

fn not_found() -> (&'static str, &'static str, Vec<u8>) {
    ("404 Not Found", "text/plain; charset=utf-8", b"no such page\n".to_vec())
}

/// The file of a path; none for one that leads out.
fn file(dir: &Path, path: &str) -> Option<PathBuf> {
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    is_inside.then(|| dir.join(path))
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}
