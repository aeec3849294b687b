use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use headwater_plan::{ContractColumn, CsvOptions, DataType, FileFormat, FileSet, Location, TableName};
use headwater_project::generate::{ColumnHint, Distribution, GenerateColumn, GenerateRows, HintKind};

use super::*;

fn column(name: &str, data_type: DataType, kind: HintKind) -> GenerateColumn {
    GenerateColumn {
        column: ContractColumn::new(name, data_type, Location::line("sources.yml", 7)),
        hint: ColumnHint { kind, null: 0.0 },
        unique: false,
        not_null: false,
        accepted: None,
        references: None,
    }
}

fn table(folder: &Path, name: &str, rows: GenerateRows, columns: Vec<GenerateColumn>) -> GenerateTable {
    let pattern = folder.join(format!("{name}*.csv")).display().to_string();
    GenerateTable {
        source: "shop".into(),
        table: name.into(),
        relation: TableName::new("bronze", name),
        files: FileSet { written: pattern.clone(), pattern, location: Location::line("sources.yml", 3) },
        format: FileFormat::Csv(CsvOptions::default()),
        rows,
        columns,
    }
}

fn fixed(rows: u64) -> GenerateRows {
    GenerateRows { rows, scale: false }
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// Customers, and orders that refer to them.
fn shop(folder: &Path) -> Vec<GenerateTable> {
    let mut place = column("place", DataType::String, HintKind::Template("{state}/{city}".into()));
    place.not_null = true;
    let mut name = column("name", DataType::String, HintKind::Company);
    name.hint.null = 0.1;
    let mut licence = column("licence", DataType::String, HintKind::Pattern("?#".into()));
    licence.unique = true;
    let customers = vec![
        column("id", DataType::String, HintKind::Hex(6)),
        name,
        licence,
        place,
        column("city", DataType::String, HintKind::City),
        column("state", DataType::String, HintKind::State),
        column("first", DataType::String, HintKind::FirstName),
        column("last", DataType::String, HintKind::LastName),
        column("email", DataType::String, HintKind::Email),
        column("kind", DataType::Int, HintKind::Choice(vec![("1".into(), 3.0), ("2".into(), 1.0)])),
    ];
    let mut customer = column("customer", DataType::String, HintKind::Pattern("????####".into()));
    customer.references = Some((TableName::new("bronze", "customers"), "id".into()));
    customer.not_null = true;
    let mut ends = column(
        "ends",
        DataType::Timestamp,
        HintKind::After {
            column: "begins".into(),
            min: TimeDelta::hours(1),
            max: TimeDelta::hours(3),
            step: TimeDelta::hours(1),
        },
    );
    ends.column.format = vec!["dd.MM.yyyy HH:mm".into()];
    let orders = vec![
        column("id", DataType::Long, HintKind::Sequence { start: 100, step: 10, prefix: String::new() }),
        customer,
        ends,
        column("begins", DataType::Date, HintKind::Date { from: date(2024, 2, 27), to: date(2024, 3, 2) }),
        column(
            "amount",
            DataType::Decimal { precision: 12, scale: 2 },
            HintKind::Decimal { min: 100, max: 500, step: 25, scale: 2 },
        ),
    ];
    vec![
        table(folder, "orders", GenerateRows { rows: 400, scale: true }, orders),
        table(folder, "customers", fixed(200), customers),
    ]
}

fn request(tables: Vec<GenerateTable>) -> GenerateRequest {
    GenerateRequest { tables, rows: None, seed: 1, dirty: 0.0, force: false, threads: 2 }
}

fn run(request: &GenerateRequest) -> Result<GenerateReport, Vec<GenerateError>> {
    generate(request, &Cancel::default(), &|_| {})
}

fn messages(request: &GenerateRequest) -> Vec<String> {
    run(request).unwrap_err().iter().map(ToString::to_string).collect()
}

/// A file's records, without its header. Enough of RFC 4180 for cells without line ends.
fn records(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(record).collect()
}

fn record(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

#[test]
fn rows_keep_their_hints() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(&request(shop(folder.path()))).unwrap();
    assert_eq!(report.files.iter().map(|file| file.rows).collect::<Vec<_>>(), [400, 200]);
    let customers = records(&folder.path().join("customers.csv"));
    let orders = records(&folder.path().join("orders.csv"));
    assert_eq!((orders.len(), customers.len()), (400, 200));

    let ids: BTreeSet<&str> = customers.iter().map(|row| row[0].as_str()).collect();
    let licences: BTreeSet<&str> = customers.iter().map(|row| row[2].as_str()).collect();
    assert_eq!((ids.len(), licences.len()), (200, 200));
    assert!(customers.iter().any(|row| row[1].contains(", ")), "a company with a comma, quoted");
    let unnamed = customers.iter().filter(|row| row[1].is_empty()).count();
    assert!((5..40).contains(&unnamed), "{unnamed}");
    for row in &customers {
        assert_eq!(row[3], format!("{}/{}", row[5], row[4]));
        let address = |name: &str| name.to_lowercase().replace('\'', "");
        assert!(row[8].starts_with(&format!("{}.{}@example.", address(&row[6]), address(&row[7]))), "{row:?}");
    }

    for (number, row) in orders.iter().enumerate() {
        assert_eq!(row[0], (100 + 10 * number).to_string());
        assert!(ids.contains(row[1].as_str()));
        let begins: NaiveDate = row[3].parse().unwrap();
        assert!(begins >= date(2024, 2, 27) && begins <= date(2024, 3, 2));
        let ends = chrono::NaiveDateTime::parse_from_str(&row[2], "%d.%m.%Y %H:%M").unwrap();
        let hours = (ends - begins.and_time(chrono::NaiveTime::MIN)).num_hours();
        assert!((1..=3).contains(&hours));
        let cents: u32 = row[4].replace('.', "").parse().unwrap();
        assert!((100..=500).contains(&cents) && cents.is_multiple_of(25), "{row:?}");
    }
}

#[test]
fn a_list_and_a_reference_give_each_value_once_where_it_must_be_unique() {
    let folder = tempfile::tempdir().unwrap();
    let choice = |texts: [&str; 3]| HintKind::Choice(texts.iter().map(|text| (text.to_string(), 1.0)).collect());
    let mut code = column("code", DataType::String, choice(["pt", "en", "fr"]));
    let mut name = column("name", DataType::String, choice(["Portuguese", "English", "French"]));
    (code.unique, name.unique) = (true, true);
    let reference =
        HintKind::Reference { table: "languages".into(), column: "code".into(), distribution: Distribution::Zipf };
    let mut official = column("official", DataType::String, reference.clone());
    official.unique = true;
    let languages = table(folder.path(), "languages", fixed(3), vec![code, name]);
    let countries = table(folder.path(), "countries", fixed(3), vec![official]);
    run(&request(vec![countries.clone(), languages.clone()])).unwrap();
    let pairs: Vec<String> = records(&folder.path().join("languages.csv")).iter().map(|row| row.join(" ")).collect();
    assert_eq!(pairs, ["pt Portuguese", "en English", "fr French"]);
    let referred = records(&folder.path().join("countries.csv"));
    assert_eq!(referred.iter().map(|row| row[0].as_str()).collect::<BTreeSet<_>>(), BTreeSet::from(["en", "fr", "pt"]));

    let too_many = |table: &GenerateTable| GenerateTable { rows: fixed(4), ..table.clone() };
    let request = GenerateRequest { force: true, ..request(vec![too_many(&countries), too_many(&languages)]) };
    assert_eq!(
        messages(&request)[0],
        "cannot generate `languages.code`: its values must be unique, and there are 3 for 4 rows"
    );
    let request = GenerateRequest { tables: vec![too_many(&countries), languages], ..request };
    assert_eq!(
        messages(&request),
        ["cannot generate `countries.official`: its values must be unique, and there are 3 for 4 rows"]
    );
}

#[test]
fn the_seed_alone_decides_the_bytes() {
    let bytes = |change: &dyn Fn(&mut GenerateRequest)| {
        let folder = tempfile::tempdir().unwrap();
        // Several blocks, so that threads have something to share.
        let mut request = GenerateRequest { rows: Some(50_000), ..request(shop(folder.path())) };
        change(&mut request);
        run(&request).unwrap();
        ["orders.csv", "customers.csv"].map(|name| fs::read(folder.path().join(name)).unwrap())
    };
    let first = bytes(&|_| {});
    assert!(first == bytes(&|request| request.threads = 1));
    assert!(first == bytes(&|request| request.threads = 5));
    let other = bytes(&|request| request.seed = 2);
    assert!(first[0] != other[0] && first[1] != other[1]);
}

#[test]
fn the_bytes_are_those_of_every_machine() {
    let folder = tempfile::tempdir().unwrap();
    run(&GenerateRequest { rows: Some(3), ..request(shop(folder.path())) }).unwrap();
    insta::assert_snapshot!(fs::read_to_string(folder.path().join("orders.csv")).unwrap(), @r"
    id,customer,ends,begins,amount
    100,945659,28.02.2024 01:00,2024-02-28,4.25
    110,57b481,27.02.2024 03:00,2024-02-27,2.00
    120,891228,28.02.2024 01:00,2024-02-28,2.75
    ");
}

#[test]
fn dirt_is_counted_and_leaves_the_other_rows_alone() {
    let folder = tempfile::tempdir().unwrap();
    let clean = folder.path().join("clean");
    let dirty = folder.path().join("dirty");
    run(&GenerateRequest { rows: Some(20_000), ..request(shop(&clean)) }).unwrap();
    let request = GenerateRequest { rows: Some(20_000), dirty: 0.05, ..request(shop(&dirty)) };
    let report = run(&request).unwrap();
    let counts = &report.files[0].dirty;
    let spoiled: u64 = counts.values().sum();
    assert!((800..1200).contains(&spoiled), "{spoiled}");
    assert_eq!(counts.len(), 7, "{counts:?}");
    let twice = counts[&Defect::DuplicateRow];
    assert_eq!(report.files[0].rows, 20_000 + twice);

    let lines = |folder: &Path| -> Vec<String> {
        fs::read_to_string(folder.join("orders.csv")).unwrap().lines().map(ToOwned::to_owned).collect()
    };
    let (clean, dirty) = (lines(&clean), lines(&dirty));
    let known: BTreeSet<&String> = clean.iter().collect();
    let unknown: Vec<&String> = dirty.iter().filter(|line| !known.contains(line)).collect();
    assert_eq!(unknown.len() as u64, spoiled - twice);

    let customers = records(&folder.path().join("clean/customers.csv"));
    let ids: BTreeSet<&str> = customers.iter().map(|row| row[0].as_str()).collect();
    let mut found: BTreeMap<Defect, u64> = BTreeMap::from([(Defect::DuplicateRow, twice)]);
    for line in unknown {
        let cells = record(line);
        let defect = match cells.len() {
            4 => Defect::MissingCell,
            6 => Defect::ExtraCell,
            _ if line.contains("\"x") => Defect::TextAfterQuote,
            _ if cells.iter().any(String::is_empty) => Defect::MissingValue,
            _ if !ids.contains(cells[1].as_str()) => Defect::UnknownReference,
            _ => Defect::UnparsableValue,
        };
        *found.entry(defect).or_default() += 1;
    }
    assert_eq!(&found, counts);
}

#[test]
fn files_are_not_written_over_unless_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.csv");
    fs::write(&path, "mine").unwrap();
    let mut request = request(shop(folder.path()));
    assert_eq!(messages(&request), [format!("`{}` exists already", path.display())]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
    request.force = true;
    run(&request).unwrap();
    assert_ne!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn columns_are_named_and_written_as_their_files_do() {
    let folder = tempfile::tempdir().unwrap();
    let hint = HintKind::Decimal { min: 150, max: 150, step: 1, scale: 2 };
    let mut price = column("price", DataType::Decimal { precision: 5, scale: 2 }, hint);
    price.column.source_name = Some("Price".into());
    price.column.decimal_sep = ',';
    let note = column("note", DataType::String, HintKind::Choice(vec![("1.5".into(), 1.0)]));
    run(&request(vec![table(folder.path(), "prices", fixed(1), vec![price, note])])).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("prices.csv")).unwrap(), "Price,note\n\"1,50\",1.5\n");
}

#[test]
fn a_stopped_generation_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cancel = Cancel::default();
    let request = GenerateRequest { rows: Some(100_000), ..request(shop(folder.path())) };
    let errors = generate(&request, &cancel, &|_| cancel.cancel()).unwrap_err();
    assert!(matches!(errors.as_slice(), [GenerateError::Cancelled]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn rows_scale_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let count = |tables: &[GenerateTable], wanted| rows(tables, wanted);
    let mut tables = shop(folder.path());
    assert_eq!(count(&tables, None), [400, 200]);
    assert_eq!(count(&tables, Some(4000)), [4000, 200]);
    tables[1].rows.scale = true;
    assert_eq!(count(&tables, Some(4000)), [4000, 2000]);
    for table in &mut tables {
        table.rows.scale = false;
    }
    assert_eq!(count(&tables, Some(4000)), [4000, 200], "without `scale` the greatest scales");
}

#[test]
fn every_hint_that_cannot_be_met_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut tables = shop(folder.path());
    let orders = &mut tables[0].columns;
    orders[1].references = None;
    orders[1].hint.kind =
        HintKind::Reference { table: "custommers".into(), column: "id".into(), distribution: Distribution::Zipf };
    orders[2].column.format = vec!["dd MMM yyyy".into()];
    orders[3].hint.null = 0.5;
    orders[3].not_null = true;
    orders[4].hint.kind = HintKind::Decimal { min: 0, max: 1, step: 1, scale: 3 };
    let customers = &mut tables[1].columns;
    customers[2].hint.kind = HintKind::Pattern("##".into());
    customers[4].unique = true;
    customers[6].hint.kind = HintKind::Template("{lost}".into());
    customers[9].hint.kind = HintKind::FirstName;
    let more = vec![column(
        "email",
        DataType::String,
        HintKind::Reference { table: "customers".into(), column: "email".into(), distribution: Distribution::Uniform },
    )];
    tables.push(table(folder.path(), "mails", fixed(1), more));
    tables[2].files.pattern = "/in/*/mails.csv".into();
    tables[2].files.written = "in/*/mails.csv".into();
    let mut third = table(folder.path(), "mails2", fixed(1), tables[2].columns.clone());
    third.files.pattern = tables[2].files.pattern.replace("/*", "");
    let mut fourth = third.clone();
    fourth.table = "mails3".into();
    tables.extend([third, fourth]);
    let errors = run(&request(tables)).unwrap_err();
    let told: Vec<String> = errors
        .iter()
        .map(|error| {
            let diagnostic = error.diagnostic();
            let help = diagnostic.help.map(|help| format!("\n  help: {help}")).unwrap_or_default();
            format!("{} {}{help}", diagnostic.code, diagnostic.message)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    invalid-generator cannot generate `orders.customer`: source `shop` has no table `custommers` that is generated
      help: did you mean `customers`?
    invalid-generator cannot generate `orders.ends`: `generate` cannot write `MMM` of the format `dd MMM yyyy`
      help: `generate` writes `y`, `M`, `d`, `H`, `m`, `s` and `S`, in digits
    invalid-generator cannot generate `orders.begins`: it has a `not_null` test, and its hint asks for empty cells
    invalid-generator cannot generate `orders.amount`: what its hint makes does not always read as `decimal(12,2)`
    invalid-generator cannot generate `customers.licence`: its values must be unique, and there are 100 for 200 rows
      help: widen the hint, or ask for fewer rows
    invalid-generator cannot generate `customers.city`: it has a `unique` test, and its hint repeats values
      help: unique values come from `sequence`, `hex`, `integer`, `decimal`, `pattern`, `date`, `timestamp`, `choice`, `reference` and `email`
    invalid-generator cannot generate `customers.first`: `customers` has no column `lost`
      help: did you mean `last`?
    invalid-generator cannot generate `customers.kind`: what its hint makes does not always read as `int`
    invalid-generator cannot generate `shop.mails`: which folder is meant does not follow from `in/*/mails.csv`
    invalid-generator cannot generate `mails2.email`: `customers.email` is not unique, so nothing can refer to it
      help: give `customers.email` a `unique` test, or the hint `hex` or `sequence`
    invalid-generator `shop.mails2` and `shop.mails3` are both read from `/in/mails.csv`, and one file cannot hold both
      help: give each table a pattern of its own
    ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn a_circle_of_templates_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let columns = vec![
        column("a", DataType::String, HintKind::Template("{b}".into())),
        column("b", DataType::String, HintKind::Template("{a}".into())),
    ];
    let tables = vec![table(folder.path(), "circle", fixed(1), columns)];
    assert_eq!(messages(&request(tables)), ["cannot generate `circle.a`: it is made of columns that are made of it"]);
}
