//! A small project in a folder of its own, and the binary started in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A shop: customers and orders, from files to one gold table.
const SHOP: &[(&str, &str)] = &[
    ("headwater.yml", "name: shop\nenvironments:\n  local: { lake: ./lake }\n"),
    (
        "models/bronze/sources.yml",
        "\
sources:
  - name: shop
    tables:
      - name: customers
        ingest: { files: 'incoming/customers*.csv', settle: 0s }
        columns:
          - { name: customer_id, data_type: int, tests: [not_null, unique] }
          - { name: name, data_type: string }
          - { name: country, data_type: string }
      - name: orders
        ingest: { files: 'incoming/orders*.csv', settle: 0s }
        columns:
          - { name: order_id, data_type: int, tests: [not_null, unique] }
          - { name: customer_id, data_type: int }
          - { name: ordered_on, data_type: date }
          - { name: amount, data_type: 'decimal(10,2)' }
",
    ),
    (
        "models/silver/sales.sql",
        "\
{{ config(materialized='view') }}
select o.order_id, o.ordered_on, o.amount, c.country
from {{ source('shop', 'orders') }} o
join {{ source('shop', 'customers') }} c on c.customer_id = o.customer_id
",
    ),
    (
        "models/gold/revenue.sql",
        "\
{{ config(materialized='table') }}
select country, count(*) as orders, sum(amount) as revenue
from {{ ref('sales') }}
group by country
",
    ),
    (
        "models/gold/gold.yml",
        "models:\n  - name: revenue\n    columns:\n      - { name: country, tests: [not_null, unique] }\n",
    ),
    ("incoming/customers.csv", "customer_id,name,country\n1,Ada,NO\n2,Bo,DK\n3,\"Cy, the third\",NO\n"),
    (
        "incoming/orders.csv",
        "order_id,customer_id,ordered_on,amount\n10,1,2024-01-05,12.50\n11,2,2024-01-06,40.00\n12,3,2024-01-06,7.25\n13,1,2024-02-01,100.00\n",
    ),
];

/// A folder with a project, gone when dropped.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder with nothing in it.
    pub(crate) fn nothing() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The shop.
    pub(crate) fn shop() -> Self {
        Self::with(SHOP)
    }

    /// A project of these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let project = Self::nothing();
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A path in the project.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file anew with one text in place of another.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "`{path}` has no `{from}`");
        self.write(path, &text.replace(from, to));
    }

    /// The binary, to be started in the project.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("headwater").unwrap();
        command.current_dir(self.folder.path()).args(arguments);
        for variable in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "TERM", "COLUMNS"] {
            command.env_remove(variable);
        }
        command
    }

    /// What the binary says, and its exit code, with what differs from run to run made the same.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let mut text = format!("$ headwater {}\n", arguments.join(" "));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                text += &format!("--- {name}\n{}", String::from_utf8_lossy(bytes));
            }
        }
        text + &format!("--- exit code {}\n", output.status.code().unwrap_or(-1))
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn output(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", self.says(arguments));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Every file of the project but those of the run store: path, size.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, u64> {
        let mut files = BTreeMap::new();
        walk(self.folder.path(), &mut files);
        files
    }
}

fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, u64>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        files.insert(path.clone(), metadata.len());
        if metadata.is_dir() {
            walk(&path, files);
        }
    }
}

/// What differs from run to run, and what is put in its place so that columns stay where they are.
pub(crate) fn filters(folder: &str) -> Vec<(&str, &str)> {
    vec![
        (folder, "[DIR]"),
        (r"\b\d+\.\d+s\b", "0.00s"),
        (r"\b[0-9a-f]{12}\b", "0123456789ab"),
        (r"\b[0-9a-f]{32}\b", "0123456789abcdef0123456789abcdef"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "2026-01-01T00:00:00.000000Z"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-01-01 00:00:00"),
        (r"\d\d?\.?\d kB", "1.2 kB"),
        (r"process \d+ on \S+, since [0-9T:Z-]+", "process 1234 on here, since 2026-01-01T00:00:00Z"),
    ]
}

/// Makes what differs from run to run the same, columns kept, and takes a snapshot.
macro_rules! assert_says {
    ($project:expr, $arguments:expr, @$snapshot:literal) => {{
        let project: &crate::project::Project = &$project;
        let folder = project.path("");
        let folder = folder.to_str().unwrap().trim_end_matches('/').to_owned();
        insta::with_settings!({filters => crate::project::filters(&folder)}, {
            insta::assert_snapshot!(project.says(&$arguments), @$snapshot);
        });
    }};
}
pub(crate) use assert_says;
