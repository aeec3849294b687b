//! `.dbtignore`: patterns of files that are no part of a project, as `.gitignore` writes them.

use std::path::Path;

use glob::{MatchOptions, Pattern};
use headwater_plan::{Code, Diagnostic, Diagnostics};

use super::source::{Source, Span};

/// The file in a project's or package's own folder.
pub(super) const FILE: &str = ".dbtignore";

/// The patterns, the later ones winning.
#[derive(Debug, Default)]
pub(super) struct Ignore(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Pattern,
    /// A pattern with a `/` in it is of the path, one without of any part of it.
    of_path: bool,
    /// `!pattern` takes back what was ignored.
    back: bool,
    /// `pattern/` is of folders alone.
    folders_only: bool,
}

impl Ignore {
    /// Reads the file of the project itself (`""`) or of a package, if there is one.
    pub(super) fn read(dir: &Path, package: &Path, found: &mut Diagnostics) -> Self {
        let path = package.join(FILE);
        if !dir.join(&path).is_file() {
            return Self::default();
        }
        let source = match Source::read(dir, &path) {
            Ok(source) => source,
            Err(wrong) => {
                found.push(wrong);
                return Self::default();
            }
        };
        let mut rules = Vec::new();
        for (number, line) in (1..).zip(&source.lines) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Rule::parse(line) {
                Ok(rule) => rules.push(rule),
                Err(error) => {
                    let place = source.location(Span { line: number, ..Span::START });
                    let message = format!("`{line}` is not a pattern: {}", error.msg);
                    found.push(Diagnostic::error(Code::InvalidValue, message).at(place));
                }
            }
        }
        Self(rules)
    }

    /// Whether a file or folder, by its path in the project or package, is left out. The folders above it are asked before.
    pub(super) fn leaves_out(&self, path: &Path, is_folder: bool) -> bool {
        let rule = self.0.iter().rev().find(|rule| (is_folder || !rule.folders_only) && rule.matches(path));
        rule.is_some_and(|rule| !rule.back)
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Self, glob::PatternError> {
        let (back, line) = line.strip_prefix('!').map_or((false, line), |line| (true, line));
        let (folders_only, line) = line.strip_suffix('/').map_or((false, line), |line| (true, line));
        let of_path = line.contains('/');
        let pattern = Pattern::new(line.strip_prefix('/').unwrap_or(line))?;
        Ok(Self { pattern, of_path, back, folders_only })
    }

    fn matches(&self, path: &Path) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        match self.of_path {
            true => self.pattern.matches_path_with(path, options),
            false => path.file_name().is_some_and(|name| self.pattern.matches_with(&name.to_string_lossy(), options)),
        }
    }
}
