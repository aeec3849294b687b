//! What is asked again, against a server that answers as it is told and in that order.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::PutMode;

use super::*;
use crate::settings::Variables;

/// An answer.
#[derive(Clone)]
enum Reply {
    /// A status, headers, and a body; a head alone may say how long a body would be.
    Whole(&'static str, &'static str, &'static str),
    /// As much of it as so many bytes from the end, then the connection is closed.
    Broken(&'static str, usize),
    /// Nothing, and the connection is closed.
    Nothing,
    /// Nothing for longer than anybody waits.
    Late,
}

impl Reply {
    fn status(status: &'static str) -> Self {
        Self::Whole(status, "", "")
    }

    const fn xml(body: &'static str) -> Self {
        Self::Whole("200 OK", "", body)
    }

    fn send(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let whole = |status: &str, headers: &str, body: &str| {
            let described = if headers.contains("content-length") { 0 } else { body.len() };
            let length = if described == 0 && !headers.is_empty() {
                String::new()
            } else {
                format!("content-length: {described}\r\n")
            };
            format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}{length}\r\n{body}")
        };
        match self {
            Self::Whole(status, headers, body) => stream.write_all(whole(status, headers, body).as_bytes()),
            Self::Broken(body, missing) => {
                let answer = whole("200 OK", "", body);
                stream.write_all(&answer.as_bytes()[..answer.len() - missing])
            }
            Self::Nothing => Ok(()),
            Self::Late => {
                std::thread::sleep(Duration::from_secs(3));
                Ok(())
            }
        }
    }
}

/// What was asked: method, path and query.
type Asked = Arc<Mutex<Vec<String>>>;

fn bucket(replies: Vec<Reply>) -> (Bucket, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for reply in replies {
            let (mut stream, _) = listener.accept().unwrap();
            let request = request(&mut stream);
            seen.lock().unwrap().push(request);
            std::thread::spawn(move || reply.send(&mut stream));
        }
    });
    let get = |name: &str| match name {
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_ALLOW_HTTP" => Some("true".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("key".to_owned()),
        "AWS_MAX_ATTEMPTS" => Some("3".to_owned()),
        "HEADWATER_S3_TIMEOUT" => Some("1".to_owned()),
        _ => None,
    };
    (Bucket::new("lake".to_owned(), Settings::of(&Variables::read(get)).unwrap()), asked)
}

/// Reads a request with its body; its first line without the protocol.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
            }
        }
        match stream.read(&mut chunk).unwrap() {
            0 => return String::new(),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

const STORED: Reply = Reply::Whole("200 OK", "etag: \"1\"\r\n", "");
const THERE: &str = "412 Precondition Failed";

async fn put_if_absent(bucket: &Bucket) -> Result<PutResult> {
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    bucket.put_opts(&Path::from("a"), "text".into(), options).await
}

#[tokio::test]
async fn a_conditional_put_that_met_another_is_made_again() {
    let (bucket, asked) = bucket(vec![Reply::status("409 Conflict"), STORED]);
    put_if_absent(&bucket).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["PUT /lake/a", "PUT /lake/a"]);
}

#[tokio::test]
async fn a_conditional_put_that_nobody_answers_is_made_again() {
    for silence in [Reply::Nothing, Reply::Late] {
        let (bucket, asked) = bucket(vec![silence, Reply::status(THERE)]);
        let error = put_if_absent(&bucket).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
        assert_eq!(asked.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_page_that_breaks_off_is_asked_for_again() {
    const PAGE: &str = "<ListBucketResult><Contents><Key>x/1</Key><LastModified>2026-01-01T00:00:00Z</LastModified>\
                        <ETag>1</ETag><Size>7</Size></Contents></ListBucketResult>";
    let (bucket, asked) = bucket(vec![Reply::Broken(PAGE, 30), Reply::xml(PAGE)]);
    let listed: Vec<ObjectMeta> = bucket.list(Some(&Path::from("x"))).try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|object| object.size).collect::<Vec<_>>(), [7]);
    assert_eq!(*asked.lock().unwrap(), ["GET /lake?list-type=2&prefix=x%2F"; 2]);
}

#[tokio::test]
async fn an_object_that_is_not_there_is_not_there_whatever_the_answer_says() {
    let (bucket, asked) = bucket(vec![Reply::Whole("404 Not Found", "content-length: 100\r\n", "<Err")]);
    let error = bucket.get(&Path::from("a")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_listing_is_told_as_refused() {
    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>not you</Message></Error>";
    let (bucket, _) = bucket(vec![
        Reply::Whole("403 Forbidden", "", DENIED),
        Reply::status("404 Not Found"),
        Reply::Whole("403 Forbidden", "", DENIED),
    ]);
    let prefix = Path::from("x");
    let denied = bucket.list(Some(&prefix)).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(&denied, Error::PermissionDenied { path, .. } if path == "s3://lake/x"), "{denied:?}");
    assert!(denied.to_string().ends_with("S3 answered 403: AccessDenied, not you"), "{denied}");
    let missing = bucket.list_with_delimiter(None).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing:?}");
    let denied = bucket.list_with_offset(None, &prefix).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(denied, Error::PermissionDenied { .. }), "{denied:?}");
}

const BEGUN: Reply =
    Reply::xml("<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>");
const UNKNOWN: Reply = Reply::Whole("404 Not Found", "", "<Error><Code>NoSuchUpload</Code></Error>");

/// Uploads five bytes; the answer to the completion is lost, and the object is described so.
async fn upload(described: Reply) -> (Result<PutResult>, Asked) {
    let (bucket, asked) = bucket(vec![BEGUN, STORED, Reply::Nothing, UNKNOWN, described]);
    let mut upload = bucket.put_multipart(&Path::from("a")).await.unwrap();
    upload.put_part("12345".into()).await.unwrap();
    (upload.complete().await, asked)
}

#[tokio::test]
async fn an_upload_whose_completion_was_not_answered_is_looked_for() {
    let (done, asked) = upload(Reply::Whole("200 OK", "etag: \"1\"\r\ncontent-length: 5\r\n", "")).await;
    done.unwrap();
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "POST /lake/a?uploads=",
            "PUT /lake/a?partNumber=1&uploadId=7",
            "POST /lake/a?uploadId=7",
            "POST /lake/a?uploadId=7",
            "HEAD /lake/a"
        ]
    );
    let (lost, _) = upload(Reply::Whole("200 OK", "etag: \"1\"\r\ncontent-length: 4\r\n", "")).await;
    assert!(matches!(lost, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_server_that_is_always_busy_is_left_after_so_many_attempts() {
    let (bucket, asked) = bucket(vec![Reply::status("503 Slow Down"); 3]);
    let error = put_if_absent(&bucket).await.unwrap_err();
    assert!(matches!(error, Error::Generic { .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 3);
}
