//! Colour and width: what a stream can show.

use std::io::IsTerminal;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The width of a page when no terminal tells another.
pub(crate) const DEFAULT_WIDTH: usize = 80;

/// What a stream can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether escape codes are understood.
    pub(crate) colour: bool,
    /// Columns of text to a line.
    pub(crate) width: usize,
    /// Whether a person looks at it now.
    pub(crate) terminal: bool,
}

impl Style {
    /// Plain text, 80 columns: a pipe, a file, a test.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colour: false, width: DEFAULT_WIDTH, terminal: false }
    }

    /// The style of standard output.
    pub(crate) fn stdout(environ: &[(String, String)]) -> Self {
        let width = terminal_size::terminal_size_of(std::io::stdout());
        Self::of(std::io::stdout().is_terminal(), width.map(|(width, _)| usize::from(width.0)), environ)
    }

    /// The style of standard error.
    pub(crate) fn stderr(environ: &[(String, String)]) -> Self {
        let width = terminal_size::terminal_size_of(std::io::stderr());
        Self::of(std::io::stderr().is_terminal(), width.map(|(width, _)| usize::from(width.0)), environ)
    }

    /// The rules of <https://no-color.org> and <https://bixense.com/clicolors/>, the first of them winning.
    fn of(terminal: bool, width: Option<usize>, environ: &[(String, String)]) -> Self {
        let get = |name: &str| environ.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let is_set = |name: &str| get(name).is_some_and(|value| !value.is_empty());
        let forced = get("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
        let wanted = forced || (terminal && get("TERM") != Some("dumb") && get("CLICOLOR") != Some("0"));
        Self {
            colour: wanted && !is_set("NO_COLOR"),
            width: width.filter(|width| *width >= 40).unwrap_or(DEFAULT_WIDTH),
            terminal,
        }
    }

    fn paint(self, code: &str, text: impl std::fmt::Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// Headings, names.
    pub(crate) fn bold(self, text: impl std::fmt::Display) -> String {
        self.paint("1", text)
    }

    /// What may be overlooked.
    pub(crate) fn dim(self, text: impl std::fmt::Display) -> String {
        self.paint("2", text)
    }

    /// Done.
    pub(crate) fn green(self, text: impl std::fmt::Display) -> String {
        self.paint("32", text)
    }

    /// Look here.
    pub(crate) fn yellow(self, text: impl std::fmt::Display) -> String {
        self.paint("33", text)
    }

    /// What a chart is drawn in, and things to type.
    pub(crate) fn cyan(self, text: impl std::fmt::Display) -> String {
        self.paint("36", text)
    }

    /// Failed.
    pub(crate) fn red(self, text: impl std::fmt::Display) -> String {
        self.paint("31", text)
    }

    /// The word `error`.
    pub(crate) fn bold_red(self, text: impl std::fmt::Display) -> String {
        self.paint("1;31", text)
    }

    /// The word `warning`.
    pub(crate) fn bold_yellow(self, text: impl std::fmt::Display) -> String {
        self.paint("1;33", text)
    }

    /// The rule beside a source line.
    pub(crate) fn blue(self, text: impl std::fmt::Display) -> String {
        self.paint("1;34", text)
    }
}

/// How many columns a text takes; it holds no escape codes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to so many columns with `…` as the last if it is longer.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        kept.push(character);
        used += wide;
    }
    kept.push('…');
    kept
}

/// The text, filled with spaces on its right.
pub(crate) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text, filled with spaces on its left.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(terminal: bool, environ: &[(&str, &str)]) -> bool {
        let environ: Vec<_> = environ.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Style::of(terminal, None, &environ).colour
    }

    #[test]
    fn colour_is_for_terminals_and_those_who_ask() {
        assert!(colour(true, &[]));
        assert!(!colour(false, &[]));
        assert!(!colour(true, &[("NO_COLOR", "1")]));
        assert!(colour(true, &[("NO_COLOR", "")]));
        assert!(colour(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!colour(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!colour(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(!colour(true, &[("TERM", "dumb")]));
    }

    #[test]
    fn a_cut_keeps_the_columns() {
        assert_eq!(cut("rental", 6), "rental");
        assert_eq!(cut("rentals", 6), "renta…");
        assert_eq!(cut("日本語テキスト", 6), "日本…");
        assert_eq!(right("日本", 6), "  日本");
    }
}
