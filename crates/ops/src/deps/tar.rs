//! Unpacking a package's `.tar.gz`.
//!
//! The risk is an archive that writes outside of its folder, or without end. A path that is absolute, or holds `..`, ends
//! the unpacking; links are left out, as no package needs them; and an archive that unpacks to more than a gigabyte is
//! refused.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use tar::Archive;

/// The most that an archive may unpack to.
const MOST_BYTES: u64 = 1 << 30;

/// Unpacks into a folder, without the one folder that holds everything, as archives of repositories have it.
///
/// # Errors
/// An archive that is damaged or not to be trusted, and files that cannot be written.
pub(super) fn unpack(gzip: impl Read, into: &Path) -> io::Result<()> {
    unpack_plain(GzDecoder::new(gzip), into, true)
}

/// Unpacks an archive that is not compressed; `strip` leaves out the first folder of each path.
pub(crate) fn unpack_plain(archive: impl Read, into: &Path, strip: bool) -> io::Result<()> {
    let mut total = 0;
    for entry in Archive::new(archive).entries()? {
        let mut entry = entry?;
        total += entry.size();
        if total > MOST_BYTES {
            return Err(invalid("it unpacks to more than 1 GiB"));
        }
        // Folders are made with their files; links and devices are left out.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let Some(path) = inside(&entry.path()?, strip)? else { continue };
        let path = into.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if content.len() as u64 != entry.size() {
            return Err(invalid("it ends in the middle of a file"));
        }
        std::fs::write(path, content)?;
    }
    Ok(())
}

/// The path within the folder; none for what lies outside of the one folder that is left out.
fn inside(path: &Path, strip: bool) -> io::Result<Option<PathBuf>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            _ => return Err(invalid(&format!("the path `{}` leads out of its folder", path.display()))),
        }
    }
    let parts = if strip { parts.get(1..).unwrap_or_default() } else { &parts[..] };
    Ok((!parts.is_empty()).then(|| parts.iter().collect()))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, EntryType, Header};

    use super::*;

    /// An archive of these files, compressed.
    pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut plain = Builder::new(Vec::new());
        for (name, content) in files {
            add(&mut plain, name, EntryType::Regular, content);
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&plain.into_inner().unwrap()).unwrap();
        gzip.finish().unwrap()
    }

    /// Adds an entry, whatever its name: the builder itself would refuse what leads out.
    fn add(archive: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, content: &str) {
        let mut header = Header::new_gnu();
        if name.len() < 100 {
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        }
        header.set_size(content.len() as u64);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_cksum();
        if name.len() < 100 {
            archive.append(&header, content.as_bytes()).unwrap();
        } else {
            archive.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
    }

    #[test]
    fn files_lie_where_the_archive_says() {
        let folder = tempfile::tempdir().unwrap();
        let long = format!("top/{}x.sql", "deep/".repeat(30));
        let mut plain = Builder::new(Vec::new());
        add(&mut plain, "top/dbt_project.yml", EntryType::Regular, "name: p\n");
        add(&mut plain, "top/macros/", EntryType::Directory, "");
        add(&mut plain, &long, EntryType::Regular, "long");
        add(&mut plain, "top/link", EntryType::Symlink, "");
        unpack_plain(&plain.into_inner().unwrap()[..], folder.path(), true).unwrap();
        let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
        assert_eq!(read("dbt_project.yml"), "name: p\n");
        assert_eq!(read(long.strip_prefix("top/").unwrap()), "long");
        assert!(!folder.path().join("link").exists());
    }

    #[test]
    fn what_leads_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["top/../../evil", "/etc/evil"] {
            let refused = unpack(&archive(&[(name, "x")])[..], &folder.path().join("in")).unwrap_err();
            assert!(refused.to_string().contains("leads out"), "{refused}");
        }
        assert!(!folder.path().join("evil").exists());
    }

    #[test]
    fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let whole = archive(&[("top/a", &"x".repeat(600))]);
        let mut plain = Vec::new();
        GzDecoder::new(&whole[..]).read_to_end(&mut plain).unwrap();
        for wrong in [&plain[..100], &plain[..700], &[9; 512][..]] {
            assert!(unpack_plain(wrong, folder.path(), true).is_err());
        }
    }
}
