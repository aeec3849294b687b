//! minijinja's errors as messages with a place, a cause and a next step.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Location};
use minijinja::{Error, ErrorKind};

use super::names::{GIVEN, Shared};
use super::place::locate;
use super::scan::{Kind, pieces, words};

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

/// The file whose rendering failed.
#[derive(Clone, Copy)]
pub(super) struct Failed<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) shared: &'a Shared,
}

impl Failed<'_> {
    /// The error as a message, at the place where the reader can mend it.
    pub(super) fn diagnose(&self, error: &Error) -> Diagnostic {
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
            refusal = source.downcast_ref::<Refusal>().or(refusal);
            cause = source.source();
        }
        let innermost = frames[frames.len() - 1];
        let at_caller = refusal.is_some_and(|refusal| refusal.at_caller);
        // `ref(name)` inside a macro is as good as its argument, which the caller wrote; `ref('name')` is its own.
        let computed = refusal.is_some() && self.written(innermost).is_some_and(|text| !text.contains(['\'', '"']));
        let place = if at_caller || computed { frames[0] } else { innermost };

        let mut diagnostic = match refusal {
            Some(refusal) => refusal.diagnostic.clone(),
            None => self.explain(innermost),
        };
        for (depth, name) in macros.iter().enumerate() {
            let (told, verb) =
                if std::ptr::eq(place, frames[0]) { (frames[depth + 1], "raised") } else { (frames[depth], "called") };
            if let Some(at) = self.locate(told) {
                diagnostic.causes.push(format!("in the macro `{name}`, {verb} at {at}"));
            }
        }
        match self.locate(place) {
            Some(location) => diagnostic.at(location),
            None => diagnostic.at(Location::line(self.path, 1)),
        }
    }

    fn text_of(&self, error: &Error) -> Option<(&Path, &str)> {
        let name = error.name()?;
        if self.path.as_os_str() == name {
            return Some((self.path, self.text));
        }
        let (file, text) = self.shared.texts.get_key_value(name)?;
        Some((Path::new(file), text))
    }

    /// The part of the template that failed.
    fn written(&self, error: &Error) -> Option<&str> {
        let (_, text) = self.text_of(error)?;
        text.get(error.range()?)
    }

    /// The dotted name that failed, if it is no more than that.
    fn name_at(&self, error: &Error) -> Option<&str> {
        self.written(error).filter(|text| text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'))
    }

    fn locate(&self, error: &Error) -> Option<Location> {
        let (file, text) = self.text_of(error)?;
        match error.range() {
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
            ErrorKind::UndefinedError => match quoted(detail, " is undefined").or_else(|| self.name_at(error)) {
                Some(name) => self.not_there(error, name),
                None => invalid("a value that is used here is not defined"),
            },
            ErrorKind::UnknownFunction => match detail.strip_suffix(" is unknown") {
                Some(name) => self.not_there(error, name),
                None => invalid(detail),
            },
            ErrorKind::UnknownMethod => match in_place(detail) {
                Some(method) => {
                    let message = format!("`{method}` changes a value in place: that is not supported yet");
                    Diagnostic::error(Code::Unsupported, message).help("build a new one: `{% set xs = xs + [x] %}`")
                }
                None => invalid(tidy(detail)),
            },
            ErrorKind::SyntaxError => invalid(format!("the template does not parse: {}", tidy(detail)))
                .help("a tag is `{{ … }}`, `{% … %}` or `{# … #}`; `{% raw %}…{% endraw %}` writes one as it is"),
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest => match detail.split(' ').collect::<Vec<_>>()[..] {
                [what, name, "is", "unknown"] => invalid(format!("no {what} is named `{name}`")),
                _ => invalid(tidy(detail)),
            },
            kind if detail.is_empty() => invalid(kind.to_string()),
            kind => invalid(format!("{kind}: {}", tidy(detail))),
        }
    }

    fn not_there(&self, error: &Error, name: &str) -> Diagnostic {
        let diagnostic = invalid(format!("`{name}` is not defined"));
        let own = own_names(self.text_of(error).map_or(self.text, |(_, text)| text));
        let near = match name.rsplit_once('.') {
            Some(("target", attribute)) => did_you_mean(attribute, ["name", "schema", "type", "threads"]),
            Some(("this", attribute)) => did_you_mean(attribute, ["schema", "identifier", "name"]),
            Some(_) => None,
            None => {
                let macros = self.shared.macros.keys().map(String::as_str);
                did_you_mean(name, GIVEN.iter().copied().chain(macros).chain(own.iter().copied()))
            }
        };
        match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("variables come from `{% set … %}` or `var('…')`, macros from `macros/*.sql`"),
        }
    }
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

/// The missing method, if it is one of Python's that change a value in place.
fn in_place(detail: &str) -> Option<&str> {
    let method = detail.rsplit(' ').next()?;
    ["append", "extend", "update", "pop", "insert", "remove", "clear"].contains(&method).then_some(method)
}

/// A text of minijinja's in the house's form.
fn tidy(detail: &str) -> String {
    detail.trim_end_matches('.').replace('"', "`")
}
