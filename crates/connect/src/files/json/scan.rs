//! Where the values of a JSON text are. Strict (RFC 8259): what this accepts, every JSON reader accepts. Nothing is
//! built; a value is a place in the text.

use std::borrow::Cow;

/// Deeper than this is no data.
const MAX_DEPTH: usize = 128;

/// A value's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
}

/// A value's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    /// The place includes the quotes.
    String {
        escaped: bool,
    },
    Array,
    Object,
}

/// A field of an object: its name's place, quotes included, and its value's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

/// Why a text is no JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

type Found<T> = Result<T, Mistake>;

fn mistake<T>(at: usize, what: &'static str) -> Found<T> {
    Err(Mistake { at, what })
}

/// The first place at or after `at` that is no blank.
pub(crate) fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// A text that is one object and nothing else; its fields go to `members`.
pub(crate) fn object(bytes: &[u8], start: usize, end: usize, members: &mut Vec<Member>) -> Found<Span> {
    let bytes = &bytes[..end];
    let at = skip_blanks(bytes, start);
    if bytes.get(at) != Some(&b'{') {
        let found = value(bytes, at, 0)?;
        return mistake(found.start, "expected an object");
    }
    let span = object_at(bytes, at, 0, |member| members.push(member))?;
    let behind = skip_blanks(bytes, span.end);
    if behind < bytes.len() { mistake(behind, "expected nothing behind the object") } else { Ok(span) }
}

/// The value that begins at `at`.
pub(crate) fn value(bytes: &[u8], at: usize, depth: usize) -> Found<Span> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at),
        Some(b'{') => object_at(bytes, at, depth, |_| ()),
        Some(b'[') => array_at(bytes, at, depth, |_| ()),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b't') => word(bytes, at, b"true", Kind::Boolean),
        Some(b'f') => word(bytes, at, b"false", Kind::Boolean),
        Some(b'n') => word(bytes, at, b"null", Kind::Null),
        Some(_) => mistake(at, "expected a value"),
        None => mistake(at, "it ends where a value must stand"),
    }
}

fn word(bytes: &[u8], at: usize, word: &[u8], kind: Kind) -> Found<Span> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        Ok(Span { start: at, end: at + word.len(), kind })
    } else if word.starts_with(rest) {
        mistake(bytes.len(), "it ends inside a value")
    } else {
        mistake(at, "expected a value")
    }
}

fn number(bytes: &[u8], start: usize) -> Found<Span> {
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let whole = if bytes[start] == b'-' { start + 1 } else { start };
    let mut at = digits(whole);
    if at == whole {
        return mistake(at, "expected a digit");
    }
    if bytes[whole] == b'0' && at > whole + 1 {
        return mistake(whole, "a number begins with a needless zero");
    }
    if bytes.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits(fraction);
        if at == fraction {
            return mistake(at, "expected a digit");
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = at + 1 + sign;
        at = digits(exponent);
        if at == exponent {
            return mistake(at, "expected a digit");
        }
    }
    Ok(Span { start, end: at, kind: Kind::Number })
}

fn string(bytes: &[u8], start: usize) -> Found<Span> {
    let mut at = start + 1;
    let mut escaped = false;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(Span { start, end: at + 1, kind: Kind::String { escaped } }),
            Some(b'\\') => {
                escaped = true;
                at = escape(bytes, at)?;
            }
            Some(0..0x20) => return mistake(at, "a text is not closed, or holds a control character"),
            Some(_) => at += 1,
            None => return mistake(at, "a text is not closed"),
        }
    }
}

/// Past the escape at `at`.
fn escape(bytes: &[u8], at: usize) -> Found<usize> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let Some(first) = unit(bytes, at) else { return mistake(at, "`\\u` needs four hexadecimal digits") };
            match first {
                0xd800..0xdc00 if matches!(unit(bytes, at + 6), Some(0xdc00..0xe000)) => Ok(at + 12),
                0xd800..0xe000 => mistake(at, "half a character: a surrogate without its other"),
                _ => Ok(at + 6),
            }
        }
        _ => mistake(at, "an escape that JSON does not have"),
    }
}

/// The code unit of the `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

fn object_at(bytes: &[u8], start: usize, depth: usize, mut take: impl FnMut(Member)) -> Found<Span> {
    if depth >= MAX_DEPTH {
        return mistake(start, "it is nested too deeply");
    }
    let mut at = skip_blanks(bytes, start + 1);
    if bytes.get(at) == Some(&b'}') {
        return Ok(Span { start, end: at + 1, kind: Kind::Object });
    }
    loop {
        if bytes.get(at) != Some(&b'"') {
            return mistake(at, "expected the name of a field, in double quotes");
        }
        let name = string(bytes, at)?;
        at = skip_blanks(bytes, name.end);
        if bytes.get(at) != Some(&b':') {
            return mistake(at, "expected `:`");
        }
        let value = value(bytes, skip_blanks(bytes, at + 1), depth + 1)?;
        take(Member { name, value });
        at = skip_blanks(bytes, value.end);
        match bytes.get(at) {
            Some(b',') => at = skip_blanks(bytes, at + 1),
            Some(b'}') => return Ok(Span { start, end: at + 1, kind: Kind::Object }),
            _ => return mistake(at, "expected `,` or `}`"),
        }
    }
}

fn array_at(bytes: &[u8], start: usize, depth: usize, mut take: impl FnMut(Span)) -> Found<Span> {
    if depth >= MAX_DEPTH {
        return mistake(start, "it is nested too deeply");
    }
    let mut at = skip_blanks(bytes, start + 1);
    if bytes.get(at) == Some(&b']') {
        return Ok(Span { start, end: at + 1, kind: Kind::Array });
    }
    loop {
        let value = value(bytes, at, depth + 1)?;
        take(value);
        at = skip_blanks(bytes, value.end);
        match bytes.get(at) {
            Some(b',') => at = skip_blanks(bytes, at + 1),
            Some(b']') => return Ok(Span { start, end: at + 1, kind: Kind::Array }),
            _ => return mistake(at, "expected `,` or `]`"),
        }
    }
}

/// The fields of an object that was found before.
pub(crate) fn members(bytes: &[u8], object: Span, mut take: impl FnMut(Member)) {
    // It was found before, so it is found again.
    let found = object_at(bytes, object.start, 0, &mut take);
    debug_assert!(found.is_ok());
}

/// The elements of an array that was found before.
pub(crate) fn elements(bytes: &[u8], array: Span, mut take: impl FnMut(Span)) {
    let found = array_at(bytes, array.start, 0, &mut take);
    debug_assert!(found.is_ok());
}

impl Span {
    /// The value as a text: what stands between a string's quotes, its escapes undone; all others as they stand.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.kind {
            Kind::String { escaped: false } => Cow::Borrowed(&text[self.start + 1..self.end - 1]),
            Kind::String { escaped: true } => Cow::Owned(unescaped(&text[self.start + 1..self.end - 1])),
            _ => Cow::Borrowed(&text[self.start..self.end]),
        }
    }

    /// Where the value's text stands if it needs no undoing.
    pub(crate) fn plain(&self) -> Option<(usize, usize)> {
        match self.kind {
            Kind::String { escaped: false } => Some((self.start + 1, self.end - 1)),
            Kind::String { escaped: true } => None,
            _ => Some((self.start, self.end)),
        }
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find('\\') {
        out.push_str(&rest[..found]);
        let bytes = rest.as_bytes();
        let (letter, length) = match bytes.get(found + 1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => {
                let first = unit(bytes, found).unwrap_or_default();
                match unit(bytes, found + 6).filter(|_| (0xd800..0xdc00).contains(&first)) {
                    Some(second) => {
                        let code = 0x1_0000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
                        (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                    }
                    None => (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
                }
            }
            // `"`, `\` and `/` stand for themselves.
            Some(itself) => (char::from(*itself), 2),
            None => ('\\', 1),
        };
        out.push(letter);
        rest = rest.get(found + length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
