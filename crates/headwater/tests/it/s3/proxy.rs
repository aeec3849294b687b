//! A proxy before S3 that makes trouble with every tenth request.

use std::fmt;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::http::{self, Request};
use crate::moments::Random;

/// How many of a thousand requests meet a fault.
const FAULTS_PER_MILLE: u64 = 100;

/// How long a stalled request hangs; longer than the clients of the tests wait.
pub(super) const STALL: Duration = Duration::from_secs(4);

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// 500, and it was not done.
    Refused,
    /// 503 `SlowDown`, and it was not done.
    SlowDown,
    /// 500, and it was done.
    DoneAndRefused,
    /// It was done, and the answer breaks off in the middle.
    Cut,
    /// It was done, and nobody answers.
    DoneAndStalled,
    /// It was not done, and nobody answers.
    Stalled,
}

const FAULTS: [Fault; 6] =
    [Fault::Refused, Fault::SlowDown, Fault::DoneAndRefused, Fault::Cut, Fault::DoneAndStalled, Fault::Stalled];

/// What happened so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Requests.
    pub(super) requests: u64,
    /// Of them, those that met a fault, by its kind.
    faults: [u64; FAULTS.len()],
}

impl Tally {
    /// Requests that met a fault.
    pub(super) fn faults(&self) -> u64 {
        self.faults.iter().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests, {} faults:", self.requests, self.faults())?;
        FAULTS.iter().zip(self.faults).try_for_each(|(fault, times)| write!(f, " {fault:?} {times}"))
    }
}

/// A proxy that is running.
pub(super) struct Proxy {
    /// Where.
    pub(super) endpoint: String,
    state: Arc<Mutex<(Random, Tally)>>,
}

impl Proxy {
    /// Begins to pass requests on to a server. The seed decides which of them meet what.
    pub(super) fn before(server: SocketAddr, seed: u64) -> Self {
        Self::answering(seed, move |request| http::ask(server, request))
    }

    /// As [`Proxy::before`], before something in this process.
    pub(super) fn answering(
        seed: u64,
        server: impl Fn(&Request) -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new((Random::new(seed), Tally::default())));
        let seen = Arc::clone(&state);
        let address = http::serve(move |request, stream| match draw(&seen) {
            None => stream.write_all(&server(request)?),
            Some(fault) => spoil(fault, request, stream, &server),
        });
        Self { endpoint: format!("http://{address}"), state }
    }

    /// What happened so far.
    pub(super) fn tally(&self) -> Tally {
        self.state.lock().unwrap().1.clone()
    }
}

fn draw(state: &Mutex<(Random, Tally)>) -> Option<Fault> {
    let mut state = state.lock().unwrap();
    let (random, tally) = &mut *state;
    tally.requests += 1;
    if random.below(1000) >= FAULTS_PER_MILLE {
        return None;
    }
    let which = usize::try_from(random.below(FAULTS.len() as u64)).unwrap();
    tally.faults[which] += 1;
    Some(FAULTS[which])
}

fn spoil(
    fault: Fault,
    request: &Request,
    stream: &mut TcpStream,
    server: &impl Fn(&Request) -> io::Result<Vec<u8>>,
) -> io::Result<()> {
    let refused = |status, code| {
        http::answer(status, &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>"))
    };
    match fault {
        Fault::Refused => stream.write_all(&refused("500 Internal Server Error", "InternalError")),
        Fault::SlowDown => stream.write_all(&refused("503 Slow Down", "SlowDown")),
        Fault::DoneAndRefused => {
            server(request)?;
            stream.write_all(&refused("500 Internal Server Error", "InternalError"))
        }
        Fault::Cut => {
            let answer = server(request)?;
            let body = http::end_of_head(&answer).map_or(answer.len(), |end| end + 4);
            // Without a body, the head itself breaks off.
            let cut = if answer.len() > body { body + (answer.len() - body) / 2 } else { body / 2 };
            stream.write_all(&answer[..cut])
        }
        Fault::DoneAndStalled => {
            server(request)?;
            std::thread::sleep(STALL);
            Ok(())
        }
        Fault::Stalled => {
            std::thread::sleep(STALL);
            Ok(())
        }
    }
}
