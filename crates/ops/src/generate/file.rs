//! Which file a table's rows go into: one that the pattern of its source finds.

use std::path::PathBuf;

use headwater_plan::FileSet;

/// The file, or what is the matter with the pattern.
pub(super) fn path(files: &FileSet, table: &str) -> Result<PathBuf, String> {
    let pattern = &files.pattern;
    if pattern.contains("://") && !pattern.starts_with("file://") {
        return Err(format!("`{}` is not a local folder, and `generate` writes local files only", files.written));
    }
    let pattern = pattern.strip_prefix("file://").unwrap_or(pattern);
    let (folders, name) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let mut path = PathBuf::new();
    if pattern.starts_with('/') {
        path.push("/");
    }
    for folder in folders.split('/').filter(|folder| !folder.is_empty() && *folder != "**") {
        if folder.contains(['*', '?', '[']) {
            return Err(format!("which folder is meant does not follow from `{}`", files.written));
        }
        path.push(folder);
    }
    path.push(file_name(name, table));
    Ok(path)
}

/// The pattern's file name with its wildcards filled: the first `*` by the table's name unless the name is there
/// already, the others by nothing, `?` and `[…]` by a character.
fn file_name(pattern: &str, table: &str) -> String {
    let mut star = if pattern.contains(table) { "" } else { table };
    let mut name = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => name.push_str(std::mem::take(&mut star)),
            '?' => name.push('1'),
            '[' => {
                let class: String = characters.by_ref().take_while(|character| *character != ']').collect();
                name.push(match class.strip_prefix('!') {
                    // Some character outside the class: one of these is, unless the class is absurd.
                    Some(not) => ['1', 'a', '_'].into_iter().find(|one| !not.contains(*one)).unwrap_or('~'),
                    None => class.chars().next().unwrap_or('1'),
                });
            }
            other => name.push(other),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use headwater_plan::Location;

    use super::*;

    fn of(pattern: &str) -> Result<PathBuf, String> {
        let location = Location::line("sources.yml", 1);
        path(&FileSet { pattern: pattern.into(), written: pattern.into(), location }, "users")
    }

    #[test]
    fn the_name_follows_from_the_pattern() {
        for (pattern, expected) in [
            ("/in/users*.csv", "/in/users.csv"),
            ("/in/*.csv", "/in/users.csv"),
            ("/in/**/*_20??.csv", "/in/users_2011.csv"),
            ("/in/data[ab]*.csv", "/in/dataausers.csv"),
            ("/in/users.csv", "/in/users.csv"),
            ("/in/**", "/in/users"),
        ] {
            assert_eq!(of(pattern).unwrap(), PathBuf::from(expected), "{pattern}");
        }
        assert!(of("/in/2024-*/users.csv").is_err());
        assert!(of("s3://bucket/users*.csv").is_err());
    }
}
