//! Starting other programs, and saying so.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::error::TaskError;

/// Tells the person who typed the command. Standard error, as the standard output of a task is empty.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs a program to its end, its output passing through; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<(), TaskError> {
    let text = text(command);
    say(&format!("> {text}"));
    let status = command.status().map_err(|source| TaskError::Start { program: text.clone(), source })?;
    if status.success() { Ok(()) } else { Err(TaskError::Failed { command: text, status }) }
}

/// Runs a program to its end and gives its standard output; its standard error passes through.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, TaskError> {
    let text = text(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| TaskError::Start { program: text.clone(), source })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(TaskError::Failed { command: text, status: output.status })
    }
}

/// Runs a program quietly and gives both its outputs as one text; `None` if it cannot be started or fails.
pub(crate) fn probe(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// What `cargo run` tells a program of its package. `ring` builds itself anew, and with it all that stands on it up to
/// DataFusion, whenever one of them changes: with each clone's folder, and between `cargo xtask test` and `cargo test`.
const OF_THIS_PACKAGE: &[&str] = &[
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// The cargo that runs this task, in the environment in which a person would start it.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    for name in OF_THIS_PACKAGE {
        command.env_remove(name);
    }
    command
}

fn text(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let short = program.rsplit('/').next().unwrap_or(&program).to_owned();
    command.get_args().fold(short, |text, argument| format!("{text} {}", argument.to_string_lossy()))
}
