//! What a string literal's text means: Spark's escapes (`ParserUtils.unescapeSQLString`).

/// The value of the text between a string's quotes. `quote` is the quote character, which is doubled to mean itself.
pub(crate) fn unescape(raw: &str, quote: char) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => escape(&mut rest, &mut value),
            character if character == quote => {
                rest.next_if_eq(&quote);
                value.push(quote);
            }
            character => value.push(character),
        }
    }
    value
}

fn escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, value: &mut String) {
    let digits = |radix: u32, count: usize| -> Option<u32> {
        let text: String = rest.clone().take(count).collect();
        (text.chars().count() == count).then(|| u32::from_str_radix(&text, radix).ok()).flatten()
    };
    // `\` with three octal digits, `\u` with four hexadecimal ones, `\U` with eight.
    let octal = digits(8, 3).filter(|code| *code <= 0o177);
    let coded = match rest.peek() {
        Some('u') => Some((5, digits_after(rest, 4))),
        Some('U') => Some((9, digits_after(rest, 8))),
        Some('0'..='1') if octal.is_some() => Some((3, octal)),
        _ => None,
    };
    if let Some((length, Some(code))) = coded
        && let Some(character) = char::from_u32(code)
    {
        value.push(character);
        for _ in 0..length {
            rest.next();
        }
        return;
    }
    match rest.next() {
        Some('0') => value.push('\0'),
        Some('b') => value.push('\u{8}'),
        Some('n') => value.push('\n'),
        Some('r') => value.push('\r'),
        Some('t') => value.push('\t'),
        Some('Z') => value.push('\u{1A}'),
        // Kept with their backslash, because LIKE gives them a meaning.
        Some(wildcard @ ('%' | '_')) => value.extend(['\\', wildcard]),
        Some(other) => value.push(other),
        None => value.push('\\'),
    }
}

fn digits_after(rest: &std::iter::Peekable<std::str::Chars<'_>>, count: usize) -> Option<u32> {
    let text: String = rest.clone().skip(1).take(count).collect();
    (text.chars().count() == count).then(|| u32::from_str_radix(&text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escapes_mean_what_they_mean_in_spark() {
        for (raw, value) in [
            ("plain", "plain"),
            ("It''s", "It's"),
            (r"a\'b", "a'b"),
            (r"a\tb\n", "a\tb\n"),
            (r"\\d+", r"\d+"),
            (r"\d", "d"),
            (r"100\%", r"100\%"),
            (r"\u0041\101\0", "AA\0"),
            (r"\U0001F600", "\u{1F600}"),
        ] {
            assert_eq!(unescape(raw, '\''), value, "{raw}");
        }
        assert_eq!(unescape(r#"say ""hi"", it's"#, '"'), r#"say "hi", it's"#);
    }
}
