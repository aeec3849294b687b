//! Packed files: every packing, several members, damage, and what `_source_file` and the bytes say.

use std::io::Write;

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use headwater_plan::Code;

use super::*;

const COLUMNS: &[Declared<'_>] = &[("n", "int", &[]), ("s", "string", &[])];

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    let mut packer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_checksum(true).unwrap();
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn zipped(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut packer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    packer.add_directory("folder/", options).unwrap();
    for (name, content) in members {
        packer.start_file(*name, options).unwrap();
        packer.write_all(content).unwrap();
    }
    packer.finish().unwrap().into_inner()
}

/// Loads one file with limits so small that its parts are read in many steps.
fn load_packed(content: &[u8], compression: Compression) -> Result<Loaded, (String, TempDir)> {
    let (folder, listed) = files(&[content]);
    let size = listed[0].size;
    let load = load_files(listed, LoadOptions { compression, ..options(COLUMNS) });
    let loaded = load.and_then(|load| drain(&load.with_limits(64, 1 << 20)));
    let loaded = loaded.map_err(|error| (told(error.diagnostics(), &folder), folder))?;
    assert_eq!(loaded.bytes, size, "the bytes are those of the file");
    Ok(loaded)
}

fn content(from: usize, to: usize) -> Vec<u8> {
    let mut text = String::from("n,s\n");
    (from..to).for_each(|n| text += &format!("{n},value {n}\n"));
    text.into_bytes()
}

fn is_whole(loaded: &Loaded, rows: usize) {
    assert_eq!(loaded.records, rows as u64);
    for (n, row) in loaded.rows.iter().enumerate() {
        assert_eq!(row, &[Some(n.to_string()), Some(format!("value {n}"))]);
    }
}

#[test]
fn every_packing_is_known_by_its_first_bytes_and_by_its_name() {
    let plain = content(0, 3_000);
    let packed = [
        (Compression::None, plain.clone()),
        (Compression::Gzip, gzip(&plain)),
        (Compression::Zstd, zstd(&plain)),
        (Compression::Bzip2, bzip2(&plain)),
        (Compression::Zip, zipped(&[("a.csv", &plain)], CompressionMethod::Deflated)),
        (Compression::Zip, zipped(&[("a.csv", &plain)], CompressionMethod::Stored)),
    ];
    for (compression, bytes) in packed {
        for asked in [Compression::Auto, compression] {
            is_whole(&load_packed(&bytes, asked).map_err(|(told, _)| told).unwrap(), 3_000);
        }
    }
}

#[test]
fn several_members_frames_and_streams_are_one_file() {
    let whole = content(0, 1_000);
    let (one, two) = whole.split_at(5_000);
    for pack in [gzip, zstd, bzip2] {
        let bytes = [pack(one), pack(b""), pack(two)].concat();
        is_whole(&load_packed(&bytes, Compression::Auto).map_err(|(told, _)| told).unwrap(), 1_000);
    }
}

#[test]
fn not_a_byte_is_no_record_however_it_is_packed() {
    let empty_archive = zipped(&[], CompressionMethod::Stored);
    let packed: [(Compression, Vec<u8>); 8] = [
        (Compression::Auto, Vec::new()),
        (Compression::Gzip, Vec::new()),
        (Compression::Zstd, Vec::new()),
        (Compression::Bzip2, Vec::new()),
        (Compression::Zip, Vec::new()),
        (Compression::Gzip, gzip(b"")),
        (Compression::Zstd, zstd(b"")),
        (Compression::Bzip2, bzip2(b"")),
    ];
    for (compression, bytes) in packed {
        let loaded = load_packed(&bytes, compression).map_err(|(told, _)| told).unwrap();
        assert_eq!((loaded.records, loaded.skipped.total()), (0, 0), "{compression:?}");
    }
    let (_folder, listed) = files(&[&empty_archive]);
    assert_eq!(drain(&load_files(listed, options(COLUMNS)).unwrap()).unwrap().records, 0);
}

/// Every place at which a packed file may be cut, and every byte that may be flipped in a small one: it is refused by
/// name, or (a byte that means nothing) read as it was. It is never half loaded.
#[test]
fn damage_is_never_half_loaded() {
    let plain = content(0, 40);
    let packings: [(&str, Vec<u8>); 4] = [
        ("gzip", gzip(&plain)),
        ("zstd", zstd(&plain)),
        ("bzip2", bzip2(&plain)),
        ("zip", zipped(&[("a.csv", &plain)], CompressionMethod::Deflated)),
    ];
    for (name, bytes) in packings {
        let compression = match name {
            "gzip" => Compression::Gzip,
            "zstd" => Compression::Zstd,
            "bzip2" => Compression::Bzip2,
            _ => Compression::Zip,
        };
        for cut in 1..bytes.len() {
            let (told, _folder) = load_packed(&bytes[..cut], compression).unwrap_err();
            assert!(told.starts_with("damaged-file"), "{name} cut at {cut}: {told}");
            assert!(
                told.contains(&format!("`0.csv` is no {name} file, or it is damaged")) || told.contains("0.csv/a.csv"),
                "{told}"
            );
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x55;
            match load_packed(&flipped, compression) {
                Ok(loaded) => assert!(loaded.records == 40 || loaded.records == 0, "{name}, byte {at}: {loaded:?}"),
                Err((told, _folder)) => assert!(told.starts_with("damaged-file"), "{name}, byte {at}: {told}"),
            }
        }
    }
}

#[test]
fn bytes_behind_a_packed_file_are_damage() {
    for pack in [gzip, zstd, bzip2] {
        let bytes = [pack(&content(0, 10)), b"rubbish that is no member".to_vec()].concat();
        let (told, _folder) = load_packed(&bytes, Compression::Auto).unwrap_err();
        assert!(told.starts_with("damaged-file"), "{told}");
    }
}

#[test]
fn archives_hold_files_in_folders() {
    let archive = zipped(
        &[
            ("a.csv", b"n,s\n1,x\n"),
            ("folder/b.csv", b"s,n\ny,2\nz,bad\n"),
            ("folder/empty.csv", b""),
            (".hidden.csv", b"no,columns\n"),
            ("__MACOSX/a.csv", b"no,columns\n"),
            ("folder/.DS_Store", b"\0\0"),
            ("day=3/c.csv", b"n,s\n3,w\n"),
        ],
        CompressionMethod::Deflated,
    );
    let (folder, listed) = files(&[&archive, b"n,s\n4,v\n"]);
    let sizes = listed.iter().map(|file| file.size).sum::<u64>();
    let mut stamped = options(COLUMNS);
    (stamped.stamp, stamped.root) = (true, Some(folder.path().to_str().unwrap().to_owned()));
    let mut with_day = stamped.clone();
    with_day.contract = contract(&[("n", "int", &[]), ("s", "string", &[]), ("day", "int", &[])]);
    with_day.contract.columns[2].default = Some("0".into());
    let loaded = drain(&load_files(listed.clone(), with_day).unwrap()).unwrap();
    let prefix = format!("{}/", folder.path().display());
    let rows: Vec<String> = loaded
        .rows
        .iter()
        .map(|row| row[..5].iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" "))
        .map(|row| row.replace(&prefix, ""))
        .collect();
    assert_eq!(
        rows,
        ["1 x 0 0.csv/a.csv 2", "2 y 0 0.csv/folder/b.csv 2", "3 w 3 0.csv/day=3/c.csv 2", "4 v 0 1.csv 2"]
    );
    assert_eq!(loaded.rejected[0].file.replace(&prefix, ""), "0.csv/folder/b.csv");
    // The packed bytes of members whose end the unpacker saw before it read them all are few.
    assert!(loaded.bytes <= sizes && loaded.bytes + 64 >= sizes, "{} of {sizes}", loaded.bytes);

    // Every header of every member is looked at.
    stamped.contract = contract(&[("n", "int", &[]), ("other", "string", &[])]);
    let error = load_files(listed, stamped).unwrap_err();
    assert_eq!(error.diagnostic().code, Code::UnexpectedColumn);
    assert!(error.diagnostics().0.len() >= 6);
}

#[test]
fn archives_that_are_whole_and_cannot_be_read() {
    let mut locked = zipped(&[("a.csv", b"n,s\n1,x\n")], CompressionMethod::Stored);
    // The flag of encryption, in both headers of the member.
    let local = locked.windows(4).rposition(|four| four == [b'P', b'K', 3, 4]).unwrap();
    let central = locked.windows(4).rposition(|four| four == [b'P', b'K', 1, 2]).unwrap();
    locked[local + 6] |= 1;
    locked[central + 8] |= 1;
    let mut other = zipped(&[("a.csv", b"n,s\n1,x\n")], CompressionMethod::Stored);
    let central = other.windows(4).rposition(|four| four == [b'P', b'K', 1, 2]).unwrap();
    other[central + 10] = 93;
    let mut text = String::new();
    for bytes in [locked, other, b"PK\x03\x04 and no more".to_vec()] {
        text += &load_packed(&bytes, Compression::Auto).unwrap_err().0;
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_packed_file_that_changes_is_no_damaged_one() {
    let (_folder, listed) = files(&[&gzip(&content(0, 1_000))]);
    let load = load_files(listed.clone(), options(COLUMNS)).unwrap();
    std::fs::write(&listed[0].path, &gzip(&content(0, 1_000))[..200]).unwrap();
    let error = drain(&load).unwrap_err();
    assert_eq!(error.diagnostic().code, Code::FileChanged, "{error}");
}
