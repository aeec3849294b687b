//! Contracts of files on their way to the plan: rules as SQL, the quarantine as a relation, what changes a fingerprint.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly; clippy sees that only inside `#[test]`")]

use std::path::Path;

use headwater_plan::{Ingest, NodeId, Plan, Step};

use crate::compile::{Lake, compile_in, plan, project, show, tell, write};

/// A source of one table with this `ingest:` and these rules and columns.
fn source(ingest: &str, rest: &str) -> String {
    format!(
        "sources:\n  - name: s\n    schema: raw\n    tables:\n      - name: t\n        ingest: {{ files: in/t.csv{ingest} }}\n{rest}"
    )
}

const COLUMNS: &str = "        columns: [{ name: a, data_type: int }]\n";

fn ingest(plan: &Plan) -> Ingest {
    let node = plan.nodes.get(&NodeId("source.p.s.t".into())).unwrap();
    let Step::Ingest(ingest) = &node.step else { panic!("{:?}", node.step) };
    ingest.clone()
}

#[test]
fn rules_become_conditions_in_spark_sql() {
    let yaml = source(
        "",
        r#"        constraints:
          - { type: check, expression: "ended >= started -- at least" }
          - { type: check, name: sane, expression: "amount is null or\n  amount < 1e6" }
          - { type: not_null, columns: [Id] }
        columns:
          - { name: id, data_type: string, constraints: [{ matches: "^[A-Z]{2}\\d+'$" }, { in: [a, "it's", 1] }] }
          - { name: amount, data_type: "decimal(12,2)", constraints: [{ between: [-1.50, 100] }] }
          - { name: flag, data_type: boolean, constraints: [{ in: [true] }] }
          - { name: day, data_type: date, constraints: [{ between: [2024-01-01, 2024-12-31] }] }
          - { name: started, data_type: timestamp, constraints: [{ between: [2024-01-01, "2024-12-31 23:59:59"] }] }
          - { name: ended, data_type: timestamp_ntz, constraints: [{ in: ["2024-12-31T23:59"] }] }
          - { name: two-halves, data_type: double, constraints: [{ between: [0, 1e3], name: small }] }
"#,
    );
    let plan = plan(&project(&[("models/sources.yml", &yaml)]));
    let ingest = ingest(&plan);
    let rules = &ingest.contract.constraints;
    let shown: Vec<String> = rules
        .iter()
        .map(|rule| {
            format!("{}: {}\n  {}\n", rule.column.as_deref().unwrap_or("(row)"), rule.written, rule.sql.trim_end())
        })
        .collect();
    insta::assert_snapshot!(shown.concat(), @r"
    id: matches ^[A-Z]{2}\d+'$
      `id` rlike '^[A-Z]{2}\\d+\'$'
    id: in (a, it's, 1)
      `id` in ('a', 'it\'s', '1')
    amount: between -1.50 and 100
      `amount` between -1.50 and 100
    flag: in (true)
      `flag` in (true)
    day: between 2024-01-01 and 2024-12-31
      `day` between cast('2024-01-01' as date) and cast('2024-12-31' as date)
    started: between 2024-01-01 and 2024-12-31 23:59:59
      `started` between cast('2024-01-01' as timestamp) and cast('2024-12-31 23:59:59' as timestamp)
    ended: in (2024-12-31T23:59)
      `ended` in (cast('2024-12-31T23:59' as timestamp_ntz))
    two-halves: small (between 0 and 1e3)
      `two-halves` between 0 and 1e3
    (row): ended >= started -- at least
      ended >= started -- at least
    (row): sane (amount is null or amount < 1e6)
      amount is null or
      amount < 1e6
    ");
    let required: Vec<&str> = ingest.contract.columns.iter().filter(|c| !c.nullable).map(|c| c.name.as_str()).collect();
    assert_eq!(required, ["id"]);
}

#[test]
fn wrong_rules_are_told_where_they_stand() {
    let yaml = source(
        "",
        r#"        constraints:
          - { type: check, expression: "amuont >= 0" }
          - { type: check, expression: amount > 0 and day > amount }
          - { type: check, expression: 'amount >' }
          - { type: check, expression: amount + 1 }
          - { type: check, expression: count(*) > 1 }
          - { type: check, expression: amount > (select 1) }
          - { type: check, expression: "row_number() over (order by id) > 1" }
          - { type: check, expression: "amount > 0, amount < 9" }
          - { type: check, expression: amount > 0 from other }
          - { type: check, expression: nosuch(amount) > 0 }
          - { type: check, expression: null }
          - type: check
            expression: >-
              amount > 0
              and amuont < 9
        columns:
          - { name: id, data_type: string, constraints: [{ matches: "(a" }] }
          - { name: amount, data_type: int }
          - { name: day, data_type: date, default: tomorrow, format: yyyy-QQ }
          - { name: list, data_type: array<int> }
          - { name: one, data_type: int, source_name: ID }
          - { name: _rescued_data, data_type: string }
"#,
    );
    let dir = project(&[("models/sources.yml", &yaml)]);
    insta::assert_snapshot!("wrong-rules", tell(&compile_in(&dir, &Lake::default()).diagnostics));
}

#[test]
fn what_is_set_aside_can_be_read() {
    let dir = project(&[
        ("models/sources.yml", &source("", COLUMNS)),
        ("models/bad.sql", "select _source_file, raw, batch from {{ source('s', 't_quarantine') }}"),
        ("tests/none.sql", "select * from {{ source('s', 't_quarantine') }}"),
    ]);
    insta::assert_snapshot!(show(&plan(&dir)), @r"
    source.p.s.t (ingest) at models/sources.yml:5:15
      makes: raw.t
      columns: a int, _source_file string, _source_line bigint, _ingested_at timestamp, _run_id string
      files: in/t.csv
    source.p.s.t_quarantine (external) at models/sources.yml:5:15
      makes: raw.t_quarantine
      columns: _source_file string, _source_line bigint, raw string, raw_bytes binary, reasons array<struct<code:string,column:string,message:string>>, file_columns array<string>, format string, batch bigint, _ingested_at timestamp, _run_id string
      description: The rows that were set aside, each with its file, line, raw text and every reason.
      needs: source.p.s.t
    test.p.none (test) at tests/none.sql:1:1
      needs: source.p.s.t_quarantine
      reads: raw.t_quarantine
      severity: Error
      sql: select * from `raw`.`t_quarantine`
    model.p.bad (view) at models/bad.sql:1:1
      makes: main.bad
      columns: _source_file string, raw string, batch bigint
      needs: source.p.s.t_quarantine
      reads: raw.t_quarantine
      sql: select _source_file, raw, batch from `raw`.`t_quarantine`
    ");

    // Nobody reads it: it is no node.
    std::fs::remove_dir_all(dir.path().join("tests")).unwrap();
    write(dir.path(), &[("models/bad.sql", "select 1 as one")]);
    assert_eq!(plan(&dir).nodes.len(), 2);

    write(dir.path(), &[("models/bad.sql", "select * from {{ source('s', 't_quarantin') }}")]);
    insta::assert_snapshot!(tell(&compile_in(&dir, &Lake::default()).diagnostics), @r"
    models/bad.sql:1:18 Error unknown-source: the source `s` has no table `t_quarantin`
      | select * from {{ source('s', 't_quarantin') }}
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: did you mean `t_quarantine`?
    ");
}

#[test]
fn nothing_else_may_be_called_as_a_quarantine() {
    let twin = "      - { name: t_quarantine, columns: [{ name: a, data_type: int }] }\n";
    let yaml = source("", COLUMNS) + twin;
    let model = "{{ config(schema='raw', alias='t_quarantine') }} select 1 as one";
    let dir = project(&[("models/sources.yml", &yaml), ("models/m.sql", model)]);
    insta::assert_snapshot!(tell(&compile_in(&dir, &Lake::default()).diagnostics), @r"
    models/m.sql:1:1 Error duplicate-name: source `s.t_quarantine` and model `m` would both be `raw.t_quarantine`: the other one is at models/sources.yml:8:17
      help: give one of them another `schema` or `alias`
    models/sources.yml:5:15 Error duplicate-name: source `s.t_quarantine` and the quarantine of source `s.t` would both be `raw.t_quarantine`: the other one is at models/sources.yml:8:17
      |       - name: t
      |               ^
      help: rows that are set aside are kept under that name: give the other one another
    ");

    // Without a quarantine the name is free.
    write(dir.path(), &[("models/sources.yml", &source(", on_bad_row: fail", COLUMNS))]);
    assert_eq!(plan(&dir).nodes.len(), 2);
}

#[test]
fn all_that_changes_rows_changes_the_fingerprint() {
    let dir = project(&[]);
    let fingerprint = |ingest: &str, rest: &str| -> String {
        write(dir.path(), &[("models/sources.yml", &source(ingest, rest))]);
        plan(&dir).nodes.first().unwrap().1.fingerprint.clone()
    };
    let before = fingerprint("", COLUMNS);
    let of_rows = [
        "format: json",
        "compression: gzip",
        "options: { sep: ';' }",
        "options: { header: false }",
        "options: { encoding: latin1 }",
        "options: { nullValue: x }",
        "options: { ragged: pad }",
        "options: { quotes: lenient }",
        "options: { skip_rows: 1 }",
        "on_schema_change: ignore",
        "on_bad_row: fail",
        "partition_by: a",
    ];
    for option in of_rows {
        assert_ne!(fingerprint(&format!(", {option}"), COLUMNS), before, "{option}");
    }
    // When a file is loaded, how many of them at once, and what becomes of them is no matter of rows.
    let of_files = [
        "max_bad_rows: 5",
        "on_file_change: ignore",
        "after_load: delete",
        "settle: 1s",
        "max_files_per_batch: 1",
        "max_bytes_per_batch: 1GB",
        "cluster_by: a",
        "compact_after_files: 9",
        "options: { header: true, sep: ',' }",
    ];
    for option in of_files {
        assert_eq!(fingerprint(&format!(", {option}"), COLUMNS), before, "{option}");
    }
    let of_columns = [
        "nullable: false",
        "source_name: b",
        "default: 0",
        "trim: true",
        "null_values: x",
        "decimal_sep: ','",
        "group_sep: ','",
        "constraints: [{ between: [0, 1] }]",
    ];
    for option in of_columns {
        // A decimal comma needs no other group.
        let columns = format!("        columns: [{{ name: a, data_type: int, {option} }}]\n");
        let changed = fingerprint("", &columns);
        assert_ne!(changed, before, "{option}");
    }
    let rule = "        constraints: [{ type: check, expression: a > 0 }]\n";
    assert_ne!(fingerprint("", &format!("{rule}{COLUMNS}")), before);
}

#[test]
fn every_option_reaches_the_plan() {
    let dir = project(&[]);
    let yaml = source(
        ", compression: zstd, max_bad_rows: 1%, on_file_change: load_again, on_schema_change: add_columns, \
         after_load: { archive: done }, settle: 0s, max_files_per_batch: 3, max_bytes_per_batch: 1KiB, \
         partition_by: a, compact_after_files: 9",
        COLUMNS,
    );
    write(dir.path(), &[("models/sources.yml", &yaml)]);
    let Ingest {
        target,
        quarantine,
        compression,
        on_schema_change,
        on_bad_row,
        max_bad_rows,
        on_file_change,
        after_load,
        settle_ms,
        batch,
        layout,
        ..
    } = ingest(&plan(&dir));
    let rest = (on_schema_change, on_bad_row, max_bad_rows, on_file_change, after_load, settle_ms, batch, layout);
    let shown = format!("{target} {quarantine} {compression:?}\n{rest:#?}");
    insta::assert_snapshot!(shown.replace(&dir_text(dir.path()), "[dir]"), @r#"
    raw.t raw.t_quarantine Zstd
    (
        AddColumns,
        Quarantine,
        Some(
            Millionths(
                10000,
            ),
        ),
        LoadAgain,
        Archive(
            "[dir]/done",
        ),
        0,
        BatchLimits {
            max_files: 3,
            max_bytes: 1024,
        },
        TableLayout {
            partition_by: [
                "a",
            ],
            cluster_by: [],
            compact_after_files: Some(
                9,
            ),
        },
    )
    "#);
}

/// The reference that people copy from.
#[test]
fn the_readme_is_right() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let blocks: Vec<&str> = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let reference = blocks.into_iter().find(|block| block.contains("max_files_per_batch")).unwrap();
    let plan = plan(&project(&[("models/bronze/sources.yml", reference)]));
    assert_eq!(plan.nodes.len(), 1);
}

fn dir_text(dir: &Path) -> String {
    dir.display().to_string()
}
