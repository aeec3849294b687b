//! `package-lock.yml`, in dbt's own form: either tool reads what the other wrote.

use std::path::Path;

use headwater_plan::{Code, Diagnostic, Diagnostics};
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::read::{HasPackages, Tree};
use super::{PackageSource, Pinned, PinnedSource, Spec};
use crate::config::Environ;
use crate::config::at::At;
use crate::config::file::packages::{LockFile, PackageFile};
use crate::config::yaml;

/// The lock's file.
pub const LOCK_FILE: &str = "package-lock.yml";

/// What was installed, each package at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// The packages, those that packages use too.
    pub packages: Vec<Pinned>,
    /// The hash of what was asked for.
    pub sha1_hash: Option<String>,
}

impl HasPackages for LockFile {
    fn packages(self) -> Vec<PackageFile> {
        self.packages
    }
}

impl Lock {
    /// The lock of what was asked for and what became of it.
    pub fn new(asked: &[Spec], packages: Vec<Pinned>) -> Self {
        Self { packages, sha1_hash: Some(hash(asked)) }
    }

    /// Reads the lock of a project; `None` if there is none.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub fn read(dir: &Path, environ: &Environ) -> Result<Option<Self>, Diagnostics> {
        if !dir.join(LOCK_FILE).is_file() {
            return Ok(None);
        }
        let mut found = Diagnostics::default();
        let lock = Tree::open(dir, LOCK_FILE, &mut found).and_then(|tree| {
            let specs = tree.specs::<LockFile>("LockFile", environ, Some(&crate::template::yaml), &mut found)?;
            let packages = specs.into_iter().filter_map(|spec| pinned(spec, &mut found)).collect();
            Some(Self { packages, sha1_hash: tree.text("sha1_hash") })
        });
        if found.has_errors() { Err(found) } else { Ok(lock) }
    }

    /// Whether it was made from exactly what is asked for now.
    pub fn is_of(&self, asked: &[Spec]) -> bool {
        self.sha1_hash.as_deref() == Some(&hash(asked))
    }

    /// The text of the file, as dbt writes it.
    pub fn text(&self) -> String {
        let mut text = String::from("packages:\n");
        for package in &self.packages {
            for (number, (key, value)) in entries(package).into_iter().enumerate() {
                let begin = if number == 0 { "  - " } else { "    " };
                text += &format!("{begin}{key}: {}\n", scalar(&value));
            }
        }
        if self.packages.is_empty() {
            text = "packages: []\n".into();
        }
        if let Some(hash) = &self.sha1_hash {
            text += &format!("sha1_hash: {}\n", scalar(hash));
        }
        text
    }
}

fn pinned(spec: Spec, found: &mut Diagnostics) -> Option<Pinned> {
    let written = spec.shown();
    let source = match spec.source {
        PackageSource::Hub { package, version, .. } => match version.exactly() {
            Some(version) => PinnedSource::Hub { package, version: version.clone() },
            None => {
                let message = format!("`{LOCK_FILE}` does not say which version of `{package}` it is");
                let wrong = Diagnostic::error(Code::InvalidValue, message).at(spec.location);
                found.push(wrong.help("delete the file and run `headwater deps`"));
                return None;
            }
        },
        PackageSource::Git { url, revision, subdirectory, .. } => {
            PinnedSource::Git { url, written, revision: revision.unwrap_or_else(|| "HEAD".into()), subdirectory }
        }
        PackageSource::Local { path } => PinnedSource::Local { path },
        PackageSource::Tarball { url } => PinnedSource::Tarball { url, written },
    };
    Some(Pinned { name: spec.name, source })
}

/// The keys of an entry, sorted.
fn entries(package: &Pinned) -> Vec<(&'static str, String)> {
    let mut entries = match &package.source {
        PinnedSource::Hub { package, version } => vec![("package", package.clone()), ("version", version.to_string())],
        PinnedSource::Git { written, revision, subdirectory, .. } => {
            let mut entries = vec![("git", written.clone()), ("revision", revision.clone())];
            entries.extend(subdirectory.clone().map(|folder| ("subdirectory", folder)));
            entries
        }
        PinnedSource::Local { path } => vec![("local", path.clone())],
        PinnedSource::Tarball { written, .. } => vec![("tarball", written.clone())],
    };
    entries.extend(package.name.clone().map(|name| ("name", name)));
    entries.sort();
    entries
}

/// A text as YAML: plain where every version of YAML reads it as that text, else in quotes.
fn scalar(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "./_-+@".contains(c);
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c.is_ascii_digit() || c == '.' || c == '/')
        && text.chars().all(|c| harmless(c) || c == ':')
        && !text.ends_with(':')
        && !words.contains(&text.to_lowercase().as_str())
        && yaml::plain(text).is_string()
        && !looks_like_number(text);
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// What YAML 1.1 might take for a number: digits, `_`, `.`, `:`, `e` and signs alone.
fn looks_like_number(text: &str) -> bool {
    text.matches('.').count() < 2
        && !text.contains('/')
        && text.chars().all(|c| c.is_ascii_digit() || "._:eE+-".contains(c))
}

/// The hash that dbt keeps of what was asked for.
fn hash(asked: &[Spec]) -> String {
    let mut lines: Vec<&str> = asked.iter().map(|spec| spec.hashed.expose()).collect();
    lines.sort_unstable();
    Sha1::digest(lines.join("\n").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What dbt hashes of an entry: its own form of it, with defaults, beside the entry as it is written.
pub(super) fn hashed(kind: &str, at: At<'_>, written: &Map<String, Value>) -> String {
    let value = |key: &str| at.get(key).map_or(Value::Null, |at| at.node.to_json());
    let mut fields = match kind {
        "package" => json!({
            "package": value("package"),
            "version": value("version"),
            "install_prerelease": at.get("install_prerelease").map_or(json!(false), |at| at.node.to_json()),
        }),
        "git" => json!({
            "git": value("git"),
            "revision": value("revision"),
            "subdirectory": value("subdirectory"),
            "warn-unpinned": value("warn-unpinned"),
        }),
        kind => json!({ kind: value(kind) }),
    };
    fields["unrendered"] = Value::Object(written.clone());
    if at.get("name").is_some() {
        fields["name"] = value("name");
    }
    let mut text = String::new();
    python(&fields, &mut text);
    text
}

/// JSON as Python writes it, keys sorted.
fn python(value: &Value, text: &mut String) {
    match value {
        Value::String(string) => {
            text.push('"');
            for unit in string.encode_utf16() {
                match char::from_u32(u32::from(unit)) {
                    Some('"') => *text += "\\\"",
                    Some('\\') => *text += "\\\\",
                    Some('\n') => *text += "\\n",
                    Some('\r') => *text += "\\r",
                    Some('\t') => *text += "\\t",
                    Some(letter) if letter == ' ' || letter.is_ascii_graphic() => text.push(letter),
                    _ => *text += &format!("\\u{unit:04x}"),
                }
            }
            text.push('"');
        }
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                *text += if number == 0 { "" } else { ", " };
                python(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (number, key) in keys.into_iter().enumerate() {
                *text += if number == 0 { "" } else { ", " };
                python(&Value::from(key.as_str()), text);
                *text += ": ";
                python(&fields[key], text);
            }
            text.push('}');
        }
        plain => *text += &plain.to_string(),
    }
}
