//! The binary: flags, printing, exit codes. What the verbs do is `headwater_ops`'.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | the command line and its help |
//! | [`commands`] | a function per verb: parse, call one operation, show |
//! | [`console`] | standard output for data, standard error for talk, exit codes |
//! | [`progress`] | a run as it goes |
//! | [`interrupt`] | Ctrl-C |
//! | [`world`] | the process's folder, variables and clock |
//! | [`render`] | values to text |
//!
//! Exit codes: 0 done; 1 the project, the data or the command line must change; 2 a fault of Headwater; 3 data checks
//! failed; 4 an outside system failed; 130 stopped by the user.

mod cli;
mod commands;
mod console;
mod interrupt;
mod progress;
mod render;
mod world;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => commands::dispatch(cli),
        Err(told) => {
            // Help and version are answers; the rest is the user's to change, which is exit code 1 and not clap's 2.
            let _ = told.print();
            ExitCode::from(u8::from(told.use_stderr()))
        }
    }
}
