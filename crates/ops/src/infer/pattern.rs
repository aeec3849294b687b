//! Paths of files to the pattern that takes them all, and to names for their table and source.

/// A path in which no character has a meaning.
pub(super) fn escaped(path: &str) -> String {
    let letters = path.chars().map(|letter| match letter {
        '*' | '?' | '[' | ']' => format!("[{letter}]"),
        other => other.to_string(),
    });
    letters.collect()
}

/// The pattern that a person would write for these files: what they have in common, and a star for what tells one
/// delivery from the next. Never empty.
pub(super) fn of(paths: &[String]) -> String {
    let Some((first, rest)) = paths.split_first() else { return "*".to_owned() };
    let (folder, name) = split(first);
    if rest.iter().all(|path| split(path).0 == folder) {
        let names: Vec<&str> = paths.iter().map(|path| split(path).1).collect();
        return join(folder, &names_pattern(name, &names));
    }
    let common = common_folder(paths);
    let endings: Vec<&str> = paths.iter().map(|path| ending(split(path).1)).collect();
    let one = endings.iter().all(|ending| *ending == endings[0]);
    join(&common, &format!("**/*{}", if one { endings[0] } else { "" }))
}

fn names_pattern(name: &str, names: &[&str]) -> String {
    let end = ending(name);
    let one_ending = names.iter().all(|name| ending(name) == end);
    let stem = &name[..name.len() - end.len()];
    let common = names.iter().fold(stem, |common, name| &common[..shared(common, name)]);
    // `rentals_2024-05` is one delivery of `rentals`.
    let kept =
        common.trim_end_matches(|letter: char| letter.is_ascii_digit() || ['-', '_', '.', ' '].contains(&letter));
    let end = if one_ending { end } else { "" };
    match (names.len(), kept == stem) {
        (1, true) => escaped(name),
        (_, _) => format!("{}*{}", escaped(kept), escaped(end)),
    }
}

/// How many bytes two names begin with in common, at the border of a character.
fn shared(one: &str, other: &str) -> usize {
    let mut length = 0;
    for (a, b) in one.chars().zip(other.chars()) {
        if a != b {
            break;
        }
        length += a.len_utf8();
    }
    length
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{}/{name}", if is_glob(folder) { escaped(folder) } else { folder.to_owned() })
    }
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}

/// The folder in which all files are, somewhere.
fn common_folder(paths: &[String]) -> String {
    let folders: Vec<Vec<&str>> = paths.iter().map(|path| split(path).0.split('/').collect()).collect();
    let first = folders.first().cloned().unwrap_or_default();
    let depth =
        first.iter().enumerate().take_while(|(at, part)| folders.iter().all(|other| other.get(*at) == Some(*part)));
    let depth = depth.count();
    first[..depth].join("/")
}

/// What a name ends with: `.csv`, `.json.gz`; nothing for a name without a point.
fn ending(name: &str) -> &str {
    const PACKED: [&str; 7] = ["gz", "gzip", "zst", "zstd", "bz2", "bzip2", "zip"];
    let Some((before, last)) = name.rsplit_once('.') else { return "" };
    if before.is_empty() {
        return "";
    }
    let inner = match PACKED.contains(&last.to_lowercase().as_str()) {
        true => before.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or(0, |(_, inner)| inner.len() + 1),
        false => 0,
    };
    &name[before.len() - inner..]
}

/// The table's name: what the files' names begin with.
pub(super) fn table_name(pattern: &str) -> String {
    let (folder, name) = split(pattern);
    let stem = name.split(['*', '.', '[', '?']).next().unwrap_or_default();
    let named = identifier(stem);
    if !named.is_empty() {
        return named;
    }
    let fixed = folder.rsplit('/').map(identifier).find(|part| !part.is_empty());
    fixed.unwrap_or_else(|| "files".to_owned())
}

/// The source's name: that of the folder.
pub(super) fn source_name(pattern: &str) -> String {
    let folders = split(pattern).0.split("://").last().unwrap_or_default();
    let fixed = folders.rsplit('/').find(|part| !part.contains(['*', '=', '?', '[']));
    let named = identifier(fixed.unwrap_or_default());
    if named.is_empty() { "files".to_owned() } else { named }
}

/// Lower case letters, digits, and `_` for what is neither.
fn identifier(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let trimmed = name.trim_end_matches('_');
    if trimmed.starts_with(|first: char| first.is_ascii_digit()) { format!("t_{trimmed}") } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(paths: &[&str]) -> String {
        of(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn one_pattern_takes_all_files_and_the_next_ones() {
        for (paths, expected) in [
            (&["in/rentals.csv"][..], "in/rentals.csv"),
            (&["in/rentals_2024-05.csv"], "in/rentals*.csv"),
            (&["in/rentals_2024-05.csv", "in/rentals_2024-06.csv"], "in/rentals*.csv"),
            (&["in/rentals.csv", "in/rentals_2.csv"], "in/rentals*.csv"),
            (&["in/a.json.gz", "in/b.json.gz"], "in/*.json.gz"),
            (&["in/a.csv", "in/a.csv.gz"], "in/a*"),
            (&["in/x/a.csv", "in/y/b.csv"], "in/**/*.csv"),
            (&["in/day=1/part-0.parquet", "in/day=2/part-0.parquet"], "in/**/*.parquet"),
            (&["in/week [1].csv"], "in/week [[]1[]].csv"),
            (&["s3://bucket/in/2024.csv", "s3://bucket/in/2025.csv"], "s3://bucket/in/*.csv"),
            (&["rentals"], "rentals"),
            (&["in/größe1.csv", "in/größen.csv"], "in/größe*.csv"),
        ] {
            assert_eq!(pattern(paths), expected, "{paths:?}");
        }
    }

    #[test]
    fn names_come_from_files_and_folders() {
        for (pattern, source, table) in [
            ("incoming/rentals*.csv", "incoming", "rentals"),
            ("incoming/Rental Transactions.csv", "incoming", "rental_transactions"),
            ("s3://bucket/raw/crm/*.parquet", "crm", "crm"),
            ("in/**/*.csv", "in", "in"),
            ("/2024/*.csv", "t_2024", "t_2024"),
            ("*.csv", "files", "files"),
        ] {
            assert_eq!((source_name(pattern).as_str(), table_name(pattern).as_str()), (source, table), "{pattern}");
        }
    }
}
