//! The macros that are built in: dbt's own, with Spark's meaning, in `macros/` of this crate.

/// Whether a file is one of these.
pub(super) fn is_file(path: &std::path::Path) -> bool {
    path.starts_with("(built in)")
}

/// Each file: what it is called in messages, its text.
pub(super) const FILES: &[(&str, &str)] = &[
    ("(built in)/types.sql", include_str!("../../macros/types.sql")),
    ("(built in)/dates.sql", include_str!("../../macros/dates.sql")),
    ("(built in)/texts.sql", include_str!("../../macros/texts.sql")),
    ("(built in)/sets.sql", include_str!("../../macros/sets.sql")),
    ("(built in)/names.sql", include_str!("../../macros/names.sql")),
    ("(built in)/queries.sql", include_str!("../../macros/queries.sql")),
];
