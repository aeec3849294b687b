//! Hive partitions: `key=value` folders between a pattern's fixed part and the file's name.

/// The text that stands for null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The keys and values of a path's folders below `root`, outermost first; `None` is null. Without a root, or for a path
/// that does not lie below it, there are none: what stands before the pattern's wildcards is the same for all files.
pub(crate) fn partitions(path: &str, root: Option<&str>) -> Vec<(String, Option<String>)> {
    let below = root.and_then(|root| path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/'));
    let Some((folders, _file)) = below.and_then(|below| below.rsplit_once('/')) else { return Vec::new() };
    let pairs = folders.split('/').filter_map(|folder| folder.split_once('='));
    let decoded = pairs.filter(|(key, _)| !key.is_empty()).map(|(key, value)| {
        let value = decoded(value);
        (decoded(key), (value != NULL).then_some(value))
    });
    decoded.collect()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Percent-decoded; what is no escape, or would make no text, stays as it is.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let escaped = match (first, behind) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
