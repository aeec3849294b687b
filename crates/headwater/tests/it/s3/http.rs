//! HTTP/1.1 as far as a proxy and a double need it: a request, a thread, a connection each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A message is not longer than this, so that a mistake does not fill the memory.
const LONGEST: usize = 64 << 20;

/// A request as it came.
pub(super) struct Request {
    /// The method.
    pub(super) method: String,
    /// The path and the query, as they were sent.
    pub(super) target: String,
    /// The lines of the head without the first.
    pub(super) headers: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The values of the query, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| decoded(value)).next()
    }

    /// As it goes on to another server, which is asked to close the connection behind its answer.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let kept = |line: &&String| !line.to_ascii_lowercase().starts_with("connection:");
        let headers: String = self.headers.iter().filter(kept).map(|line| format!("{line}\r\n")).collect();
        let head = format!("{} {} HTTP/1.1\r\n{headers}connection: close\r\n\r\n", self.method, self.target);
        [head.as_bytes(), &self.body].concat()
    }

    fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let Some((head, mut body)) = read_head(stream)? else { return Ok(None) };
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let headers: Vec<String> = lines.map(str::to_owned).collect();
        let length = headers.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.unwrap_or(0);
        assert!(length < LONGEST, "a request of {length} bytes");
        let there = body.len();
        body.resize(length, 0);
        if there < length {
            stream.read_exact(&mut body[there..])?;
        }
        Ok(Some(Self { method, target, headers, body }))
    }
}

/// The head of a message, and what of its body came along. `None` if the other side closed without a word.
fn read_head(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some(end) = end_of_head(&bytes) {
            let body = bytes.split_off(end + 4);
            bytes.truncate(end);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), body)));
        }
        match stream.read(&mut chunk)? {
            0 if bytes.is_empty() => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
        assert!(bytes.len() < LONGEST, "a head of {} bytes", bytes.len());
    }
}

/// Where the blank line between head and body begins.
pub(super) fn end_of_head(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|four| four == b"\r\n\r\n")
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let hex = [*high, *low];
                (u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap(), after)
            }
            (b'+', after) => (b' ', after),
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}

/// An answer of a status and a body, after which the connection is closed.
pub(super) fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The whole answer of a server to a request.
pub(super) fn ask(server: SocketAddr, request: &Request) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(&request.bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Serves on a free port for as long as the process lives; a thread for every connection.
pub(super) fn serve(
    respond: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let respond = Arc::new(respond);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), respond) = (stream, Arc::clone(&respond)) else { continue };
            std::thread::spawn(move || {
                // A client that was killed hears no answer, and that is no error here.
                if let Ok(Some(request)) = Request::read(&mut stream) {
                    let _ = respond(&request, &mut stream);
                }
            });
        }
    });
    address
}
