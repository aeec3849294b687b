//! Ctrl-C and SIGTERM: the first asks to stop, the second stops.

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
            heard = tokio::signal::ctrl_c() => if heard.is_err() { std::future::pending().await },
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[expect(clippy::disallowed_methods, reason = "the user asked twice: nothing may delay the end")]
fn quit() -> Infallible {
    std::process::exit(130)
}
