//! JSON as text: read into its parts, and written again as Spark writes it.

use std::fmt::Write;

use super::number_text::double_text;

/// A JSON value. Numbers keep their text, objects their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Deeper than this is no data.
const DEEPEST: usize = 1000;

impl Json {
    /// Reads one value; `None` for what is not JSON. What follows the value is ignored, as Spark ignores it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        reader.value(0)
    }

    /// The value as JSON, without blanks.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => text.push_str(&canonical(number)),
            Self::Text(value) => quote(value, text),
            Self::Array(items) => {
                text.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    item.write(text);
                }
                text.push(']');
            }
            Self::Object(fields) => {
                text.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    quote(name, text);
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }
}

/// Whole numbers as they are, others as Java writes a double.
fn canonical(number: &str) -> String {
    if !number.contains(['.', 'e', 'E']) {
        return number.to_owned();
    }
    number.parse::<f64>().map_or_else(|_| number.to_owned(), double_text)
}

/// A text in quotes.
pub(super) fn quote(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            control if control < ' ' => {
                // Writing to a text never fails.
                let _ = write!(text, "\\u{:04X}", u32::from(control));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, what: &str) -> bool {
        self.blank();
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEEPEST {
            return None;
        }
        self.blank();
        match self.rest.chars().next()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            '"' | '\'' => self.text().map(Json::Text),
            't' if self.take("true") => Some(Json::Bool(true)),
            'f' if self.take("false") => Some(Json::Bool(false)),
            'n' if self.take("null") => Some(Json::Null),
            '-' | '0'..='9' => self.number(),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Json> {
        let end = self.rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let digits = number.trim_start_matches('-');
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        let valid =
            number.parse::<f64>().is_ok() && !leading_zero && !number.starts_with('+') && !number.ends_with('.');
        self.rest = rest;
        valid.then(|| Json::Number(number.to_owned()))
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.take("[");
        let mut items = Vec::new();
        if self.take("]") {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take("]") {
                return Some(Json::Array(items));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.take("{");
        let mut fields = Vec::new();
        if self.take("}") {
            return Some(Json::Object(fields));
        }
        loop {
            self.blank();
            let name = self.text()?;
            if !self.take(":") {
                return None;
            }
            fields.push((name, self.value(depth + 1)?));
            if self.take("}") {
                return Some(Json::Object(fields));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    /// A text in quotes, double or single ones: Spark reads both.
    fn text(&mut self) -> Option<String> {
        let mark = self.rest.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
        let mut rest = &self.rest[1..];
        let mut value = String::new();
        loop {
            let end = rest.find([mark, '\\'])?;
            value.push_str(&rest[..end]);
            let escapes = rest[end..].starts_with('\\');
            rest = &rest[end + 1..];
            if !escapes {
                self.rest = rest;
                return Some(value);
            }
            let code = rest.chars().next()?;
            rest = &rest[code.len_utf8()..];
            value.push(match code {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                '"' | '\'' | '\\' | '/' => code,
                'u' => {
                    let (unit, after) = unit(rest)?;
                    rest = after;
                    if (0xd800..0xdc00).contains(&unit) {
                        let (low, after) = unit_after(rest)?;
                        rest = after;
                        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low.checked_sub(0xdc00)?)?
                    } else {
                        char::from_u32(unit)?
                    }
                }
                _ => return None,
            });
        }
    }
}

fn unit(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, &text[4..]))
}

fn unit_after(text: &str) -> Option<(u32, &str)> {
    unit(text.strip_prefix("\\u")?)
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn what_is_read_is_written_without_blanks() {
        for (text, written) in [
            (r#" { "a" : [ 1 , 2.50, null , true ] } x"#, Some(r#"{"a":[1,2.5,null,true]}"#)),
            (r#""\u00e9\n\ud83d\ude00""#, Some("\"é\\n😀\"")),
            ("12345678901234567890123", Some("12345678901234567890123")),
            ("[1, ]", None),
            ("{a: 1}", None),
            ("01", None),
            ("", None),
        ] {
            assert_eq!(Json::parse(text).map(|json| json.text()).as_deref(), written, "{text}");
        }
    }
}
