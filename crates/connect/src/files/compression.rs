//! Packed files as the bytes inside. A packed file that breaks off or whose checksum is wrong is damaged: what came out
//! of it until then is not believed.

use std::io::{self, BufRead, Read};

use headwater_plan::Compression;

/// Enough of a file to know how it is packed.
pub(crate) const MAGIC: usize = 10;

/// How a file is packed, by its first bytes.
pub(crate) fn detect(first: &[u8]) -> Compression {
    match first {
        [0x1f, 0x8b, 8, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        // `BZh`, the level, and the first digits of pi, or of its root when there is no block.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Compression::Bzip2,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Compression::Zip,
        _ => Compression::None,
    }
}

/// The word for it in messages.
pub(crate) fn word(compression: Compression) -> &'static str {
    match compression {
        Compression::Auto | Compression::None => "plain",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Bzip2 => "bzip2",
        Compression::Zip => "zip",
    }
}

/// Unpacks a stream: all members of a gzip file, all frames of a zstd file, all streams of a bzip2 file.
pub(crate) fn unpack<R: BufRead + Send + 'static>(
    stored: R,
    compression: Compression,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stored)),
        Compression::Zstd => Box::new(zstd::Decoder::with_buffer(stored)?),
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(stored)),
        Compression::Auto | Compression::None | Compression::Zip => Box::new(stored),
    })
}
