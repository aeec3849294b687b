//! The packings of Avro's blocks.

use std::io::Read;

use arrow_avro::compression::CompressionCodec;
use flate2::Crc;

use super::Failure;

/// A block that unpacks to more is damage.
const MAX_UNPACKED: u64 = 1 << 30;

/// The bytes of a block.
pub(crate) fn unpack(packed: &[u8], codec: Option<CompressionCodec>) -> Result<Vec<u8>, Failure> {
    match codec {
        None => Ok(packed.to_vec()),
        Some(CompressionCodec::Deflate) => whole(flate2::bufread::DeflateDecoder::new(packed)),
        Some(CompressionCodec::ZStandard) => whole(zstd::Decoder::with_buffer(packed)?),
        Some(CompressionCodec::Bzip2) => whole(bzip2::bufread::BzDecoder::new(packed)),
        Some(CompressionCodec::Snappy) => {
            let (packed, sum) = packed.split_last_chunk::<4>().ok_or("a block lacks its checksum")?;
            let bytes = snappy(packed).ok_or("a block cannot be unpacked")?;
            let mut crc = Crc::new();
            crc.update(&bytes);
            if crc.sum() == u32::from_be_bytes(*sum) { Ok(bytes) } else { Err("a block has another checksum".into()) }
        }
        Some(other) => {
            let told =
                format!("its blocks are packed by `{other:?}`: write them with `deflate`, `snappy` or `zstandard`");
            Err(told.into())
        }
    }
}

fn whole(unpacker: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    unpacker.take(MAX_UNPACKED + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_UNPACKED { Err("a block is too large".into()) } else { Ok(bytes) }
}

/// Unpacks Snappy's raw format (`format_description.txt` of its repository): a length, then stretches of text and copies
/// of what came before. `None` for what is none.
fn snappy(packed: &[u8]) -> Option<Vec<u8>> {
    let (length, mut rest) = length(packed)?;
    let mut bytes = Vec::with_capacity(length.min(1 << 20));
    while let Some((tag, behind)) = rest.split_first() {
        let high = usize::from(tag >> 2);
        let copied = match tag & 3 {
            0 => {
                // Lengths from 61 on stand in one to four bytes behind the tag.
                let extra = high.saturating_sub(59);
                let (written, behind) = behind.split_at_checked(extra)?;
                let count = if extra == 0 { high + 1 } else { little(written) + 1 };
                let (text, behind) = behind.split_at_checked(count)?;
                bytes.extend_from_slice(text);
                rest = behind;
                None
            }
            1 => {
                let (low, behind) = behind.split_at_checked(1)?;
                rest = behind;
                Some((4 + (high & 7), (high >> 3) << 8 | little(low)))
            }
            wide => {
                let (offset, behind) = behind.split_at_checked(if wide == 2 { 2 } else { 4 })?;
                rest = behind;
                Some((high + 1, little(offset)))
            }
        };
        if let Some((count, offset)) = copied {
            let from = bytes.len().checked_sub(offset).filter(|_| offset > 0)?;
            // A copy may reach into itself.
            for at in from..from + count {
                bytes.push(*bytes.get(at)?);
            }
        }
        if bytes.len() > length {
            return None;
        }
    }
    (bytes.len() == length).then_some(bytes)
}

/// The length of the text, and what stands behind it.
fn length(packed: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0_u64;
    for (position, byte) in packed.iter().enumerate().take(5) {
        length |= u64::from(byte & 0x7f) << (7 * position);
        if *byte < 0x80 {
            let length = usize::try_from(length).ok().filter(|length| *length as u64 <= MAX_UNPACKED)?;
            return Some((length, &packed[position + 1..]));
        }
    }
    None
}

fn little(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}
