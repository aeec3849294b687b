//! Text to numbers and booleans, as Spark's CSV reader takes it; the module doc of `files` says where it refuses.

/// The largest decimal has this many digits.
const MAX_DIGITS: usize = 38;

/// Powers of ten that fit.
const POWERS: [i128; MAX_DIGITS + 1] = {
    let mut powers = [1i128; MAX_DIGITS + 1];
    let mut exponent = 1;
    while exponent <= MAX_DIGITS {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// An optional sign and digits.
#[inline]
pub(crate) fn integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(bytes);
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    if digits.len() <= 18 {
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i64::from(digit);
        }
        return Some(if negative { -value } else { value });
    }
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Counted downwards: the lowest number has no positive counterpart.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

#[inline]
fn sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    }
}

/// The unscaled value of a decimal of that precision and scale.
#[inline]
pub(crate) fn decimal(bytes: &[u8], precision: u8, scale: u8) -> Option<i128> {
    short_decimal(bytes, precision, scale).or_else(|| any_decimal(bytes, precision, scale))
}

/// At most 18 digits, no exponent, no digit beyond the scale: nearly every decimal in a file.
#[inline]
fn short_decimal(bytes: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = sign(bytes);
    if digits.len() > 19 {
        return None;
    }
    let (mut value, mut count) = (0u64, 0usize);
    let mut point = None;
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
            count += 1;
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let behind = point.map_or(0, |at| count - at);
    if count == 0 || count > 18 || behind > usize::from(scale) {
        return None;
    }
    let unscaled = i128::from(value).checked_mul(POWERS[usize::from(scale) - behind])?;
    (unscaled < POWERS[usize::from(precision)]).then_some(if negative { -unscaled } else { unscaled })
}

/// Any decimal, rounded half up to the scale.
fn any_decimal(bytes: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, rest) = sign(bytes);
    let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&rest[..at], exponent(&rest[at + 1..])?),
        None => (rest, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let behind = point.map_or(0, |at| mantissa.len() - at - 1);
    let digits = || mantissa.iter().enumerate().filter(move |(at, _)| Some(*at) != point).map(|(_, byte)| *byte);
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = || digits().skip_while(|byte| *byte == b'0').map(|byte| i128::from(byte - b'0'));
    let count = significant().count() as i64;
    if count == 0 {
        return Some(0);
    }
    // value = significant digits * 10^(exponent - behind); the unscaled value is 10^scale times that.
    let shift = exponent - behind as i64 + i64::from(scale);
    let kept = if shift < 0 { count + shift } else { count };
    if kept < 0 {
        return Some(0);
    }
    if kept + shift.max(0) > MAX_DIGITS as i64 {
        return None;
    }
    let mut unscaled = significant().take(kept as usize).fold(0i128, |value, digit| value * 10 + digit);
    unscaled *= POWERS[shift.max(0) as usize];
    if significant().nth(kept as usize).is_some_and(|digit| digit >= 5) {
        unscaled += 1;
    }
    (unscaled < POWERS[usize::from(precision)]).then_some(if negative { -unscaled } else { unscaled })
}

/// The digits behind an `e`. Anything beyond what could matter is held at a bound.
fn exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(bytes);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(1 << 40));
    Some(if negative { -value } else { value })
}

/// Drops blanks and control characters around, as Java's `trim` does.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte > b' ').unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| *byte > b' ').map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// The nearest 64-bit value; `None` too for text that only infinity is near to.
pub(crate) fn double(bytes: &[u8]) -> Option<f64> {
    match bytes {
        b"NaN" => Some(f64::NAN),
        b"Inf" | b"Infinity" => Some(f64::INFINITY),
        b"-Inf" | b"-Infinity" => Some(f64::NEG_INFINITY),
        _ => digits_text(bytes)?.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// The nearest 32-bit value; `None` too for text that only infinity is near to.
pub(crate) fn float(bytes: &[u8]) -> Option<f32> {
    match bytes {
        b"NaN" => Some(f32::NAN),
        b"Inf" | b"Infinity" => Some(f32::INFINITY),
        b"-Inf" | b"-Infinity" => Some(f32::NEG_INFINITY),
        _ => digits_text(bytes)?.parse().ok().filter(|value: &f32| value.is_finite()),
    }
}

/// Keeps out the words (`inf`, `nan`) that Rust parses and Spark does not.
fn digits_text(bytes: &[u8]) -> Option<&str> {
    let bytes = trimmed(bytes);
    let number = bytes.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if number { std::str::from_utf8(bytes).ok() } else { None }
}

/// `true` or `false` in any case.
pub(crate) fn boolean(bytes: &[u8]) -> Option<bool> {
    if bytes.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if bytes.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}
