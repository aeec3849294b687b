//! Ctrl-C, SIGTERM, and a terminal that is closed: the first asks to stop, the second stops.

use std::convert::Infallible;
use std::future::Future;

use headwater_plan::Cancel;

use crate::console::Failure;

/// Runs a command that stops by itself when asked: a run finishes or undoes what it began. `told` hears of the first
/// interrupt; the second ends the process.
pub(crate) async fn cancelling<T>(cancel: &Cancel, told: impl Fn(), command: impl Future<Output = T>) -> T {
    let interrupts = async {
        interrupt().await;
        cancel.cancel();
        told();
        interrupt().await;
        quit()
    };
    tokio::select! {
        answer = command => answer,
        never = interrupts => match never {},
    }
}

/// Runs a command that changes nothing that half of it would spoil: it is dropped at the first interrupt.
pub(crate) async fn dropping<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        answer = command => answer,
        () = interrupt() => Err(Failure::Interrupted),
    }
}

async fn interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = match signal(SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(_) => return std::future::pending().await,
        };
        tokio::select! {
            _ = terminate.recv() => {}
            () = hangup() => {}
            heard = tokio::signal::ctrl_c() => if heard.is_err() { std::future::pending().await },
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// The terminal is closed; never, where the program was started to outlive it (`nohup`).
#[cfg(unix)]
async fn hangup() {
    use tokio::signal::unix::{SignalKind, signal};
    // Ignored signals are the bits of a number in base 16, of which SIGHUP is the lowest.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let is_ignored =
        ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & 1 == 1);
    if is_ignored {
        return std::future::pending().await;
    }
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => drop(hangup.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "the user asked twice: nothing may delay the end")]
fn quit() -> Infallible {
    std::process::exit(130)
}
