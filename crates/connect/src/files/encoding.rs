//! Text in other encodings, as UTF-8 while it is read. Bytes that are no text in the stated encoding become bytes that
//! are none in UTF-8 either, each of them three, so that they cost their record only and can be had back.

use std::io::{self, Read};

use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE};

use super::FilesError;
use super::input::Input;

/// What a malformed byte begins with; no UTF-8 has it. Its halves follow, four bits each.
const MARK: u8 = 0xFE;
/// A character may be broken over so many bytes that are decoded already.
const HISTORY: usize = 8;
/// How many bytes are decoded at once.
const STRETCH: usize = 64 << 10;
const LONGEST_MARK: usize = 3;

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding(&'static encoding_rs::Encoding);

/// Whether a label names an encoding that files can be read in.
pub fn is_encoding(label: &str) -> bool {
    Encoding::of(label).is_ok()
}

impl Encoding {
    pub(crate) const UTF_8: Self = Self(UTF_8);

    /// The encoding that a label names, in any case.
    pub(crate) fn of(label: &str) -> Result<Self, FilesError> {
        encoding_rs::Encoding::for_label_no_replacement(label.trim().as_bytes()).map(Self).ok_or_else(|| {
            FilesError::Option {
                option: "encoding",
                written: label.to_owned(),
                reason: "it names no encoding of the WHATWG's standard, such as `UTF-8`, `UTF-16LE` or `windows-1252`",
            }
        })
    }

    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether the bytes are read as they stand.
    pub(crate) fn is_utf_8(self) -> bool {
        self.0 == UTF_8
    }

    /// The encoding that a byte order mark says, or else this, and the mark's length.
    pub(crate) fn marked(self, first: &[u8]) -> (Self, usize) {
        encoding_rs::Encoding::for_bom(first).map_or((self, 0), |(encoding, length)| (Self(encoding), length))
    }

    /// The byte order mark that says this encoding, if one does.
    pub(crate) fn mark(self) -> &'static [u8] {
        match self.0 {
            encoding if encoding == UTF_8 => b"\xef\xbb\xbf",
            encoding if encoding == UTF_16LE => b"\xff\xfe",
            encoding if encoding == UTF_16BE => b"\xfe\xff",
            _ => &[],
        }
    }

    /// What a decoded text was before, malformed bytes included.
    pub(crate) fn original(self, decoded: &[u8]) -> Vec<u8> {
        if self.is_utf_8() {
            return decoded.to_vec();
        }
        let mut bytes = Vec::with_capacity(decoded.len());
        for piece in self.pieces(decoded) {
            match piece {
                Piece::Text(text) if self.0 == UTF_16LE => bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
                Piece::Text(text) if self.0 == UTF_16BE => bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
                Piece::Text(text) => bytes.extend_from_slice(&self.0.encode(text).0),
                Piece::Malformed(byte) => bytes.push(byte),
            }
        }
        bytes
    }

    /// A decoded text as people read it: malformed bytes in a row are one replacement character.
    pub(crate) fn shown(self, decoded: &[u8]) -> String {
        let mut shown = String::with_capacity(decoded.len());
        let mut replaced = false;
        for piece in self.pieces(decoded) {
            match piece {
                Piece::Text(text) => shown.push_str(text),
                Piece::Malformed(_) if !replaced => shown.push('\u{FFFD}'),
                Piece::Malformed(_) => {}
            }
            replaced = matches!(piece, Piece::Malformed(_));
        }
        shown
    }

    /// The text before the first malformed bytes, and those.
    pub(crate) fn first_malformed(self, decoded: &[u8]) -> (String, Vec<u8>) {
        let (mut before, mut malformed) = (String::new(), Vec::new());
        for piece in self.pieces(decoded) {
            match piece {
                Piece::Text(_) if !malformed.is_empty() => break,
                Piece::Text(text) => before.push_str(text),
                Piece::Malformed(byte) => malformed.push(byte),
            }
        }
        (before, malformed)
    }

    /// Text and malformed bytes in turn.
    fn pieces(self, decoded: &[u8]) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut marked = Vec::new();
        for chunk in decoded.utf8_chunks() {
            if !chunk.valid().is_empty() {
                pieces.push(Piece::Text(chunk.valid()));
            }
            if self.is_utf_8() {
                pieces.extend(chunk.invalid().iter().copied().map(Piece::Malformed));
                continue;
            }
            // Each of a mark's three bytes is invalid by itself.
            marked.extend_from_slice(chunk.invalid());
            if let [MARK, high, low] = marked.as_slice() {
                pieces.push(Piece::Malformed((high & 0xF) << 4 | (low & 0xF)));
                marked.clear();
            }
        }
        pieces
    }
}

enum Piece<'a> {
    Text(&'a str),
    Malformed(u8),
}

/// Bytes in that encoding as text; what is none becomes bytes that are none either.
pub(crate) fn decoded(bytes: &[u8], encoding: Encoding) -> Vec<u8> {
    if encoding.is_utf_8() {
        return bytes.to_vec();
    }
    let mut decoder = Decoder::new(encoding, bytes.to_vec());
    decoder.finished = true;
    decoder.decode();
    decoder.text
}

/// Turns bytes into UTF-8, a stretch at a time.
#[derive(Debug)]
struct Decoder {
    decoder: encoding_rs::Decoder,
    /// The last decoded bytes, and those that are still to be.
    bytes: Vec<u8>,
    decoded: usize,
    text: Vec<u8>,
    /// How much of the text was handed on.
    given: usize,
    finished: bool,
}

impl Decoder {
    fn new(encoding: Encoding, first: Vec<u8>) -> Self {
        let decoder = encoding.0.new_decoder_without_bom_handling();
        Self { decoder, bytes: first, decoded: 0, text: Vec::new(), given: 0, finished: false }
    }

    fn read(&mut self, input: &mut Input, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.finished {
                return Ok(0);
            }
            self.bytes.drain(..self.decoded.saturating_sub(HISTORY));
            self.decoded = self.decoded.min(HISTORY);
            let before = self.bytes.len();
            self.bytes.resize(before + STRETCH, 0);
            let read = input.read(&mut self.bytes[before..]);
            self.bytes.truncate(before + read.as_ref().copied().unwrap_or_default());
            self.finished = read? == 0;
            self.decode();
        }
        let length = buffer.len().min(self.text.len() - self.given);
        buffer[..length].copy_from_slice(&self.text[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }

    fn decode(&mut self) {
        self.text.clear();
        self.given = 0;
        loop {
            let written = self.text.len();
            let source = &self.bytes[self.decoded..];
            // Room for one character at least, whatever the estimate; the loop makes more where it is too little.
            let room = self.decoder.max_utf8_buffer_length_without_replacement(source.len()).unwrap_or(STRETCH).max(16);
            self.text.resize(written + room, 0);
            let (result, read, wrote) =
                self.decoder.decode_to_utf8_without_replacement(source, &mut self.text[written..], self.finished);
            self.text.truncate(written + wrote);
            self.decoded += read;
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, behind) => {
                    let stop = self.decoded.saturating_sub(usize::from(behind));
                    for byte in &self.bytes[stop.saturating_sub(usize::from(length))..stop] {
                        self.text.extend([MARK, 0x80 | byte >> 4, 0x80 | byte & 0xF]);
                    }
                }
            }
        }
    }
}

/// A file's text as UTF-8, its byte order mark left out. Its errors are those of [`Input`].
#[derive(Debug)]
pub(crate) struct Text {
    input: Input,
    /// What the text is encoded in: the stated encoding, or that of the byte order mark.
    pub(crate) encoding: Encoding,
    /// The first bytes, which were read to see whether they are a mark, and are none.
    first: Vec<u8>,
    decoder: Option<Decoder>,
}

impl Text {
    pub(crate) fn new(mut input: Input, stated: Encoding) -> Result<Self, FilesError> {
        let mut first = Vec::with_capacity(LONGEST_MARK);
        let read = Read::by_ref(&mut input).take(LONGEST_MARK as u64).read_to_end(&mut first);
        read.map_err(|error| FilesError::of_io(&input.entry().name, error))?;
        let (encoding, mark) = stated.marked(&first);
        first.drain(..mark);
        let decoder = (!encoding.is_utf_8()).then(|| Decoder::new(encoding, std::mem::take(&mut first)));
        Ok(Self { input, encoding, first, decoder })
    }

    /// The bytes of the file, as it is stored, that were read since this was asked last.
    pub(crate) fn stored(&mut self) -> u64 {
        self.input.stored()
    }

    /// About how many bytes of text are still to come.
    pub(crate) fn left(&self) -> Option<u64> {
        // Another encoding's text may be longer than its bytes.
        self.input.left().filter(|_| self.decoder.is_none())
    }
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(decoder) = &mut self.decoder {
            return decoder.read(&mut self.input, buffer);
        }
        if self.first.is_empty() {
            return self.input.read(buffer);
        }
        let length = buffer.len().min(self.first.len());
        buffer[..length].copy_from_slice(&self.first[..length]);
        self.first.drain(..length);
        Ok(length)
    }
}
