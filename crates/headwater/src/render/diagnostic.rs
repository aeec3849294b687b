//! Errors and warnings as rustc and ruff show them: code, message, place, the line with carets, help, causes.

use headwater_plan::{Diagnostic, Location, Severity};

use super::number::counted;
use super::style::{Style, width};

/// One message, with its line of source. Ends in a line break.
pub(crate) fn render(diagnostic: &Diagnostic, style: Style) -> String {
    let word = match diagnostic.severity {
        Severity::Error => style.bold_red(format_args!("error[{}]", diagnostic.code)),
        Severity::Warning => style.bold_yellow(format_args!("warning[{}]", diagnostic.code)),
    };
    let mut text = format!("{word}{}\n", style.bold(format_args!(": {}", indent(&diagnostic.message, 2))));
    let gutter = diagnostic.location.as_ref().map_or(1, |location| location.line.to_string().len());
    match (&diagnostic.location, &diagnostic.node) {
        (Some(location), _) => text += &place(location, diagnostic.severity, gutter, style),
        (None, Some(node)) => text += &format!("{}{} {node}\n", " ".repeat(gutter), style.blue("-->")),
        (None, None) => {}
    }
    for cause in &diagnostic.causes {
        text += &note("cause", cause, gutter, style);
    }
    if let Some(help) = &diagnostic.help {
        text += &note("help", help, gutter, style);
    }
    text
}

/// All messages, a blank line between them, and a last line that counts the errors.
pub(crate) fn render_all(diagnostics: &[Diagnostic], style: Style) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text += &render(diagnostic, style);
        text.push('\n');
    }
    let errors: Vec<&Diagnostic> = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    if errors.len() > 1 {
        let mut files: Vec<_> =
            errors.iter().filter_map(|error| error.location.as_ref().map(|location| &location.file)).collect();
        // What the user typed, `<query>`, is no file.
        files.retain(|file| !file.to_string_lossy().starts_with('<'));
        files.sort();
        files.dedup();
        let place =
            if files.is_empty() { String::new() } else { format!(" in {}", counted(files.len() as u64, "file")) };
        let problems = counted(errors.len() as u64, "problem");
        text += &format!("{}{}\n", style.bold_red("error"), style.bold(format_args!(": {problems}{place}")));
    } else {
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn place(location: &Location, severity: Severity, gutter: usize, style: Style) -> String {
    let margin = " ".repeat(gutter);
    let mut text = format!("{margin}{} {location}\n", style.blue("-->"));
    let Some(line) = &location.text else { return text };
    let window = window(line, location, style.width.saturating_sub(gutter + 3));
    let carets = "^".repeat(window.length);
    let carets = match severity {
        Severity::Error => style.bold_red(carets),
        Severity::Warning => style.bold_yellow(carets),
    };
    let rule = style.blue("|");
    text += &format!("{margin} {rule}\n");
    text += &format!("{} {rule} {}\n", style.blue(location.line), window.text);
    text += &format!("{margin} {rule} {}{carets}\n", " ".repeat(window.start));
    text
}

/// The part of a line that is shown.
struct Window {
    text: String,
    /// The column, from 0, under which the carets begin.
    start: usize,
    /// How many carets.
    length: usize,
}

/// Cuts a line to the page around what is meant: a record of a CSV file can be pages long.
fn window(line: &str, location: &Location, columns: usize) -> Window {
    // A tab would move the text away from its carets.
    let characters: Vec<char> = line.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let start = (location.column.max(1) as usize - 1).min(characters.len());
    let end = (start + location.length.max(1) as usize).min(characters.len());
    let whole = characters.len() <= columns;
    let from = if whole { 0 } else { start.saturating_sub(columns / 3) };
    let to = if whole { characters.len() } else { (from + columns.saturating_sub(2).max(1)).min(characters.len()) };
    let text = |range: std::ops::Range<usize>| characters.get(range).unwrap_or_default().iter().collect::<String>();
    let (opening, closing) = (if from > 0 { "…" } else { "" }, if to < characters.len() { "…" } else { "" });
    Window {
        text: format!("{opening}{}{closing}", text(from..to)),
        start: width(opening) + width(&text(from..start)),
        length: width(&text(start..end.min(to).max(start))).max(1),
    }
}

fn note(word: &str, text: &str, gutter: usize, style: Style) -> String {
    let margin = " ".repeat(gutter + 1);
    let rule = style.blue("=");
    format!("{margin}{rule} {}: {}\n", style.bold(word), indent(text, gutter + 5 + word.len()))
}

/// Keeps the lines of a message below each other.
fn indent(text: &str, columns: usize) -> String {
    text.trim_end().replace('\n', &format!("\n{}", " ".repeat(columns)))
}

#[cfg(test)]
mod tests {
    use headwater_plan::Code;

    use super::*;

    fn unknown_column() -> Diagnostic {
        Diagnostic::error(Code::UnknownColumn, "column `amout` is not in `silver.rentals`")
            .at(Location {
                file: "models/gold/daily_metrics.sql".into(),
                line: 12,
                column: 7,
                length: 5,
                text: Some("  sum(amout) as total_revenue,".into()),
            })
            .help("did you mean `amount`?")
    }

    #[test]
    fn an_error_shows_its_line() {
        insta::assert_snapshot!(render(&unknown_column(), Style::plain()), @r"
        error[unknown-column]: column `amout` is not in `silver.rentals`
          --> models/gold/daily_metrics.sql:12:7
           |
        12 |   sum(amout) as total_revenue,
           |       ^^^^^
           = help: did you mean `amount`?
        ");
    }

    #[test]
    fn a_long_record_is_cut_around_the_cell() {
        let line = format!("{}oops{}", "1234567,".repeat(30), ",abcdefg".repeat(30));
        let location = Location { file: "in/a.csv".into(), line: 7, column: 241, length: 4, text: Some(line) };
        let diagnostic = Diagnostic::error(Code::InvalidCell, "`oops` is not an `int`").at(location);
        insta::assert_snapshot!(render(&diagnostic, Style::plain()), @r"
        error[invalid-cell]: `oops` is not an `int`
         --> in/a.csv:7:241
          |
        7 | …,1234567,1234567,1234567,oops,abcdefg,abcdefg,abcdefg,abcdefg,abcdefg,abcd…
          |                           ^^^^
        ");
    }

    #[test]
    fn the_last_line_counts() {
        let mut second = Diagnostic::error(Code::LakeUnavailable, "cannot write `lake/gold`\nthe disk is full");
        second.causes = vec!["No space left on device (os error 28)".into()];
        let warning = Diagnostic::warning(Code::TestFailed, "3 rows have no `email`");
        let all = [unknown_column(), second, warning];
        insta::assert_snapshot!(render_all(&all, Style::plain()), @r"
        error[unknown-column]: column `amout` is not in `silver.rentals`
          --> models/gold/daily_metrics.sql:12:7
           |
        12 |   sum(amout) as total_revenue,
           |       ^^^^^
           = help: did you mean `amount`?

        error[lake-unavailable]: cannot write `lake/gold`
          the disk is full
          = cause: No space left on device (os error 28)

        warning[test-failed]: 3 rows have no `email`

        error: 2 problems in 1 file
        ");
    }

    #[test]
    fn carets_at_the_end_of_a_line_and_under_wide_letters() {
        let location = Location { file: "a.sql".into(), line: 1, column: 4, length: 9, text: Some("日本 x".into()) };
        let diagnostic = Diagnostic::error(Code::SqlSyntax, "unexpected `x`").at(location);
        insta::assert_snapshot!(render(&diagnostic, Style::plain()), @r"
        error[sql-syntax]: unexpected `x`
         --> a.sql:1:4
          |
        1 | 日本 x
          |      ^
        ");
        let location = Location { file: "a.sql".into(), line: 1, column: 9, length: 1, text: Some("select a".into()) };
        let diagnostic = Diagnostic::error(Code::SqlSyntax, "the query ends too soon").at(location);
        insta::assert_snapshot!(render(&diagnostic, Style::plain()), @r"
        error[sql-syntax]: the query ends too soon
         --> a.sql:1:9
          |
        1 | select a
          |         ^
        ");
    }
}
