//! Standard output for data, standard error for talk.

use std::io::{self, Write};

use headwater_plan::{Diagnostic, Diagnostics};
use serde::Serialize;

use crate::cli::Format;
use crate::render::diagnostic;
use crate::render::style::Style;

/// Where a command's words go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    /// What standard output can show.
    pub(crate) out: Style,
    /// What standard error can show.
    pub(crate) err: Style,
    /// Whether the answer is for a program.
    pub(crate) format: Format,
}

/// Why a command did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// To be told.
    Told(Diagnostics),
    /// Standard output is closed, or full.
    Output(io::Error),
    /// The user stopped it.
    Interrupted,
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Told(diagnostics)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Told(diagnostic.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Console {
    pub(crate) fn new(format: Format, environ: &[(String, String)]) -> Self {
        Self { out: Style::stdout(environ), err: Style::stderr(environ), format }
    }

    /// Whether the answer is for a program.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Writes data.
    pub(crate) fn data(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes a value for a program.
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        serde_json::to_writer_pretty(&mut out, value)?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Says something. Nobody hears it when standard error is closed, which is no reason to stop.
    pub(crate) fn say(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Tells errors and warnings.
    pub(crate) fn tell(&self, diagnostics: &[Diagnostic]) {
        if !diagnostics.is_empty() {
            self.say(&diagnostic::render_all(diagnostics, self.err));
        }
    }

    /// Tells how a command failed; the answer is its exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> u8 {
        match failure {
            Failure::Told(diagnostics) => {
                self.tell(&diagnostics.0);
                // The reader of a machine form gets one in any case; a closed pipe has no reader.
                if self.is_json() {
                    let _ = self.json(&serde_json::json!({ "diagnostics": diagnostics }));
                }
                diagnostics.exit_code()
            }
            // Whoever read us has seen enough: `headwater query … | head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Output(error) => {
                let output = Diagnostic::error(headwater_plan::Code::UnwritableOutput, "cannot write standard output");
                self.tell(&[output.caused_by(error)]);
                1
            }
            Failure::Interrupted => 130,
        }
    }
}
