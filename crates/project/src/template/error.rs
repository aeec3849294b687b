//! minijinja's errors as messages with a place, a cause and a next step.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Location, TableName};
use minijinja::{Error, ErrorKind};

use super::builtin;
use super::place::locate;
use super::refused::GIVEN;
use super::scan::{Kind, pieces, words};
use super::shared::Shared;
use super::source::Source;

/// A message of ours on its way through minijinja.
#[derive(Debug)]
struct Refusal {
    diagnostic: Diagnostic,
    /// Whether it is about the arguments of the macro rather than about the line that fails.
    at_caller: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// An error of a function that a template called.
pub(super) fn refuse(diagnostic: Diagnostic) -> Error {
    carry(Refusal { diagnostic, at_caller: false })
}

/// An error that a macro raises about what it was called with.
pub(super) fn refuse_caller(diagnostic: Diagnostic) -> Error {
    carry(Refusal { diagnostic, at_caller: true })
}

/// A rendering is repeated to find a place, and has come there.
#[derive(Debug, thiserror::Error)]
#[error("a rendering was stopped to find a place")]
struct Stopped;

/// Ends a rendering at the place that is looked for.
pub(super) fn stop() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a rendering was stopped to find a place").with_source(Stopped)
}

/// Whether a rendering came to the place that is looked for.
pub(super) fn is_stop(error: &Error) -> bool {
    causes(error).any(|cause| cause.is::<Stopped>())
}

/// An error and what caused it, through macros.
fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| match error.downcast_ref::<InMacro>() {
        Some(call) => Some(&call.error),
        None => error.source(),
    })
}

/// A question about rows that nobody can answer before these relations are built.
#[derive(Debug, thiserror::Error)]
#[error("rows are asked for that are not there yet")]
struct TooEarly(Vec<TableName>);

/// Ends a rendering that must wait.
pub(super) fn too_early(needs: Vec<TableName>) -> Error {
    let message = "rows are asked for that are not there yet";
    Error::new(ErrorKind::InvalidOperation, message).with_source(TooEarly(needs))
}

/// What a rendering must wait for, if it ended because of that.
pub(super) fn waits_for(error: &Error) -> Option<Vec<TableName>> {
    causes(error).find_map(|cause| cause.downcast_ref::<TooEarly>()).map(|TooEarly(needs)| needs.clone())
}

fn carry(refusal: Refusal) -> Error {
    Error::new(ErrorKind::InvalidOperation, refusal.diagnostic.message.clone()).with_source(refusal)
}

/// An error inside a macro of a file. minijinja adds the place of the call to the error that wraps it.
#[derive(Debug, thiserror::Error)]
#[error("in the macro `{name}`")]
pub(super) struct InMacro {
    name: String,
    #[source]
    error: Error,
}

impl InMacro {
    pub(super) fn wrap(name: &str, error: Error) -> Error {
        Error::new(error.kind(), format!("in the macro `{name}`")).with_source(Self { name: name.to_string(), error })
    }
}

/// The text whose rendering failed.
#[derive(Clone, Copy)]
pub(super) struct Failed<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) shared: &'a Shared,
}

impl Failed<'_> {
    /// The error as a message, at the place where the reader can mend it.
    pub(super) fn diagnose(&self, error: &Error) -> Diagnostic {
        let (frames, macros, refusal) = frames(error);
        let place = self.place_of(&frames, refusal);
        let at = self.locate(place);
        let mut diagnostic = match refusal {
            Some(refusal) => refusal.diagnostic.clone(),
            None => self.explain(frames[frames.len() - 1]),
        };
        for (depth, name) in macros.iter().enumerate() {
            let (told, verb) =
                if std::ptr::eq(place, frames[0]) { (frames[depth + 1], "raised") } else { (frames[depth], "called") };
            // Nobody mends what is built in.
            let told = self.locate(told).filter(|told| !builtin::is_file(&told.file) && Some(told) != at.as_ref());
            if let Some(told) = told {
                diagnostic.causes.push(format!("in the macro `{name}`, {verb} at {told}"));
            }
        }
        if diagnostic.location.is_some() {
            return diagnostic;
        }
        diagnostic.at(at.unwrap_or_else(|| Location::line(&self.source.path, 1)))
    }

    /// Where the reader can mend an error, if that can be told.
    pub(super) fn place(&self, error: &Error) -> Option<Location> {
        let (frames, _, refusal) = frames(error);
        self.locate(self.place_of(&frames, refusal))
    }

    fn place_of<'e>(&self, frames: &[&'e Error], refusal: Option<&Refusal>) -> &'e Error {
        let innermost = frames[frames.len() - 1];
        let at_caller = refusal.is_some_and(|refusal| refusal.at_caller);
        // `ref(name)` inside a macro is as good as its argument, which the caller wrote; `ref('name')` is its own.
        let ours = refusal.is_some() || is_stop(innermost);
        let computed = ours && self.written(innermost).is_some_and(|text| !text.contains(['\'', '"']));
        if at_caller || computed {
            return frames[0];
        }
        let mendable = |frame: &&&Error| self.locate(frame).is_some_and(|at| !builtin::is_file(&at.file));
        frames.iter().rev().find(mendable).copied().unwrap_or(innermost)
    }

    fn source_of(&self, error: &Error) -> Option<Arc<Source>> {
        let name = error.name()?;
        if *name == self.source.name { Some(Arc::clone(self.source)) } else { self.shared.sources.get(name) }
    }

    /// The part of the template that failed.
    fn written(&self, error: &Error) -> Option<String> {
        let source = self.source_of(error)?;
        source.text.get(source.written(error.range()?)).map(str::to_string)
    }

    /// The dotted name that failed, if it is no more than that.
    fn name_at(&self, error: &Error) -> Option<String> {
        self.written(error)
            .filter(|text| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'))
    }

    fn locate(&self, error: &Error) -> Option<Location> {
        let source = self.source_of(error)?;
        let (file, text) = (source.path.as_path(), source.text.as_str());
        match error.range().map(|range| source.written(range)) {
            Some(range) if range.start < text.len() => Some(locate(file, text, range)),
            // An end that does not come: the last character is as near as can be.
            Some(_) => Some(locate(file, text, text.trim_end().len().saturating_sub(1)..text.trim_end().len())),
            None => Some(Location::line(file, error.line()? as u64)),
        }
    }

    fn explain(&self, error: &Error) -> Diagnostic {
        let detail = error.detail().unwrap_or_default();
        match error.kind() {
            // What a macro encloses loses its name; the text that failed still has it.
            ErrorKind::UndefinedError => match self.undefined_name(error, detail) {
                Some(name) => self.not_there(error, &name),
                None => invalid("a value that is used here is not defined"),
            },
            ErrorKind::UnknownFunction => match detail.strip_suffix(" is unknown") {
                Some(name) => self.not_there(error, name),
                None => invalid(detail),
            },
            ErrorKind::UnknownMethod => {
                match (quoted(detail, " is undefined"), detail.split_once(" has no method named ")) {
                    (Some(name), _) => self.not_there(error, name),
                    (None, Some((what, method))) => invalid(format!("a {what} has no method `{method}`")),
                    (None, None) => invalid(tidy(detail)),
                }
            }
            ErrorKind::SyntaxError => invalid(format!("the template does not parse: {}", tidy(detail)))
                .help("a tag is `{{ … }}`, `{% … %}` or `{# … #}`; `{% raw %}…{% endraw %}` writes one as it is"),
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest => match detail.split(' ').collect::<Vec<_>>()[..] {
                [what, name, "is", "unknown"] => invalid(format!("no {what} is named `{name}`")),
                _ => invalid(tidy(detail)),
            },
            ErrorKind::InvalidOperation if !detail.is_empty() => invalid(tidy(detail)),
            kind if detail.is_empty() => invalid(kind.to_string()),
            kind => invalid(format!("{kind}: {}", tidy(detail))),
        }
    }

    fn undefined_name(&self, error: &Error, detail: &str) -> Option<String> {
        // `(...)` stands for what minijinja cannot name.
        let told = quoted(detail, " is undefined").filter(|name| !name.contains("(...)")).map(str::to_string);
        told.or_else(|| self.name_at(error))
    }

    fn not_there(&self, error: &Error, name: &str) -> Diagnostic {
        let diagnostic = invalid(format!("`{name}` is not defined"));
        let source = self.source_of(error).unwrap_or_else(|| Arc::clone(self.source));
        if own_names(&source.text).contains(name) {
            return diagnostic.help("it is set in a block that was not rendered, or an argument that was not given");
        }
        let elsewhere =
            self.shared.library.packages().find(|package| {
                !name.contains('.') && self.shared.library.names_of(package).any(|known| known == name)
            });
        if let Some(package) = elsewhere {
            return diagnostic.help(format!("it is a macro of the package `{package}`: write `{package}.{name}`"));
        }
        let near = match name.rsplit_once('.') {
            Some(("target", attribute)) => did_you_mean(attribute, ["name", "schema", "type", "threads"]),
            Some(("this", attribute)) => did_you_mean(attribute, ["schema", "identifier", "name"]),
            Some((package, attribute)) => did_you_mean(attribute, self.shared.library.names_of(package)),
            None => {
                let library = &self.shared.library;
                let given = GIVEN.iter().copied().chain(library.names(&source.package));
                did_you_mean(name, given.chain(library.packages()).chain(own_names(&source.text)))
            }
        };
        match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("variables come from `{% set … %}` or `var('…')`, macros from `macros/*.sql`"),
        }
    }
}

/// The errors of an error, the outermost first, one for each macro that was being called; the names of those macros;
/// the message of ours that it carries.
fn frames(error: &Error) -> (Vec<&Error>, Vec<&str>, Option<&Refusal>) {
    let mut frames = vec![error];
    let mut macros = Vec::new();
    let mut refusal = None;
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        if let Some(call) = source.downcast_ref::<InMacro>() {
            macros.push(call.name.as_str());
            frames.push(&call.error);
            cause = std::error::Error::source(&call.error);
            continue;
        }
        if let (Some(inner), Some(last)) = (source.downcast_ref::<Error>(), frames.last_mut()) {
            // What minijinja wraps: a file of macros that does not parse.
            *last = inner;
        }
        refusal = source.downcast_ref::<Refusal>().or(refusal);
        cause = source.source();
    }
    (frames, macros, refusal)
}

/// The names that a template itself gives: those after `set`, `for` and `macro`.
fn own_names(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for piece in pieces(text).into_iter().filter(|piece| piece.kind == Kind::Statement) {
        let mut words = words(&text[piece.range]);
        match words.next() {
            Some("set" | "for") => names.extend(words.take_while(|word| *word != "in").take(2)),
            Some("macro") => names.extend(words),
            _ => {}
        }
    }
    names
}

fn invalid(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::InvalidTemplate, message)
}

/// The name in `` `name` is undefined ``, wherever it stands in the text.
fn quoted<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    let end = text.find(&format!("`{after}"))?;
    text[..end].rsplit('`').next()
}

/// A text of minijinja's in the house's form.
fn tidy(detail: &str) -> String {
    detail.trim_end_matches('.').replace('"', "`")
}
