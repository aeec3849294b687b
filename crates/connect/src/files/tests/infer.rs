//! Contracts of seeds.

use super::*;

fn types(content: &str) -> String {
    let (_folder, listed) = files(&[content.as_bytes()]);
    let contract = infer_contract(&listed[0], &CsvOptions::default()).unwrap();
    let columns = contract.columns.iter().map(|column| format!("{} {}", column.name, column.data_type));
    columns.collect::<Vec<_>>().join(", ")
}

#[test]
fn types_are_dbt_sparks_and_lose_nothing() {
    assert_eq!(
        types(
            "id,ok,rate,day,at,name,none\n1,true,1.5,2024-01-01,2024-01-01 10:00:00,x,\n-2,FALSE,2,2024-1-2,2024-01-01,,\n"
        ),
        "id bigint, ok boolean, rate double, day date, at timestamp, name string, none string"
    );
    assert_eq!(
        types(
            "zip,phone,big,money,exact,exp,mixed,words,ident\n01234,+49123,12345678901234567890,0.1,1234567890123456.75,1e300,1,NaN,1 \n99999,5,1,12.25,1,1234567890123456.5,x,Inf,2\n"
        ),
        "zip string, phone string, big decimal(20,0), money double, exact decimal(18,2), exp double, mixed string, \
         words string, ident string"
    );
    assert_eq!(types("a,b\n"), "a string, b string");
    assert_eq!(types("a,b\n\"\",\"1\"\n\"1\",\"x\"\n"), "a bigint, b string");
    assert_eq!(types(&format!("a\n{}\n", "9".repeat(39))), "a string");
}

#[test]
fn what_is_inferred_loads() {
    let content = "a,b,c,d,e\n1,true,1.5,2024-01-01,x\n,,,,\n-9223372036854775808,false,1e5,2024-12-31,\n";
    let (_folder, listed) = files(&[content.as_bytes()]);
    let mut inferred = options(&[]);
    inferred.contract = infer_contract(&listed[0], &CsvOptions::default()).unwrap();
    let loaded = drain(&load_files(listed, inferred).unwrap()).unwrap();
    assert_eq!((loaded.rows.len(), loaded.rejected.len()), (3, 0));
}

#[test]
fn seeds_that_cannot_be_read() {
    let mut text = String::new();
    for content in ["", "a,b\n1\n1,2\n1,2,3\n", "a,A,\n1,2,3\n", "a\n\"\n"] {
        let (folder, listed) = files(&[content.as_bytes()]);
        let error = infer_contract(&listed[0], &CsvOptions::default()).unwrap_err();
        text += &told(error.diagnostics(), &folder);
    }
    insta::assert_snapshot!(text);
}
