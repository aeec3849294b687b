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
    let wrong = check_path(at, "`files`", written).or_else(|| check_url(at, "`files`", written));
    if wrong.is_some() {
        return wrong;
    }
    let error = Pattern::new(written).err()?;
    let message = format!("`files` is not a pattern: {} at its character {}", error.msg, error.pos + 1);
    Some(at.error(Code::InvalidValue, message).help("`*`, `?`, `[…]` and `**` have a meaning; `[*]` is a star itself"))
}

/// What is wrong with the URL that stands there, if it is one.
fn check_url(at: At<'_>, what: &str, written: &str) -> Option<Diagnostic> {
    let (scheme, rest) = written.split_once("://")?;
    let scheme = scheme.to_lowercase();
    if scheme != "s3" {
        let message = format!("{what} cannot be a `{scheme}://` URL: files are read from folders and `s3://` buckets");
        let wrong = at.error(Code::Unsupported, message);
        return Some(match scheme.as_str() {
            "s3a" | "s3n" => wrong.help(format!("write `s3://{rest}`")),
            "file" => wrong.help(format!("write the path: `{rest}`")),
            _ => wrong,
        });
    }
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains(GLOB) {
        let message = format!("{what} must name its bucket: `{written}`");
        return Some(at.error(Code::InvalidValue, message).help("such as `s3://bucket/folder/*.csv`"));
    }
    if key.is_empty() {
        let message = format!("{what} names the bucket `{bucket}` and nothing in it");
        return Some(at.error(Code::InvalidValue, message).help(format!("such as `s3://{bucket}/folder`")));
    }
    None
}

/// What makes a part of a path a pattern.
const GLOB: [char; 3] = ['*', '?', '['];

/// What is wrong with the folder that stands there, to which loaded files of a pattern are moved.
pub(crate) fn check_archive(at: At<'_>, archive: &str, files: &str, dir: &Path) -> Option<Diagnostic> {
    let wrong = check_path(at, "`archive`", archive).or_else(|| check_url(at, "`archive`", archive));
    if wrong.is_some() {
        return wrong;
    }
    if archive.contains(GLOB) {
        let message = format!("`archive` is a folder, not a pattern: `{archive}`");
        return Some(at.error(Code::InvalidValue, message));
    }
    match (bucket(files), bucket(archive)) {
        (files, archive) if files == archive => {}
        (Some(bucket), _) => {
            let message = format!("files of the bucket `{bucket}` can be archived nowhere but in it");
            return Some(at.error(Code::InvalidValue, message).help(format!("such as `s3://{bucket}/archive`")));
        }
        (None, _) => {
            let message = "files of a folder cannot be archived in a bucket";
            return Some(at.error(Code::InvalidValue, message).help("name a folder, such as `archive`"));
        }
    }
    let (pattern, archive) = (absolute(dir, files), absolute(dir, archive));
    let (fixed, rest) = split_pattern(&pattern);
    let below = archive.trim_end_matches('/').strip_prefix(fixed.trim_end_matches('/'));
    let found_again = match below {
        Some("") => true,
        // A file moved down by some folders has too many parts for any pattern but one with `**`.
        Some(below) => below.starts_with('/') && rest.split('/').any(|part| part == "**"),
        None => false,
    };
    found_again.then(|| {
        let message = format!("files archived in `{}` would match `files` again", at.text());
        at.error(Code::InvalidValue, message).help("name a folder beside the one that the files arrive in")
    })
}

fn bucket(written: &str) -> Option<&str> {
    let (_, rest) = written.split_once("://")?;
    rest.split('/').next()
}

/// A pattern's folder, as far as it has no wildcards, and the rest.
fn split_pattern(pattern: &str) -> (&str, &str) {
    let end = pattern.find(GLOB).unwrap_or(pattern.len());
    let slash = pattern[..end].rfind('/').unwrap_or(0);
    (&pattern[..slash], pattern[slash..].trim_start_matches('/'))
}
