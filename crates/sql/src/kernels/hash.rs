//! Spark's `hash`: Murmur3 with 32 bits and the seed 42, value after value (`Murmur3HashFunction`).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result};

use super::Kernel;

const SEED: i32 = 42;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Murmur {
    pub(crate) inputs: Vec<DataType>,
}

impl Kernel for Murmur {
    fn name(&self) -> &'static str {
        "spark_hash"
    }

    fn inputs(&self) -> Vec<DataType> {
        self.inputs.clone()
    }

    fn output(&self) -> DataType {
        DataType::Int32
    }

    fn run(&self, arguments: &[ArrayRef]) -> Result<ArrayRef> {
        let mut hashes = vec![SEED; arguments.first().map_or(0, |array| array.len())];
        for array in arguments {
            for (row, hash) in hashes.iter_mut().enumerate() {
                // A null leaves it as it was.
                if array.is_valid(row) {
                    *hash = value(array, row, *hash)?;
                }
            }
        }
        Ok(Arc::new(Int32Array::from(hashes)))
    }
}

fn value(array: &ArrayRef, row: usize, seed: i32) -> Result<i32> {
    Ok(match array.data_type() {
        DataType::Boolean => int(i32::from(array.as_boolean().value(row)), seed),
        DataType::Int8 => int(i32::from(array.as_primitive::<Int8Type>().value(row)), seed),
        DataType::Int16 => int(i32::from(array.as_primitive::<Int16Type>().value(row)), seed),
        DataType::Int32 => int(array.as_primitive::<Int32Type>().value(row), seed),
        DataType::Date32 => int(array.as_primitive::<Date32Type>().value(row), seed),
        DataType::Int64 => long(array.as_primitive::<Int64Type>().value(row), seed),
        DataType::Timestamp(..) => long(array.as_primitive::<TimestampMicrosecondType>().value(row), seed),
        DataType::Float32 => {
            let number = array.as_primitive::<Float32Type>().value(row);
            int(if number == 0.0 { 0 } else { number.to_bits().cast_signed() }, seed)
        }
        DataType::Float64 => {
            let number = array.as_primitive::<Float64Type>().value(row);
            long(if number == 0.0 { 0 } else { number.to_bits().cast_signed() }, seed)
        }
        DataType::Decimal128(precision, _) => {
            let number = array.as_primitive::<Decimal128Type>().value(row);
            match i64::try_from(number) {
                Ok(number) if *precision <= 18 => long(number, seed),
                _ => bytes(shortest(&number.to_be_bytes()), seed),
            }
        }
        DataType::Utf8 => bytes(array.as_string::<i32>().value(row).as_bytes(), seed),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row), seed),
        DataType::Null => seed,
        other => return Err(DataFusionError::Internal(format!("`hash` of {other}"))),
    })
}

/// A two's complement number without the leading bytes that only repeat its sign, as `BigInteger.toByteArray` gives it.
fn shortest(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, next, ..] = rest {
        let repeats = (*first == 0 && *next < 0x80) || (*first == 0xff && *next >= 0x80);
        if !repeats {
            break;
        }
        rest = &rest[1..];
    }
    rest
}

fn int(value: i32, seed: i32) -> i32 {
    finish(mix(seed, value), 4)
}

fn long(value: i64, seed: i32) -> i32 {
    let (low, high) = (value as i32, (value >> 32) as i32);
    finish(mix(mix(seed, low), high), 8)
}

/// Whole words first, then each byte that is left as a word of its own.
fn bytes(value: &[u8], seed: i32) -> i32 {
    let mut hash = seed;
    let words = value.chunks_exact(4);
    let rest = words.remainder();
    for word in words {
        hash = mix(hash, i32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    }
    for byte in rest {
        hash = mix(hash, i32::from(byte.cast_signed()));
    }
    finish(hash, i32::try_from(value.len()).unwrap_or(i32::MAX))
}

fn mix(hash: i32, word: i32) -> i32 {
    let word = word.wrapping_mul(0xcc9e_2d51_u32.cast_signed()).rotate_left(15).wrapping_mul(0x1b87_3593);
    (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64_u32.cast_signed())
}

fn finish(hash: i32, length: i32) -> i32 {
    let mut hash = (hash ^ length).cast_unsigned();
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)).cast_signed()
}
