//! Records that are refused, and what the user reads.

use super::*;

fn rejects(content: &str, columns: &[Declared<'_>]) -> String {
    let (folder, listed) = files(&[content.as_bytes()]);
    let loaded = drain(&load_files(listed, options(columns)).unwrap()).unwrap();
    told(loaded.rejected.iter().map(Rejected::diagnostic), &folder)
}

#[test]
fn a_record_carries_all_its_reasons() {
    let (folder, listed) = files(&[b"id,day,n,x\n1,2024-01-01,1,a\n2,31/12/2024,zwei,b\n"]);
    let columns: &[Declared<'_>] = &[("x", "string", &[]), ("n", "int", &[]), ("day", "date", &[]), ("id", "int", &[])];
    let loaded = drain(&load_files(listed, options(columns)).unwrap()).unwrap();
    let [rejected] = loaded.rejected.as_slice() else { panic!("{loaded:?}") };
    assert_eq!((rejected.line, rejected.raw.as_str()), (3, "2,31/12/2024,zwei,b"));
    let reasons: Vec<_> = rejected.reasons.iter().map(|r| (r.column.as_deref(), r.column_number, r.span)).collect();
    assert_eq!(reasons, [(Some("n"), 3, (13, 4)), (Some("day"), 2, (2, 10))]);
    insta::assert_snapshot!(told([rejected.diagnostic()], &folder));
}

#[test]
fn ragged_records_and_text_behind_quotes() {
    let content = "a,b,c\n1,2\n1,2,3,4\n1\n\"x\"y,2,3\n1,\"two\nlines,2\n3\",x\n1,\"two\nlines\"!,3\n  \nä,\"ö\"ü,3\n";
    let columns: &[Declared<'_>] = &[("a", "string", &[]), ("b", "string", &[]), ("c", "int", &[])];
    insta::assert_snapshot!(rejects(content, columns));
}

#[test]
fn values_and_what_to_do_about_them() {
    let columns: &[Declared<'_>] = &[
        ("day", "date", &[]),
        ("at", "timestamp", &[]),
        ("n", "int", &[]),
        ("l", "bigint", &[]),
        ("d", "decimal(5,2)", &[]),
        ("f", "double", &[]),
        ("b", "boolean", &[]),
        ("own", "date", &["dd.MM.yyyy"]),
    ];
    let content = "day,at,n,l,d,f,b,own\n\
        31-12-2024,,,,,,,\n\
        01/02/2024,,,,,,,\n\
        2024-02-30,,,,,,,\n\
        2024-01-01 10:00:00,,,,,,,\n\
        ,04-06-2024 13:25:00,,,,,,\n\
        ,04/06/2024 1:25 PM,,,,,,\n\
        ,soon,,,,,,\n\
        ,,3000000000,,,,,\n\
        ,,,99999999999999999999,,,,\n\
        ,,1.5,,,,,\n\
        ,, 1,,,,,\n\
        ,,,,1000,,,\n\
        ,,,,\"1,5\",,,\n\
        ,,,,x,,,\n\
        ,,,,,1d,,\n\
        ,,,,,,1,\n\
        ,,,,,,yes,\n\
        ,,,,,,,2024-01-05\n\
        ,,,,,,,20240105\n\
        ,,,,,,,\"1 \"\"of\"\" 2\"\n"
        .to_owned()
        + &format!(",,{},,,,,\n", "long".repeat(50));
    insta::assert_snapshot!(rejects(&content, columns));
}
