//! Base 64 as Java's MIME coder writes and reads it: in lines of 76 characters, and past characters that are none of its own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};

use super::{Kernel, data_error};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// How many bytes a line holds: 76 characters' worth.
const LINE: usize = 57;

/// Bytes as a text.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ToBase64;

impl Kernel for ToBase64 {
    fn name(&self) -> &'static str {
        "spark_to_base64"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Binary]
    }

    fn output(&self) -> DataType {
        DataType::Utf8
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let values = arguments[0].as_binary::<i32>();
        Ok(Arc::new(values.iter().map(|bytes| bytes.map(encode)).collect::<StringArray>()))
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for (index, line) in bytes.chunks(LINE).enumerate() {
        if index > 0 {
            text.push_str("\r\n");
        }
        for unit in line.chunks(3) {
            let byte = |index: usize| u32::from(unit.get(index).copied().unwrap_or_default());
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4 {
                let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
                text.push(if place <= unit.len() { char::from(digit) } else { '=' });
            }
        }
    }
    text
}

/// A text as the bytes that it stands for; one that stands for none is an error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FromBase64;

impl Kernel for FromBase64 {
    fn name(&self) -> &'static str {
        "spark_from_base64"
    }

    fn inputs(&self) -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn output(&self) -> DataType {
        DataType::Binary
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let texts = arguments[0].as_string::<i32>();
        let mut decoded = Vec::with_capacity(texts.len());
        for text in texts {
            decoded.push(text.map(|text| decode(text).ok_or_else(|| no_base64(text))).transpose()?);
        }
        Ok(Arc::new(decoded.iter().map(Option::as_deref).collect::<BinaryArray>()))
    }
}

fn no_base64(text: &str) -> DataFusionError {
    data_error(format!("`{text}` is not base 64"))
}

/// `java.util.Base64.getMimeDecoder`: what is after the padding may be anything but digits.
fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut digits) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    let mut rest = text.bytes();
    while let Some(character) = rest.next() {
        let Some(digit) = digit(character) else {
            if character != b'=' {
                continue;
            }
            match digits {
                0 => return None,
                2 if rest.next() != Some(b'=') => return None,
                _ => break,
            }
        };
        bits = bits << 6 | u32::from(digit);
        digits += 1;
        if digits == 4 {
            bytes.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            (bits, digits) = (0, 0);
        }
    }
    match digits {
        1 => return None,
        2 => bytes.push((bits >> 4) as u8),
        3 => bytes.extend([(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => {}
    }
    if rest.any(|character| digit(character).is_some()) { None } else { Some(bytes) }
}

/// What a character counts for.
fn digit(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}
