//! What text becomes which value. The expectations are those that PySpark 4.2.1 gave for the same text, or a refusal
//! where the module doc says so.

use super::super::value::{datetime, number, pattern::Pattern};
use super::*;

/// The text of each value, `-` for null, `!` for refused.
fn column(data_type: &str, format: &[&str], cells: &[&str]) -> String {
    let content =
        format!("v,n\n{}", cells.iter().enumerate().map(|(n, cell)| format!("{cell},{n}\n")).collect::<String>());
    let loaded = load(&content, &[("v", data_type, format), ("n", "int", &[])]);
    let mut found = vec!["!".to_owned(); cells.len()];
    for row in loaded.rows {
        found[row[1].as_ref().unwrap().parse::<usize>().unwrap()] = row[0].clone().unwrap_or("-".into());
    }
    found.join(" ")
}

#[test]
fn integers() {
    let cells =
        ["1", "-0", "+1", "007", "", "\"5\"", "\"\"", " 1", "1 ", "1.0", "1e2", "0x1", "1_000", "2147483648", "-", "+"];
    assert_eq!(column("int", &[], &cells), "1 0 1 7 - 5 - ! ! ! ! ! ! ! ! !");
    assert_eq!(column("tinyint", &[], &["127", "-128", "128", "-129"]), "127 -128 ! !");
    assert_eq!(column("smallint", &[], &["32767", "-32768", "32768"]), "32767 -32768 !");
    let cells = ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "00000000000000000000001"];
    assert_eq!(column("bigint", &[], &cells), "9223372036854775807 -9223372036854775808 ! 1");
}

#[test]
fn decimals_round_half_up_as_in_spark() {
    let cells = [
        "1",
        "+1",
        "1.005",
        "1.004",
        "-1.005",
        "999.99",
        "999.994",
        "999.995",
        "1000",
        ".5",
        "5.",
        "1e2",
        "1E-1",
        "-.5",
        "00001.10",
        "",
        " 1",
        "1 ",
        "abc",
        "1.2.3",
        ".",
        "e5",
        "1e",
        "\"1,5\"",
        "0e9999999999999",
        "1e-99999",
        "1e99999",
        "0.0000000000000000000000000000000000000000000000001",
        "-0.004",
        "0.005",
        "0.0049999999999999999999",
    ];
    assert_eq!(
        column("decimal(5,2)", &[], &cells),
        "1.00 1.00 1.01 1.00 -1.01 999.99 999.99 ! ! 0.50 5.00 100.00 0.10 -0.50 1.10 - ! ! ! ! ! ! ! ! 0.00 0.00 ! \
         0.00 0.00 0.01 0.00"
    );
    let nines = "9".repeat(38);
    let cells =
        [nines.as_str(), &format!("-{nines}"), &format!("{nines}0"), &format!("{nines}.4"), &format!("{nines}.5")];
    assert_eq!(column("decimal(38,0)", &[], &cells), format!("{nines} -{nines} ! {nines} !"));
    assert_eq!(
        column("decimal(38,38)", &[], &["0.5", "1", "0"]),
        format!("0.5{} ! 0.{}", "0".repeat(37), "0".repeat(38))
    );
    assert_eq!(number::decimal(b"123456789012345678", 18, 0), Some(123_456_789_012_345_678));
    assert_eq!(number::decimal(b"1234567890123456789", 19, 0), Some(1_234_567_890_123_456_789));
    assert_eq!(number::decimal(b"12345678901234567.85", 18, 1), Some(123_456_789_012_345_679));
}

#[test]
fn floats() {
    let cells = [
        "1",
        " 1 ",
        "+1",
        ".5",
        "5.",
        "1e-999",
        "NaN",
        "Inf",
        "-Infinity",
        "nan",
        "inf",
        "+Inf",
        "1e999",
        "1d",
        "0x1p3",
        "1e",
        "infinity",
    ];
    assert_eq!(column("double", &[], &cells), "1.0 1.0 1.0 0.5 5.0 0.0 NaN inf -inf ! ! ! ! ! ! ! !");
    assert_eq!(column("float", &[], &["0.1", "16777217", "1e39"]), "0.1 16777216.0 !");
    assert_eq!(number::double(b"86.258020"), Some(86.258_02));
    assert_eq!(number::double(b"179769313486231580793728971405301e276"), Some(f64::MAX));
}

#[test]
fn booleans() {
    assert_eq!(
        column("boolean", &[], &["true", "TRUE", "False", "", "1", "0", "yes", " true", "t"]),
        "true true false - ! ! ! ! !"
    );
}

#[test]
fn strings() {
    let content = "v,n\n a ,0\n\"\",1\n,2\n\"a\"\"b\",3\na\"b,4\n \"a\",5\n\"a\" ,6\n\"x,\r\ny\",7\n";
    let rows = load(content, &[("v", "string", &[]), ("n", "int", &[])]).rows;
    let found: Vec<Option<&str>> = rows.iter().map(|row| row[0].as_deref()).collect();
    let expected =
        [Some(" a "), Some(""), None, Some("a\"b"), Some("a\"b"), Some(" \"a\""), Some("a"), Some("x,\r\ny")];
    assert_eq!(found, expected);
}

#[test]
fn null_value() {
    let content = b"s,n\nNA,NA\n\"NA\",\"NA\"\n,\n\"\",1\n\"\",\"\"\n";
    let (_folder, listed) = files(&[content]);
    let mut with_null = options(&[("s", "string", &[]), ("n", "int", &[])]);
    with_null.format = FileFormat::Csv(CsvOptions { null_values: vec!["NA".into()], ..CsvOptions::default() });
    let loaded = drain(&load_files(listed, with_null).unwrap()).unwrap();
    let row = |s: Option<&str>, n: Option<&str>| vec![s.map(str::to_owned), n.map(str::to_owned)];
    let expected =
        [row(None, None), row(Some("NA"), None), row(None, None), row(Some(""), Some("1")), row(Some(""), None)];
    assert_eq!(loaded.rows, expected);
}

#[test]
fn iso_dates() {
    let cells = [
        "2024-01-05",
        "2024-1-5",
        " 2024-01-05 ",
        "2024-02-29",
        "0000-01-01",
        "9999-12-31",
        "",
        "2023-02-29",
        "2024-02-30",
        "2024-04-31",
        "1900-02-29",
        "2024-00-01",
        "2024-01-00",
        "2024-13-01",
        "2024-01-05 10:00:00",
        "2024",
        "2024-01",
        "24-01-05",
        "12024-01-05",
        "2024/01/05",
        "2024-01-051",
    ];
    assert_eq!(
        column("date", &[], &cells),
        "2024-01-05 2024-01-05 2024-01-05 2024-02-29 0000-01-01 9999-12-31 - ! ! ! ! ! ! ! ! ! ! ! ! ! !"
    );
}

#[test]
fn days_are_those_of_chrono() {
    let epoch = chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for year in (0..=9999).step_by(7).chain(1899..2101) {
        for month in 0..=13 {
            for day in 0..=32 {
                let expected =
                    chrono::NaiveDate::from_ymd_opt(year, month, day).map(|date| (date - epoch).num_days() as i32);
                assert_eq!(datetime::days(year as u32, month, day), expected, "{year}-{month}-{day}");
            }
        }
    }
}

#[test]
fn iso_timestamps() {
    let cells = [
        "2024-01-05",
        "2024-01-05 01:02:03",
        "2024-01-05T01:02:03",
        " 2024-01-05 1:2:3 ",
        "2024-01-05 01:02",
        "2024-01-05T01:02:03Z",
        "2024-01-05T01:02:03+02:00",
        "2024-01-05 01:02:03 -0230",
        "2024-01-05 01:02:03+2",
        "2024-01-05 01:02:03 UTC",
        "2024-01-05 01:02:03.1",
        "2024-01-05 01:02:03.123456789",
        "1969-12-31 23:59:59.5",
        "",
        "2024-02-30 00:00:00",
        "2024-01-05 24:00:00",
        "2024-01-05 23:60:00",
        "2024-01-05 23:59:60",
        "2024-01-05t01:02:03",
        "2024-01-05 01:02:03 PM",
        "2024",
        "01:02:03",
        "2024-01-05 01",
        "2024-01-05 01:02:03.",
        "2024-01-05 01:02:03+19:00",
        "2024-01-05 01:02:03+01:60",
        "2024-01-05 01:02:03 Europe/Berlin",
        "2024-01-05x01:02:03",
        "2024-01-05 01:02:0a",
        "2024-01-05 01:02:03Zx",
    ];
    assert_eq!(
        column("timestamp", &[], &cells).replace(' ', "\n"),
        "2024-01-05T00:00:00Z\n2024-01-05T01:02:03Z\n2024-01-05T01:02:03Z\n2024-01-05T01:02:03Z\n2024-01-05T01:02:00Z\n\
         2024-01-05T01:02:03Z\n2024-01-04T23:02:03Z\n2024-01-05T03:32:03Z\n2024-01-04T23:02:03Z\n2024-01-05T01:02:03Z\n\
         2024-01-05T01:02:03.100Z\n2024-01-05T01:02:03.123456Z\n1969-12-31T23:59:59.500Z\n-"
            .to_owned() + &"\n!".repeat(16)
    );
    let cells = ["2024-01-05 01:02:03", "2024-01-05", "2024-01-05T01:02:03Z"];
    assert_eq!(column("timestamp_ntz", &[], &cells), "2024-01-05T01:02:03 2024-01-05T00:00:00 !");
}

#[test]
fn patterns_of_dates() {
    let dates = |format: &str, cells: &[&str]| column("date", &[format], cells);
    let cells = ["05-01-2024", "5-1-2024", "05-1-2024", " 05-01-2024", "31-02-2024", "05-01-12024", "05-01-24"];
    assert_eq!(dates("dd-MM-yyyy", &cells), "2024-01-05 ! ! ! ! ! !");
    assert_eq!(dates("d-M-yyyy", &["5-1-2024", "05-01-2024", "5-1-24"]), "2024-01-05 2024-01-05 !");
    assert_eq!(dates("dd/MM/yy", &["05/01/24", "05/01/99", "05/01/2024"]), "2024-01-05 2099-01-05 !");
    assert_eq!(dates("yyyyMMdd", &["20240105", "2024015", "120240105"]), "2024-01-05 ! !");
    let cells = ["05-Jan-2024", "05-JAN-2024", "05-jan-2024", "05-January-2024", "05-Sep-2024"];
    assert_eq!(dates("dd-MMM-yyyy", &cells), "2024-01-05 2024-01-05 2024-01-05 ! 2024-09-05");
    assert_eq!(dates("MMMM d yyyy", &["January 5 2024", "MAY 5 2024", "Jan 5 2024"]), "2024-01-05 2024-05-05 !");
    assert_eq!(dates("yyyy-MM", &["2024-01", "2024-13"]), "2024-01-01 !");
    assert_eq!(dates("yyyy-MM-dd HH:mm", &["2024-01-05 23:59", "2024-01-05 24:00"]), "2024-01-05 !");
    assert_eq!(
        column("date", &["dd-MM-yyyy", "yyyy-MM-dd"], &["05-01-2024", "2024-01-05", "2024/01/05"]),
        "2024-01-05 2024-01-05 !"
    );
}

#[test]
fn patterns_of_timestamps() {
    let stamps = |format: &str, cells: &[&str]| column("timestamp", &[format], cells);
    let cells = [
        "2024-01-05 01:02:03 PM",
        "2024-01-05 01:02:03 pm",
        "2024-01-05 12:02:03 AM",
        "2024-01-05 13:02:03 PM",
        "2024-01-05 00:02:03 AM",
    ];
    assert_eq!(
        stamps("yyyy-MM-dd hh:mm:ss a", &cells),
        "2024-01-05T13:02:03Z 2024-01-05T13:02:03Z 2024-01-05T00:02:03Z ! !"
    );
    let cells = ["2024-01-05 01:02:03.1", "2024-01-05 01:02:03.123", "2024-01-05 01:02:03.1234", "2024-01-05 01:02:03"];
    assert_eq!(stamps("yyyy-MM-dd HH:mm:ss.SSS", &cells), "2024-01-05T01:02:03.100Z 2024-01-05T01:02:03.123Z ! !");
    let cells =
        ["2024-01-05T01:02:03Z", "2024-01-05t01:02:03+02:00", "2024-01-05T01:02:03+0200", "2024-01-05T01:02:03"];
    assert_eq!(stamps("yyyy-MM-dd'T'HH:mm:ssXXX", &cells), "2024-01-05T01:02:03Z 2024-01-04T23:02:03Z ! !");
    let cells = ["2024-01-05T01:02:03Z", "2024-01-05T01:02:03+0200", "2024-01-05T01:02:03+02", "2024-01-05T01:02:03"];
    assert_eq!(
        stamps("yyyy-MM-dd'T'HH:mm:ss[X]", &cells),
        "2024-01-05T01:02:03Z 2024-01-04T23:02:03Z 2024-01-04T23:02:03Z 2024-01-05T01:02:03Z"
    );
    assert_eq!(
        stamps("yyyy-MM-dd'T'HH:mm:ssZ", &["2024-01-05T01:02:03+0200", "2024-01-05T01:02:03Z"]),
        "2024-01-04T23:02:03Z !"
    );
    let cells = ["2024-01-05 01:02:03.123456", "2024-01-05 01:02:03", "2024-01-05"];
    assert_eq!(
        stamps("yyyy-MM-dd[ HH:mm:ss[.SSSSSS]]", &cells),
        "2024-01-05T01:02:03.123456Z 2024-01-05T01:02:03Z 2024-01-05T00:00:00Z"
    );
    assert_eq!(stamps("dd.MM.yyyy H:m", &["05.01.2024 1:2", "05.01.2024 24:02"]), "2024-01-05T01:02:00Z !");
    assert_eq!(stamps("yyyyMMddHHmmss", &["20240105010203", "20240105 010203"]), "2024-01-05T01:02:03Z !");
    assert_eq!(stamps("yyyy 'o''clock' ''HH", &["2024 o'clock '07"]), "2024-01-01T07:00:00Z");
}

#[test]
fn patterns_that_are_refused() {
    let patterns = [
        "dd-MM",
        "dd-yyyy",
        "YYYY-MM-dd",
        "yyyy-MM-DD",
        "yyyy-mm-dd hh:MM:ss",
        "yyyy-MM-dd HH:mm a",
        "yyyy-MM-dd'T",
        "yyyy[-MM",
        "yyyy-MM]",
        "yyyyMMddHHmmssSSS",
        "dMyyyy",
        "H[mm]yyyy",
        "yyyy-MM-dd EEE",
        "yyy",
        "yyyy-MM-dd yyyy",
        "yyyy#",
        "",
    ];
    let told: Vec<String> =
        patterns.iter().map(|pattern| format!("{pattern}: {}", Pattern::compile(pattern).unwrap_err())).collect();
    insta::assert_snapshot!(told.join("\n"));
}
