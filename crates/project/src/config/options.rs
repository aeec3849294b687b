//! `options:` of an ingest, resolved: what the files' format is, in all its details.

use headwater_plan::{Code, CsvOptions, Diagnostic, Diagnostics, FileFormat, JsonOptions, Quotes, Ragged};

use super::at::At;
use super::file::OneOrMany;
use super::file::ingest::FormatName;
use super::file::options::{OptionsFile, QuotesName, RaggedName};

/// The format of that name with the options that stand below `at`.
pub(super) fn resolve(
    at: At<'_>,
    format: FormatName,
    file: OptionsFile,
    found: &mut Diagnostics,
) -> Option<FileFormat> {
    let before = found.0.len();
    refuse_others(at, format, found);
    let format = match format {
        FormatName::Parquet => FileFormat::Parquet,
        FormatName::Avro => FileFormat::Avro,
        FormatName::Json => FileFormat::Json(JsonOptions {
            encoding: encoding(at, file.encoding, JsonOptions::default().encoding, found),
            null_values: file.null_value.map(OneOrMany::into_vec).unwrap_or_default(),
        }),
        FormatName::Csv => FileFormat::Csv(csv(at, file, found)),
    };
    (found.0.len() == before).then_some(format)
}

/// Tells of options that the format has not.
fn refuse_others(at: At<'_>, format: FormatName, found: &mut Diagnostics) {
    let (word, own): (_, &[&str]) = match format {
        FormatName::Csv => return,
        FormatName::Json => ("json", &["encoding", "nullValue"]),
        FormatName::Parquet => ("parquet", &[]),
        FormatName::Avro => ("avro", &[]),
    };
    for entry in at.node.entries().iter().filter(|entry| !own.contains(&entry.key.as_str())) {
        let message = format!("`{}` is an option of CSV files, and these are `{word}`", entry.key);
        let wrong = Diagnostic::error(Code::InvalidValue, message).at(at.source.location(entry.span));
        found.push(match own {
            [] => wrong.help(format!("`{word}` files have no options")),
            own => wrong.help(format!("`{word}` files have the options `{}`", own.join("`, `"))),
        });
    }
}

fn encoding(at: At<'_>, text: Option<String>, default: String, found: &mut Diagnostics) -> String {
    let Some(text) = text else { return default };
    if !headwater_connect::files::is_encoding(&text) {
        let message = format!("`{text}` is not an encoding that is known");
        let wrong = at.at("encoding").error(Code::InvalidValue, message);
        found.push(wrong.help("such as `UTF-8`, `UTF-16LE`, `ISO-8859-1`, `windows-1252`, `Shift_JIS` or `GB18030`"));
    }
    text
}

fn csv(at: At<'_>, file: OptionsFile, found: &mut Diagnostics) -> CsvOptions {
    let default = CsvOptions::default();
    let mut one = |key: &str, text: Option<&String>| text.and_then(|text| character(at.at(key), key, text, found));
    let quote = match &file.quote {
        Some(none) if none.is_empty() => None,
        Some(text) => one("quote", Some(text)),
        None => default.quote,
    };
    // Spark's way to say what is the default here.
    let escape = one("escape", file.escape.as_ref()).filter(|escape| Some(*escape) != quote);
    let comment = one("comment", file.comment.as_ref());
    let sep = file.sep.as_deref().map_or(Some(default.sep), |text| unescaped(at.at("sep"), "sep", text, found));
    let line_sep = file.line_sep.as_deref().and_then(|text| unescaped(at.at("lineSep"), "lineSep", text, found));
    let csv = CsvOptions {
        sep: sep.unwrap_or_default(),
        quote,
        escape,
        header: file.header.unwrap_or(default.header),
        encoding: encoding(at, file.encoding, default.encoding, found),
        line_sep,
        comment,
        multi_line: file.multi_line.unwrap_or(default.multi_line),
        null_values: file.null_value.map(OneOrMany::into_vec).unwrap_or_default(),
        empty_value: file.empty_value,
        ignore_leading_white_space: file.ignore_leading_white_space.unwrap_or(default.ignore_leading_white_space),
        ignore_trailing_white_space: file.ignore_trailing_white_space.unwrap_or(default.ignore_trailing_white_space),
        skip_rows: file.skip_rows.unwrap_or(default.skip_rows),
        header_rows: file.header_rows.unwrap_or(default.header_rows),
        footer_rows: file.footer_rows.unwrap_or(default.footer_rows),
        ragged: match file.ragged {
            None | Some(RaggedName::Quarantine) => Ragged::Quarantine,
            Some(RaggedName::Pad) => Ragged::Pad,
            Some(RaggedName::Rescue) => Ragged::Rescue,
        },
        quotes: match file.quotes {
            None | Some(QuotesName::Strict) => Quotes::Strict,
            Some(QuotesName::Lenient) => Quotes::Lenient,
        },
    };
    contradictions(at, &csv, found);
    csv
}

/// Options that are right each and wrong together.
fn contradictions(at: At<'_>, csv: &CsvOptions, found: &mut Diagnostics) {
    let mut wrong = |key: &str, message: String, help: &str| {
        let wrong = at.at(key).error(Code::InvalidValue, message);
        found.push(if help.is_empty() { wrong } else { wrong.help(help) });
    };
    let sep = csv.sep.as_str();
    let special = [("quote", csv.quote), ("escape", csv.escape), ("comment", csv.comment)];
    for (key, letter) in special.into_iter().filter_map(|(key, letter)| Some((key, letter?))) {
        if sep == letter.to_string() {
            wrong(key, format!("`sep` and `{key}` are both `{letter}`"), "");
        } else if key != "comment" && sep.contains(letter) || sep.starts_with(letter) {
            wrong(key, format!("`{key}` (`{letter}`) is a part of `sep` (`{sep}`)"), "");
        }
    }
    if let Some(comment) = csv.comment.filter(|comment| csv.quote == Some(*comment)) {
        wrong("comment", format!("`comment` and `quote` are both `{comment}`"), "");
    }
    if csv.escape.is_some() && csv.quote.is_none() {
        wrong("escape", "`escape` without a `quote` means nothing".to_owned(), "leave it out");
    }
    match &csv.line_sep {
        Some(line_sep) if sep.contains(line_sep.as_str()) || !sep.is_empty() && line_sep.contains(sep) => {
            let (sep, line_sep) = (sep.escape_debug(), line_sep.escape_debug());
            wrong("lineSep", format!("`sep` (`{sep}`) and `lineSep` (`{line_sep}`) cannot be told apart"), "");
        }
        None if sep.contains(['\n', '\r']) => {
            wrong("sep", "`sep` holds the end of a line".to_owned(), "say with `lineSep` what ends a line");
        }
        _ => {}
    }
    if !csv.header && at.get("header_rows").is_some() {
        let help = "leave `header_rows` out, or skip lines with `skip_rows`";
        wrong("header_rows", "`header_rows` with `header: false`: the files have no header".to_owned(), help);
    }
}

/// One ASCII character that does not end a line; `\t` is the tab, as Spark reads it.
pub(super) fn character(at: At<'_>, key: &str, text: &str, found: &mut Diagnostics) -> Option<char> {
    let mut letters = if text == "\\t" { "\t" } else { text }.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii() && !['\n', '\r', '\0'].contains(&letter) => Some(letter),
        _ => {
            let message = format!("`{key}` must be one ASCII character, not `{}`", text.escape_debug());
            found.push(at.error(Code::InvalidValue, message));
            None
        }
    }
}

/// A text with Spark's escapes, for those who write it in single quotes or none; a backslash alone is itself.
fn unescaped(at: At<'_>, key: &str, text: &str, found: &mut Diagnostics) -> Option<String> {
    if text == "\\" {
        return Some(text.to_owned());
    }
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('\\') => plain.push('\\'),
            other => {
                let escape = other.map_or_else(|| "\\".to_owned(), |letter| format!("\\{letter}"));
                let message = format!("`{key}` has the unknown escape `{escape}`");
                let help = "`\\t`, `\\n`, `\\r` and `\\\\` are known; a backslash itself is `\\\\`";
                found.push(at.error(Code::InvalidValue, message).help(help));
                return None;
            }
        }
    }
    Some(plain)
}
