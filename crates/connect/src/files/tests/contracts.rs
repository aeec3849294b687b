//! What a contract asks of values, and where columns come from.

use arrow::array::Array;
use arrow::error::ArrowError;
use headwater_plan::ingest::Constraint;

use super::*;

fn column(name: &str, data_type: &str) -> ContractColumn {
    ContractColumn::new(name, DataType::parse(data_type).unwrap(), Location::line("models/sources.yml", 1))
}

fn with(columns: Vec<ContractColumn>) -> LoadOptions {
    LoadOptions { contract: Contract { columns, constraints: Vec::new() }, ..options(&[]) }
}

/// The rows, and each rejected line with its messages.
fn read(content: &str, options: LoadOptions) -> String {
    let (folder, listed) = files(&[content.as_bytes()]);
    match load_files(listed, options) {
        Ok(load) => shown(&drain(&load).unwrap()),
        Err(error) => told(error.diagnostics(), &folder),
    }
}

fn shown(loaded: &Loaded) -> String {
    let mut text = String::new();
    for row in &loaded.rows {
        let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
        text += &format!("{}\n", cells.join("|"));
    }
    for rejected in &loaded.rejected {
        let reasons: Vec<&str> = rejected.reasons.iter().map(|reason| reason.message.as_str()).collect();
        text += &format!("{}: {}\n", rejected.line, reasons.join("; "));
    }
    text
}

#[test]
fn blanks_nulls_and_defaults() {
    let columns = vec![
        ContractColumn { trim: true, null_values: vec!["N/A".into()], ..column("s", "string") },
        ContractColumn { trim: true, null_values: vec!["N/A".into()], default: Some("7".into()), ..column("n", "int") },
        ContractColumn { nullable: false, ..column("k", "string") },
    ];
    assert_eq!(
        read("s,n,k\n  x ,\u{a0}1 ,k\n \"N/A\",N/A,\"\"\n\" \",,\nN/A, 2,k\n", with(columns)),
        "x|1|k\n\"N/A\"|7|\n4: column `k` is null, which it must not be\n".replace("4: ", "NULL|2|k\n4: ").as_str()
    );
}

#[test]
fn numbers_of_other_countries() {
    let german = |name: &str, data_type: &str| ContractColumn {
        decimal_sep: ',',
        group_sep: Some('.'),
        ..column(name, data_type)
    };
    let columns = vec![german("d", "decimal(12,2)"), german("f", "double"), german("n", "int")];
    let options = || LoadOptions {
        format: FileFormat::Csv(CsvOptions { sep: ";".into(), ..CsvOptions::default() }),
        ..with(columns.clone())
    };
    assert_eq!(
        read("d;f;n\n1.234.567,89;-1.234,5e2;12.345\n0,5;,5;-7\n", options()),
        "1234567.89|-123450.0|12345\n0.50|0.5|-7\n"
    );
    insta::assert_snapshot!(read(
        "d;f;n\n1.5;;\n1.23,4;;\n;1,234,5;\n;;1.2\n1..234;;\n.123;;\n;;12,0\n1,5.5;;\n",
        options()
    ));
    let english = vec![ContractColumn { group_sep: Some(','), ..column("d", "decimal(12,2)") }];
    assert_eq!(
        read("d\n\"1,234.5\"\n\"12,34,567\"\n\"1,5\"\n", with(english)),
        "1234.50\n1234567.00\n4: column `d`: `1,5` is not a valid `decimal(12,2)`\n"
    );
}

#[test]
fn columns_have_other_names_in_the_file_and_defaults_when_they_lack() {
    let columns = vec![
        ContractColumn { source_name: Some("Rental ID".into()), ..column("id", "int") },
        ContractColumn { default: Some("2020-01-01".into()), ..column("day", "date") },
    ];
    assert_eq!(
        read("rental id,x\n1,2\n", LoadOptions { on_schema_change: OnSchemaChange::Ignore, ..with(columns.clone()) }),
        "1|2020-01-01\n"
    );
    insta::assert_snapshot!(read("id\n1\n", with(columns)));
}

#[test]
fn contracts_that_cannot_be() {
    let columns = vec![
        ContractColumn { decimal_sep: ',', ..column("a", "string") },
        ContractColumn { decimal_sep: ',', group_sep: Some(','), ..column("b", "int") },
        ContractColumn { group_sep: Some('1'), ..column("c", "double") },
        ContractColumn { default: Some("soon".into()), ..column("d", "date") },
        ContractColumn { source_name: Some("B".into()), ..column("e", "date") },
        column("_rescued_data", "string"),
        column("f", "array<int>"),
    ];
    insta::assert_snapshot!(read("a\n", LoadOptions { stamp: true, ..with(columns) }));
}

#[test]
fn columns_that_the_contract_has_not() {
    let content = "a,Extra,,extra,b\n1,x,y,z,2\n3,,,\"\",4\n";
    let options = |on_schema_change| LoadOptions {
        on_schema_change,
        rescue: on_schema_change == OnSchemaChange::Rescue,
        ..with(vec![column("b", "int"), column("a", "int")])
    };
    assert_eq!(read(content, options(OnSchemaChange::Ignore)), "2|1\n4|3\n");
    assert_eq!(
        read(content, options(OnSchemaChange::Rescue)),
        "2|1|{\"Extra\":\"x\",\"_c2\":\"y\",\"_c3\":\"z\"}\n4|3|{\"_c3\":\"\"}\n"
    );
    insta::assert_snapshot!(
        read(content, options(OnSchemaChange::AddColumns)) + &read(content, options(OnSchemaChange::Fail))
    );
}

#[test]
fn columns_are_added_over_all_files() {
    let (_folder, listed) = files(&[b"a,x\n1,2\n", b"a\n3\n", b"y,a,X\n4,5,\n"]);
    let adding =
        LoadOptions { on_schema_change: OnSchemaChange::AddColumns, stamp: true, ..with(vec![column("a", "int")]) };
    let load = load_files(listed, adding).unwrap();
    let names: Vec<_> =
        load.added_columns().iter().map(|field| format!("{} {}", field.name, field.data_type)).collect();
    assert_eq!(names, ["x string", "y string"]);
    let names: Vec<_> = load.arrow_schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["a", "_source_file", "_source_line", "_ingested_at", "_run_id", "x", "y"]);
    let mut loaded = drain(&load).unwrap();
    loaded.rows.iter_mut().for_each(|row| drop(row.drain(1..5)));
    assert_eq!(shown(&loaded), "1|2|NULL\n3|NULL|NULL\n5|NULL|4\n");
}

#[test]
fn columns_come_from_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        source_file(&path)
    };
    let options = |columns| LoadOptions { root: Some(folder.path().to_str().unwrap().to_owned()), ..with(columns) };
    let columns = || vec![column("a", "int"), column("day", "date"), column("place", "string")];
    let listed = vec![
        write("day=2024-01-02/Place=New%20York/0.csv", "a\n1\n"),
        write("day=__HIVE_DEFAULT_PARTITION__/place=/1.csv", "a\n2\n"),
        write("day=2024-01-03/place=x/2.csv", "place,a\ny,3\n"),
    ];
    let loaded = drain(&load_files(listed, options(columns())).unwrap()).unwrap();
    assert_eq!(shown(&loaded), "1|2024-01-02|New York\n2|NULL|\n3|2024-01-03|y\n");

    let listed = vec![write("day=soon/place=x/3.csv", "a\n1\n"), write("day=2024-01-01/place=x/4.csv", "a\n1\n")];
    let error = load_files(listed, options(columns())).unwrap_err();
    insta::assert_snapshot!(told(error.diagnostics(), &folder));

    let listed = vec![write("day=2024-01-02/place=b/5.csv", "1\n")];
    let mut without = options(columns());
    without.format = FileFormat::Csv(CsvOptions { header: false, ..CsvOptions::default() });
    assert_eq!(shown(&drain(&load_files(listed, without).unwrap()).unwrap()), "1|2024-01-02|b\n");
}

/// Refuses every value of the first column below 0 by rule 0, above 9 by rule 1.
#[derive(Debug)]
struct Digits;

impl RowCheck for Digits {
    fn check(&self, batch: &RecordBatch) -> Result<Vec<BrokenRule>, ArrowError> {
        let values = batch.column(0).as_primitive::<arrow::array::types::Int32Type>();
        let broken = (0..batch.num_rows()).flat_map(|row| {
            let value = if values.is_valid(row) { values.value(row) } else { 0 };
            let rules = [value < 0, value > 9];
            rules
                .into_iter()
                .enumerate()
                .filter(|(_, broken)| *broken)
                .map(move |(constraint, _)| BrokenRule { row, constraint })
        });
        Ok(broken.collect())
    }
}

#[test]
fn rules_are_held_against_rows() {
    let rule = |written: &str, column: Option<&str>| Constraint {
        written: written.into(),
        column: column.map(str::to_owned),
        sql: String::new(),
        location: Location::line("models/sources.yml", 9),
    };
    let mut options = with(vec![column("n", "int"), column("d", "date")]);
    options.contract.constraints = vec![rule("at least 0", Some("n")), rule("n < 10", None)];
    options.check = Some(Arc::new(Digits));
    let mut content = String::from("n,d\n");
    (0..3000).for_each(|n| content += &format!("{},\n", n % 10));
    content += "-1,2024-01-01\n5,x\n10,x\n,\n7,2024-01-01\n";
    let (_folder, listed) = files(&[content.as_bytes()]);
    let mut loaded = drain(&load_files(listed, options).unwrap()).unwrap();
    assert_eq!((loaded.records, loaded.rows.len()), (3005, 3002));
    loaded.rows.drain(..3000);
    assert_eq!(
        shown(&loaded),
        "NULL|NULL\n7|2024-01-01\n3002: column `n` breaks the rule `at least 0`\n\
         3003: column `d`: `x` is not a valid `date`\n\
         3004: column `d`: `x` is not a valid `date`; it breaks the rule `n < 10`\n"
    );
    assert_eq!(loaded.rejected[0].raw, "-1,2024-01-01");
}
