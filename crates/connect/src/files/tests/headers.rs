//! Headers and contracts that do not fit, and what the user reads.

use super::*;

fn refused(contents: &[&[u8]], options: LoadOptions) -> String {
    let (folder, listed) = files(contents);
    let error = load_files(listed, options).unwrap_err();
    told(error.diagnostics(), &folder)
}

const COLUMNS: &[Declared<'_>] = &[("user_id", "string", &[]), ("first_name", "string", &[]), ("amount", "int", &[])];

#[test]
fn every_problem_of_every_file_at_once() {
    let contents: [&[u8]; 12] = [
        b"user_id,first_nam,amount\n",
        b"user_id,first_name,amount,Extra,\n",
        b"\nuser_id,\"First_Name\",amount,AMOUNT\n",
        b"user_id;first_name;amount\n1;2;3\n",
        b"user_id\tfirst_name\tamount\n",
        b"1|Lisa|3\n",
        b"1,Lisa,3\n",
        b"",
        b"\n\r\n",
        b"\xff\xfeu\0s\0",
        b"u\0s\0\n\0",
        b"user_id,first_n\xe4me,amount\n",
    ];
    insta::assert_snapshot!(refused(&contents, options(COLUMNS)));
}

#[test]
fn headers_without_end_or_with_a_stray_quote() {
    let endless = format!("user_id,\"first_name,amount\n{}", "1,2,3\n".repeat(300_000));
    let contents: [&[u8]; 3] = [endless.as_bytes(), b"user_id,\"first_name", b"\"user_id\"x,first_name,amount\n"];
    insta::assert_snapshot!(refused(&contents, options(COLUMNS)));
}

#[test]
fn many_problems_are_counted() {
    let (_folder, listed) = files(&[b"a,b\n" as &[u8]; 60]);
    let error = load_files(listed, options(&[("a", "int", &[])])).unwrap_err();
    assert_eq!(error.diagnostics().0.len(), 50);
    assert!(error.diagnostics().0[49].message.ends_with("(and 10 more like these)"));
    assert!(error.diagnostic().message.ends_with("(and 59 more problems)"));
}

#[test]
fn columns_may_be_left_out_and_come_in_any_order_and_case() {
    let (_folder, listed) = files(&[b"x,AMOUNT, user_id ,,,First_Name\nq,5,u,,,\"f\"\n"]);
    let mut ignoring = options(COLUMNS);
    ignoring.on_schema_change = OnSchemaChange::Ignore;
    let loaded = drain(&load_files(listed.clone(), ignoring).unwrap()).unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(loaded.rows, [[text("u"), text("f"), text("5")]]);
    assert_eq!(read_header(&listed[0], &csv()).unwrap(), ["x", "AMOUNT", "user_id", "", "", "First_Name"]);
}

#[test]
fn a_long_header_is_read_whole() {
    let names: Vec<String> = (0..20_000).map(|n| format!("column_{n}")).collect();
    let (_folder, listed) = files(&[(names.join(",") + "\n").as_bytes()]);
    assert_eq!(read_header(&listed[0], &csv()).unwrap(), names);
}

#[test]
fn contracts_that_no_file_can_meet() {
    let mut wrong = options(&[
        ("a", "binary", &[]),
        ("b", "int", &["dd-MM-yyyy"]),
        ("c", "date", &["dd-mm-yyyy", "yyyy-MM-dd", "YYYY"]),
        ("d", "timestamp_ntz", &["yyyy-MM-dd'T'HH:mm:ss[XXX]"]),
        ("A", "int", &[]),
        ("_Run_Id", "string", &[]),
    ]);
    assert_eq!(check_contract(&wrong.contract, &csv()).unwrap_err().len(), 7);
    wrong.stamp = true;
    insta::assert_snapshot!(refused(&[], wrong));
}
