//! What stands after a backslash, and between brackets, in a Java pattern.

use super::parse::Parser;

/// The categories of Unicode in which its version 13 and Rust's have the same of the characters that both know.
const CATEGORIES: &[&str] = &[
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
    "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp",
];

/// What an escape stands for.
pub(super) enum Escape {
    Single(char),
    /// One character of a class, in Rust's words.
    Class(String),
    Place(&'static str),
    /// `\Z`, which is `$`.
    End,
    /// `\R`.
    Break,
}

/// A character in Rust's words. Java ignores the case of ASCII's letters only.
pub(super) fn character(character: char, ignore_case: bool) -> String {
    if ignore_case && character.is_ascii_alphabetic() {
        return format!("[{}{}]", character.to_ascii_lowercase(), character.to_ascii_uppercase());
    }
    regex::escape(&character.to_string())
}

/// The pattern with what stands between `\Q` and `\E` escaped, as Java itself does it first.
pub(super) fn without_quotes(java: &str) -> Vec<char> {
    let (mut plain, mut quoted) = (Vec::with_capacity(java.len()), false);
    let mut characters = java.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quoted) {
            ('\\', true) if characters.next_if_eq(&'E').is_some() => quoted = false,
            ('\\', false) if characters.next_if_eq(&'Q').is_some() => quoted = true,
            ('\\', false) => {
                plain.push('\\');
                plain.extend(characters.next());
            }
            (other, true) if other.is_ascii() && !other.is_ascii_alphanumeric() => plain.extend(['\\', other]),
            (digit, true) if digit.is_ascii_digit() => plain.extend(format!("\\x3{digit}").chars()),
            (other, _) => plain.push(other),
        }
    }
    plain
}

impl Parser {
    /// Reads what stands after a backslash.
    pub(super) fn escape(&mut self) -> Result<Escape, String> {
        let letter = self.next().ok_or("a backslash stands at its end")?;
        let class = |text: &str| Ok(Escape::Class(text.to_owned()));
        match letter {
            'd' => class("[0-9]"),
            'D' => class("[^0-9]"),
            'w' => class("[a-zA-Z0-9_]"),
            'W' => class("[^a-zA-Z0-9_]"),
            's' => class("[ \\t\\n\\x0B\\f\\r]"),
            'S' => class("[^ \\t\\n\\x0B\\f\\r]"),
            'h' => class("[ \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}]"),
            'H' => class("[^ \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}]"),
            'V' => class("[^\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}]"),
            // Inside a range it is a single character.
            'v' if self.peek() != Some('-') => class("[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}]"),
            'p' | 'P' => self.property(letter == 'P').map(Escape::Class),
            't' => Ok(Escape::Single('\t')),
            'n' => Ok(Escape::Single('\n')),
            'r' => Ok(Escape::Single('\r')),
            'f' => Ok(Escape::Single('\u{C}')),
            'a' => Ok(Escape::Single('\u{7}')),
            'e' => Ok(Escape::Single('\u{1B}')),
            'x' if self.take('{') => self.code(usize::MAX),
            'x' => self.code(2),
            'u' => self.code(4),
            'b' if self.peek() != Some('{') => Ok(Escape::Place("\\b")),
            'A' => Ok(Escape::Place("\\A")),
            'z' => Ok(Escape::Place("\\z")),
            'Z' => Ok(Escape::End),
            'R' => Ok(Escape::Break),
            '1'..='9' => Err(format!("`\\{letter}`, which repeats a group, is not supported")),
            other if other.is_ascii_alphanumeric() => Err(format!("`\\{other}` is not supported")),
            other => Ok(Escape::Single(other)),
        }
    }

    /// Reads a character's number, of so many digits, or up to a brace.
    fn code(&mut self, digits: usize) -> Result<Escape, String> {
        let mut text = String::new();
        while text.len() < digits
            && let Some(digit) = self.peek().filter(char::is_ascii_hexdigit)
        {
            text.push(digit);
            self.next();
        }
        let whole = if digits == usize::MAX { self.take('}') } else { text.len() == digits };
        let found = u32::from_str_radix(&text, 16).ok().and_then(char::from_u32).filter(|_| whole);
        found.map(Escape::Single).ok_or_else(|| "`\\x` or `\\u` is not followed by a character's number".into())
    }

    /// Reads what stands after `\p`. Java 17 knows the characters of Unicode 13 only.
    fn property(&mut self, negated: bool) -> Result<String, String> {
        let mut name = String::new();
        if self.take('{') {
            while let Some(letter) = self.next().filter(|letter| *letter != '}') {
                name.push(letter);
            }
        } else {
            name.extend(self.next());
        }
        let not = if negated { "^" } else { "" };
        let class = match name.as_str() {
            _ if self.flags.ignore_case => return Err("`\\p` under `(?i)` is not supported".into()),
            "Lower" => "a-z",
            "Upper" => "A-Z",
            "Alpha" => "a-zA-Z",
            "Digit" => "0-9",
            "Alnum" => "a-zA-Z0-9",
            "ASCII" => "\\x00-\\x7F",
            "Punct" => "!-/:-@\\[-`{-~",
            "Graph" => "!-~",
            "Print" => " -~",
            "Blank" => " \\t",
            "Cntrl" => "\\x00-\\x1F\\x7F",
            "XDigit" => "0-9a-fA-F",
            "Space" => " \\t\\n\\x0B\\f\\r",
            _ => match name.strip_prefix("Is").unwrap_or(&name) {
                category if CATEGORIES.contains(&category) => {
                    return Ok(format!("[{not}[\\p{{{category}}}&&\\p{{age:13.0}}]]"));
                }
                _ => {
                    return Err(format!("`\\p{{{name}}}` is not supported; `L`, `Lu`, `N`, `P`, `Alpha`, `Punct` are"));
                }
            },
        };
        Ok(format!("[{not}[{class}]]"))
    }

    /// Reads what stands after `[`.
    pub(super) fn class(&mut self) -> Result<String, String> {
        let not = if self.take('^') { "^" } else { "" };
        let mut items = String::new();
        loop {
            match self.next() {
                None => return Err("`[` is never closed; write `\\\\[` for the character".into()),
                // A bracket that comes first is a character.
                Some(']') if !items.is_empty() => return Ok(format!("[{not}{items}]")),
                Some('[') => items.push_str(&self.nested(Self::class)?),
                Some('&') if self.take('&') => {
                    let right = if self.take('[') { Some(self.nested(Self::class)?) } else { None };
                    return match right {
                        Some(right) if !items.is_empty() && self.take(']') => Ok(format!("[{not}[{items}]&&{right}]")),
                        _ => Err("`&&` in a class is supported as `[a-z&&[^x]]` only".into()),
                    };
                }
                Some(first) => items.push_str(&self.class_item(first)?),
            }
        }
    }

    /// A character of a class, a range of them, or a class by its letter.
    fn class_item(&mut self, first: char) -> Result<String, String> {
        let first = match self.class_character(first)? {
            Escape::Single(first) => first,
            Escape::Class(class) => return Ok(class),
            _ => return Err("a place is not a character, and cannot stand in a class".into()),
        };
        let mut items = String::new();
        let is_range = self.peek() == Some('-') && !matches!(self.peek_second(), Some(']' | '[') | None);
        let last = if is_range {
            self.next();
            let last = self.next().ok_or("`[` is never closed")?;
            match self.class_character(last)? {
                Escape::Single(last) if last >= first => last,
                _ => return Err(format!("the range that begins with `{first}-` ends with no later character")),
            }
        } else {
            first
        };
        let mut add = |first: char, last: char| {
            items.push_str(&regex::escape(&first.to_string()));
            items.push('-');
            items.push_str(&regex::escape(&last.to_string()));
        };
        add(first, last);
        if self.flags.ignore_case {
            for (from, to) in [('a', 'z'), ('A', 'Z')] {
                let (low, high) = (first.max(from), last.min(to));
                if low <= high {
                    let other = |letter: char| {
                        if from == 'a' { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
                    };
                    add(other(low), other(high));
                }
            }
        }
        Ok(items)
    }

    fn class_character(&mut self, character: char) -> Result<Escape, String> {
        if character == '\\' { self.escape() } else { Ok(Escape::Single(character)) }
    }
}
