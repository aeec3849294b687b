//! What is done with a text before it is parsed: blanks dropped, null and default put in, a number's own signs replaced.

use crate::files::contract::Reading;

/// The texts that a format takes for null.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nulls<'a> {
    /// Beside the empty text.
    pub(crate) texts: &'a [String],
    /// Whether they are null in a string column where they are quoted, too.
    pub(crate) quoted: bool,
    /// What a quoted empty text of a string column becomes.
    pub(crate) empty: Option<&'a str>,
}

impl Nulls<'static> {
    /// Nothing but the empty text.
    pub(crate) const DEFAULT: Self = Self { texts: &[], quoted: false, empty: None };
}

impl Nulls<'_> {
    pub(crate) fn are_default(self) -> bool {
        self.texts.is_empty() && self.empty.is_none()
    }

    fn has(self, text: &str) -> bool {
        self.texts.iter().any(|null| null == text)
    }
}

/// The text that a type other than string parses; `None` is null. `scratch` holds it if it must be rewritten.
pub(crate) fn prepare<'a>(
    reading: &'a Reading,
    nulls: Nulls<'_>,
    text: &'a str,
    scratch: &'a mut String,
) -> Option<&'a str> {
    let text = if reading.trim { text.trim() } else { text };
    let null = text.is_empty() || nulls.has(text) || reading.nulls.iter().any(|null| null == text);
    let text = if null { reading.default.as_deref()? } else { text };
    match reading.signs {
        Some((decimal, group)) => {
            // What is not written with these signs must not be read as if it were: `1.5` is no number with a comma.
            if !canonical(text, decimal, group, scratch) {
                scratch.clear();
                scratch.push('?');
            }
            Some(scratch)
        }
        None => Some(text),
    }
}

/// The text of a string column; `None` is null.
pub(crate) fn prepare_string<'a>(
    reading: &'a Reading,
    nulls: Nulls<'a>,
    text: &'a str,
    quoted: bool,
) -> Option<&'a str> {
    let text = if reading.trim { text.trim() } else { text };
    let null = (text.is_empty() && !quoted)
        || (nulls.has(text) && (nulls.quoted || !quoted))
        || reading.nulls.iter().any(|null| null == text);
    if null {
        return reading.default.as_deref();
    }
    if text.is_empty() { Some(nulls.empty.unwrap_or_default()) } else { Some(text) }
}

/// Rewrites a number with these signs as `-1234.5e6`. The digits before the fraction may be grouped: a mark has two or
/// three digits behind it, the last one three, so that a fraction is never taken for a group.
fn canonical(text: &str, decimal: char, group: Option<char>, out: &mut String) -> bool {
    out.clear();
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (whole, fraction) = match number.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = whole.trim_start().strip_prefix(['+', '-']).unwrap_or(whole.trim_start());
    match group {
        Some(mark) if whole.contains(mark) => {
            let groups: Vec<&str> = digits.split(mark).map(str::trim_end).collect();
            let numeric = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
            let [first, middle @ .., last] = groups.as_slice() else { return false };
            let sized = (1..=3).contains(&first.len())
                && middle.iter().all(|group| (2..=3).contains(&group.len()))
                && last.len() == 3;
            if !numeric || !sized {
                return false;
            }
            out.extend(whole.chars().filter(|letter| *letter != mark));
        }
        _ => out.push_str(whole),
    }
    // What is left must not hold the point that is put in next.
    if out.contains('.') {
        return false;
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    if out.matches('.').count() > 1 {
        return false;
    }
    out.push_str(exponent);
    true
}
