//! Names that become folders, and paths as users write them.

use std::path::{Component, Path, PathBuf};

use glob::Pattern;
use headwater_plan::{Code, Diagnostic};

use super::at::At;

/// Whether a text can name a project, a schema, a table: it becomes a folder of the lake and a part of a node's id.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

/// What is wrong with the name that stands there.
pub(crate) fn check_identifier(at: At<'_>, what: &str, name: &str) -> Option<Diagnostic> {
    if !is_identifier(name) {
        let message = format!("the name `{name}` of {what} has other characters than letters, digits, `_` and `-`");
        return Some(
            at.error(Code::InvalidValue, message).help("names become folders of the lake and parts of node ids"),
        );
    }
    None
}

/// What is wrong with the schema that stands there.
pub(crate) fn check_schema(at: At<'_>, name: &str) -> Option<Diagnostic> {
    if name.eq_ignore_ascii_case("_headwater") {
        let message = "the schema cannot be `_headwater`: that folder of the lake is headwater's own";
        return Some(at.error(Code::InvalidValue, message));
    }
    check_identifier(at, "a schema", name)
}

/// Whether a text is a URL rather than a path.
pub(crate) fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// A path as written, absolute: relative ones start at the project's folder. URLs stay as they are.
pub(crate) fn absolute(dir: &Path, written: &str) -> String {
    if is_url(written) { written.to_owned() } else { joined(dir, written).to_string_lossy().into_owned() }
}

/// As [`absolute`], for a pattern: what the project's own folder is called is never a pattern.
pub(crate) fn absolute_pattern(dir: &Path, written: &str) -> String {
    if is_url(written) {
        return written.to_owned();
    }
    let dir = Pattern::escape(&dir.to_string_lossy());
    joined(Path::new(&dir), written).to_string_lossy().into_owned()
}

fn joined(dir: &Path, written: &str) -> PathBuf {
    // `./lake` and `lake` are one path to the eye as well.
    let written: PathBuf = Path::new(written).components().filter(|part| *part != Component::CurDir).collect();
    dir.join(written)
}

/// What is wrong with the path that stands there.
pub(crate) fn check_path(at: At<'_>, what: &str, written: &str) -> Option<Diagnostic> {
    if written.trim().is_empty() {
        return Some(at.error(Code::InvalidValue, format!("{what} must not be empty")));
    }
    if written == "~" || written.starts_with("~/") {
        let message = format!("{what} begins with `~`, which only a shell expands");
        return Some(at.error(Code::InvalidValue, message).help("write `{{ env_var('HOME') }}/…`"));
    }
    None
}

/// What is wrong with the pattern that stands there.
pub(crate) fn check_pattern(at: At<'_>, written: &str) -> Option<Diagnostic> {
    let wrong = check_path(at, "`files`", written);
    if wrong.is_some() || is_url(written) {
        return wrong;
    }
    let error = Pattern::new(written).err()?;
    let message = format!("`files` is not a pattern: {} at its character {}", error.msg, error.pos + 1);
    Some(at.error(Code::InvalidValue, message).help("`*`, `?`, `[…]` and `**` have a meaning; `[*]` is a star itself"))
}
