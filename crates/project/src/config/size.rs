//! Amounts with units: bytes (`4GB`) and durations (`1h30m`).

use chrono::TimeDelta;

/// Bytes with their unit: `B`, `KB`, `MB`, `GB`, `TB` are powers of 1000, `KiB` … `TiB` of 1024.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim().to_lowercase().as_str() {
        "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1024,
        "mib" => 1024_u64.pow(2),
        "gib" => 1024_u64.pow(3),
        "tib" => 1024_u64.pow(4),
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let size = number.parse::<f64>().ok()? * unit as f64;
    (size.is_finite() && size < u64::MAX as f64).then_some(size as u64)
}

/// A duration of one or several parts, each a whole number and `ms`, `s`, `m`, `h`, `d` or `w`: `90s`, `1h30m`.
pub fn duration(text: &str) -> Option<TimeDelta> {
    let mut rest = text.trim();
    let mut milliseconds: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        rest = rest[letters..].trim_start();
        milliseconds = milliseconds.checked_add(number.checked_mul(unit)?)?;
    }
    TimeDelta::try_milliseconds(milliseconds)
}

#[cfg(test)]
mod tests;
