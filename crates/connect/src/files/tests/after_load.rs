//! Loaded files that are moved or removed: what is left when it is done twice, when the file is another, when the place
//! is taken.

use std::fs;

use headwater_plan::Code;

use super::*;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

struct Place {
    folder: TempDir,
    set: FileSet,
    file: SourceFile,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("incoming/2024/a.csv");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "n\n1\n").unwrap();
        let set = file_set(&format!("{}/incoming/**/*.csv", folder.path().display()));
        Self { set, file: source_file(&path), folder }
    }

    fn archive(&self, to: &str) -> Result<Option<String>, FilesError> {
        let to = format!("{}/{to}", self.folder.path().display());
        run(archive(&self.file, &self.set, &to, &Stores::local()))
    }

    fn there(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(path)).ok()
    }
}

#[test]
fn an_archived_file_keeps_its_path_below_the_pattern() {
    let place = Place::new();
    let archived = place.archive("archive").unwrap().unwrap();
    assert_eq!(archived, format!("{}/archive/2024/a.csv", place.folder.path().display()));
    assert_eq!(place.there("archive/2024/a.csv").as_deref(), Some("n\n1\n"));
    assert_eq!(place.there("incoming/2024/a.csv"), None);
    // Once more, as after a crash: it is done, and not undone.
    assert_eq!(place.archive("archive").unwrap(), None);
    assert_eq!(place.there("archive/2024/a.csv").as_deref(), Some("n\n1\n"));
}

#[test]
fn a_crash_between_the_steps_is_mended() {
    let place = Place::new();
    let to = format!("{}/archive", place.folder.path().display());
    assert!(run(copy(&place.file, &place.set, &to, &Stores::local())).unwrap().is_some());
    assert_eq!(place.there("incoming/2024/a.csv"), place.there("archive/2024/a.csv"));
    assert!(place.archive("archive").unwrap().is_some());
    assert_eq!(place.there("incoming/2024/a.csv"), None);
}

#[test]
fn what_was_there_before_stays() {
    let place = Place::new();
    fs::create_dir_all(place.folder.path().join("archive/2024")).unwrap();
    fs::write(place.folder.path().join("archive/2024/a.csv"), "other").unwrap();
    let error = place.archive("archive").unwrap_err();
    assert_eq!(error.diagnostic().code, Code::AfterLoadFailed);
    assert_eq!(place.there("archive/2024/a.csv").as_deref(), Some("other"));
    assert_eq!(place.there("incoming/2024/a.csv").as_deref(), Some("n\n1\n"));
}

#[test]
fn a_file_that_is_another_by_now_is_not_touched() {
    let place = Place::new();
    fs::write(&place.file.path, "n\n1\n2\n").unwrap();
    assert_eq!(place.archive("archive").unwrap(), None);
    assert!(!run(delete(&place.file, &Stores::local())).unwrap());
    assert_eq!(place.there("incoming/2024/a.csv").as_deref(), Some("n\n1\n2\n"));
}

#[test]
fn an_archive_inside_the_pattern_would_be_loaded_again() {
    let place = Place::new();
    let error = place.archive("incoming/done").unwrap_err();
    assert_eq!(error.diagnostic().code, Code::AfterLoadFailed);
    assert!(place.there("incoming/2024/a.csv").is_some());
}

#[test]
fn a_deleted_file_is_gone_and_may_be_deleted_again() {
    let place = Place::new();
    assert!(run(delete(&place.file, &Stores::local())).unwrap());
    assert_eq!(place.there("incoming/2024/a.csv"), None);
    assert!(!run(delete(&place.file, &Stores::local())).unwrap());
}
