//! Files by pattern.

use std::fs;

use headwater_plan::Code;

use super::*;

fn listed(pattern: &str) -> Result<Vec<SourceFile>, FilesError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(list(&file_set(pattern), &Stores::local()))
}

fn names(folder: &Path, pattern: &str) -> Vec<String> {
    let prefix = format!("{}/", folder.display());
    let found = listed(&(prefix.clone() + pattern)).unwrap();
    found.into_iter().map(|file| file.path.strip_prefix(&prefix).unwrap().to_owned()).collect()
}

#[test]
fn files_are_sorted_and_folders_and_hidden_files_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("2024/01")).unwrap();
    fs::create_dir(path.join("folder.csv")).unwrap();
    for name in ["b.csv", "a.csv", "c.txt", ".hidden.csv", "2024/d.csv", "2024/01/e.csv", "A.CSV"] {
        fs::write(path.join(name), name).unwrap();
    }
    assert_eq!(names(path, "*.csv"), ["a.csv", "b.csv"]);
    assert_eq!(names(path, "**/*.csv"), ["2024/01/e.csv", "2024/d.csv", "a.csv", "b.csv"]);
    assert_eq!(names(path, "[ab].csv"), ["a.csv", "b.csv"]);
    assert_eq!(names(path, "2024/?.csv"), ["2024/d.csv"]);
    assert_eq!(names(path, "a.csv"), ["a.csv"]);
    assert!(names(path, "none*.csv").is_empty());
    assert!(names(path, "no/such/folder/*.csv").is_empty());
    let file = &listed(&format!("{}/a.csv", path.display())).unwrap()[0];
    assert_eq!(file.size, 5);
    let tag: DateTime<Utc> = file.tag.parse().unwrap();
    assert_eq!(tag, DateTime::<Utc>::from(fs::metadata(path.join("a.csv")).unwrap().modified().unwrap()));
    assert_eq!(source_file(&path.join("a.csv")), *file);
}

#[test]
fn a_pattern_that_cannot_be_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("file"), "").unwrap();
    std::os::unix::fs::symlink(path.join("gone"), path.join("link.csv")).unwrap();
    let mut text = String::new();
    for pattern in [
        "s3://bucket/*.csv".to_owned(),
        format!("{}/***.csv", path.display()),
        format!("{}/file/*.csv", path.display()),
    ] {
        text += &told(listed(&pattern).unwrap_err().diagnostics(), &folder);
    }
    // A link to nothing is a file that somebody expects to be loaded.
    let dangling = listed(&format!("{}/*.csv", path.display()));
    text += &dangling.map_or_else(|error| told(error.diagnostics(), &folder), |found| format!("{found:?}"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_folder_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let found = listed(&format!("{}/*.csv", closed.display()));
    // Root reads everything.
    if fs::read_dir(&closed).is_err() {
        assert_eq!(found.unwrap_err().diagnostic().code, Code::UnreadableInput);
    } else {
        assert!(found.unwrap().is_empty());
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_folder_is_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("in/day=2024-01-01/deep")).unwrap();
    fs::create_dir_all(path.join("in/_temporary")).unwrap();
    for name in ["in/b", "in/a.csv", "in/_SUCCESS", "in/.hidden", "in/day=2024-01-01/deep/c.csv", "in/_temporary/d.csv"]
    {
        fs::write(path.join(name), name).unwrap();
    }
    let all = ["in/a.csv", "in/b", "in/day=2024-01-01/deep/c.csv"];
    assert_eq!(names(path, "in"), all);
    assert_eq!(names(path, "in/"), all);
    assert!(names(path, "none/").is_empty());
}

#[test]
fn folders_that_are_partitions() {
    use super::super::partition::partitions;
    let found = partitions("/lake/in/day=2024-01-01/city=M%C3%BCnster/x/k=/__=a=b/f=1.csv", Some("/lake/in"));
    let value = |text: &str| Some(text.to_owned());
    let expected = [("day", value("2024-01-01")), ("city", value("Münster")), ("k", value("")), ("__", value("a=b"))];
    assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value)));
    let null = partitions("s3://b/in/day=__HIVE_DEFAULT_PARTITION__/a", Some("s3://b/in/"));
    assert_eq!(null, [("day".to_owned(), None)]);
    let odd = partitions("/in/a=100%/b=%zz/c=%FF/d", Some("/in"));
    assert_eq!(odd.iter().map(|(_, value)| value.as_deref().unwrap()).collect::<Vec<_>>(), ["100%", "%zz", "%FF"]);
    assert!(partitions("/in/day=1/a", None).is_empty());
    assert!(partitions("/elsewhere/day=1/a", Some("/in")).is_empty());
    assert!(partitions("/in/day=1", Some("/in")).is_empty());
    assert_eq!(fixed_folder("/a/b/*.csv"), "/a/b");
    assert_eq!(fixed_folder("/*.csv"), "/");
    assert_eq!(fixed_folder("/a/b*/c/*.csv"), "/a");
    assert_eq!(fixed_folder("/a/b/"), "/a/b");
}
