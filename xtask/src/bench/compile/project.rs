//! The generated project: as people write them, as far as that can be counted.
//!
//! Of a hundred nodes five are tables of sources. Each has a staging model, which names and casts its columns; what is left
//! are joins of two to four models and aggregates, half and half. A fifth of the models call a macro. Keys have tests. The same
//! number of models gives the same project.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::TaskError;

/// Of a hundred nodes, the tables of sources.
const SOURCES: usize = 5;
/// Of the models, one in so many is a staging model.
const STAGING: usize = 4;
/// One model in so many calls a macro.
const MACRO: usize = 5;
/// The models of a folder, which have one file of properties.
const FOLDER: usize = 100;

/// What was written.
pub(super) struct Written {
    pub(super) sources: usize,
    pub(super) models: usize,
    pub(super) tests: usize,
    /// The model that is changed: one in the middle, which others read.
    changed: PathBuf,
}

/// The project in parts.
struct Project {
    sources: usize,
    staging: usize,
}

/// Writes the project into an empty folder.
pub(super) fn write(folder: &Path, models: usize) -> Result<Written, TaskError> {
    // With fewer, a join would not find four to read.
    let models = models.max(STAGING * 4);
    let sources = (models * SOURCES / (100 - SOURCES)).max(1);
    let project = Project { sources, staging: models / STAGING };
    for (path, text) in SETTINGS {
        put(&folder.join(path), text)?;
    }
    put(&folder.join("models/sources.yml"), &project.sources_yml())?;
    let mut tests = sources;
    for first in (0..models).step_by(FOLDER) {
        let numbers = first..models.min(first + FOLDER);
        let mut properties = "version: 2\nmodels:\n".to_owned();
        for number in numbers {
            put(&folder.join(project.path(number)), &project.model(number))?;
            project.properties(number, &mut properties);
            tests += 2;
        }
        put(&folder.join(project.folder(first)).join("properties.yml"), &properties)?;
    }
    // An even one is a join, whose text can go on with `where`.
    let changed = project.path((project.staging + models) / 4 * 2);
    Ok(Written { sources, models, tests, changed })
}

/// Changes a model's SQL, each time to another.
pub(super) fn change(folder: &Path, written: &Written) -> Result<(), TaskError> {
    let path = folder.join(&written.changed);
    let text = fs::read_to_string(&path).map_err(TaskError::file("read", &path))?;
    let changed = match text.strip_suffix("where 1 = 1\n") {
        Some(text) => text.to_owned(),
        None => format!("{text}where 1 = 1\n"),
    };
    fs::write(&path, changed).map_err(TaskError::file("write", &path))
}

const SETTINGS: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "name: many\nversion: 1.0.0\nconfig-version: 2\nprofile: many\n\nmodels:\n  many:\n    +materialized: view\n",
    ),
    (
        "profiles.yml",
        "many:\n  target: dev\n  outputs:\n    dev: { type: duckdb, path: 'target/many.duckdb', threads: 2 }\n",
    ),
    // What SQLMesh needs to take a dbt project.
    (
        "config.py",
        "from pathlib import Path\n\nfrom sqlmesh.core.config import ModelDefaultsConfig\n\
         from sqlmesh.dbt.loader import sqlmesh_config\n\n\
         defaults = ModelDefaultsConfig(dialect='duckdb', start='2024-01-01')\n\
         config = sqlmesh_config(Path(__file__).parent, model_defaults=defaults)\n",
    ),
    (
        "macros/amounts.sql",
        "{% macro in_euro(column, rate=0.92) -%}\ncast(round({{ column }} * {{ rate }}, 2) as decimal(18,2))\n\
         {%- endmacro %}\n\n{% macro share(part, whole) -%}\n\
         case when {{ whole }} = 0 then 0 else {{ part }} / {{ whole }} end\n{%- endmacro %}\n",
    ),
];

/// The columns of a source's table beside its key.
const COLUMNS: &[(&str, &str)] = &[
    ("owner_id", "bigint"),
    ("name", "string"),
    ("status", "string"),
    ("amount", "string"),
    ("quantity", "int"),
    ("created_at", "string"),
    ("is_active", "int"),
];

impl Project {
    fn folder(&self, number: usize) -> PathBuf {
        let layer = if number < self.staging { "staging" } else { "marts" };
        PathBuf::from(format!("models/{layer}/f{:03}", number / FOLDER))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder(number).join(format!("{}.sql", self.name(number)))
    }

    fn name(&self, number: usize) -> String {
        let kind = match number {
            number if number < self.staging => "stg",
            number if number.is_multiple_of(2) => "int",
            _ => "agg",
        };
        format!("{kind}_{number:05}")
    }

    fn model(&self, number: usize) -> String {
        match number {
            number if number < self.staging => self.staging(number),
            number if number.is_multiple_of(2) => self.join(number),
            _ => self.aggregate(number),
        }
    }

    fn sources_yml(&self) -> String {
        let mut text = "version: 2\nsources:\n  - name: shop\n    schema: raw\n    tables:\n".to_owned();
        for number in 0..self.sources {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "      - name: table_{number:04}\n        columns:");
            let _ = writeln!(text, "          - {{ name: id, data_type: bigint, data_tests: [not_null] }}");
            for (name, data_type) in COLUMNS {
                let _ = writeln!(text, "          - {{ name: {name}, data_type: {data_type} }}");
            }
        }
        text
    }

    fn staging(&self, number: usize) -> String {
        let amount = "cast(amount as decimal(12,2))";
        let euro = match number.is_multiple_of(MACRO) {
            true => format!("{{{{ in_euro('{amount}') }}}}"),
            false => format!("cast({amount} as decimal(18,2))"),
        };
        format!(
            "with source as (\n    select * from {{{{ source('shop', 'table_{:04}') }}}}\n),\n\nrenamed as (\n    select\n        \
             id,\n        owner_id,\n        trim(name) as name,\n        lower(status) as status,\n        \
             {amount} as amount,\n        {euro} as amount_euro,\n        coalesce(quantity, 0) as quantity,\n        \
             cast(created_at as timestamp) as created_at,\n        is_active = 1 as is_active\n    from source\n)\n\n\
             select * from renamed\n",
            number % self.sources
        )
    }

    /// Two to four models side by side, by their keys; the first is the one whose columns go on.
    fn join(&self, number: usize) -> String {
        let reads = self.reads(number, 2 + number / 2 % 3);
        let mut text = "select\n    base.id,\n    base.owner_id,\n    base.name,\n    base.status,\n".to_owned();
        for (position, _) in reads.iter().enumerate().skip(1) {
            let _ = writeln!(text, "    other_{position}.amount as amount_{position},");
        }
        let sum: Vec<String> =
            (1..reads.len()).map(|position| format!("coalesce(other_{position}.amount, 0)")).collect();
        let sum = sum.join(" + ");
        let euro = match number.is_multiple_of(MACRO) {
            true => "{{ in_euro('base.amount_euro', rate=1.08) }}".to_owned(),
            false => "base.amount_euro".to_owned(),
        };
        let _ = write!(
            text,
            "    cast(base.amount + {sum} as decimal(12,2)) as amount,\n    {euro} as amount_euro,\n    base.quantity,\n    \
             base.created_at,\n    base.is_active\nfrom {{{{ ref('{}') }}}} as base\n",
            self.name(reads[0])
        );
        for (position, read) in reads.iter().enumerate().skip(1) {
            let name = self.name(*read);
            let _ = writeln!(
                text,
                "left join {{{{ ref('{name}') }}}} as other_{position} on base.id = other_{position}.id"
            );
        }
        text
    }

    fn aggregate(&self, number: usize) -> String {
        let share = match number.is_multiple_of(MACRO) {
            true => "{{ share('count_if(is_active)', 'count(*)') }}",
            false => "avg(case when is_active then 1 else 0 end)",
        };
        let read = self.name(self.reads(number, 1)[0]);
        format!(
            "with base as (\n    select * from {{{{ ref('{read}') }}}}\n    where is_active\n)\n\nselect\n    \
             owner_id as id,\n    max(owner_id) as owner_id,\n    max(name) as name,\n    max(status) as status,\n    \
             cast(sum(amount) as decimal(12,2)) as amount,\n    cast(sum(amount_euro) as decimal(18,2)) as amount_euro,\n    \
             cast(sum(quantity) as int) as quantity,\n    min(created_at) as created_at,\n    {share} > 0.5 as is_active\n\
             from base\ngroup by owner_id\n"
        )
    }

    /// So many models that come before, spread by a fixed rule: near ones, and staging models.
    fn reads(&self, number: usize, count: usize) -> Vec<usize> {
        let mut reads = Vec::new();
        let mut turn = 0;
        while reads.len() < count {
            let drawn = mix((number * 64 + turn) as u64) as usize;
            turn += 1;
            // A third of what is read are models of this layer, not far back.
            let near = number - self.staging;
            let read = match drawn.is_multiple_of(3) && near > 0 {
                true => number - 1 - drawn / 3 % near.min(200),
                false => drawn / 3 % self.staging,
            };
            if !reads.contains(&read) {
                reads.push(read);
            }
        }
        reads
    }

    /// Appends a model's properties, with two tests.
    fn properties(&self, number: usize, text: &mut String) {
        let name = self.name(number);
        let _ = writeln!(text, "  - name: {name}\n    description: The {name} of the shop.\n    columns:");
        let _ = writeln!(text, "      - {{ name: id, description: The key., data_tests: [not_null, unique] }}");
    }
}

/// A number that looks drawn (SplitMix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn put(path: &Path, text: &str) -> Result<(), TaskError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(TaskError::file("create", folder))?;
    }
    fs::write(path, text).map_err(TaskError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_read_what_comes_before_them_and_a_change_can_be_undone() {
        let folder = tempfile::tempdir().unwrap();
        let written = write(folder.path(), 400).unwrap();
        assert_eq!((written.sources, written.models, written.tests), (21, 400, 821));
        let project = Project { sources: 21, staging: 100 };
        for number in project.staging..written.models {
            let reads = project.reads(number, 4);
            assert!(reads.len() == 4 && reads.iter().all(|read| *read < number), "{number} reads {reads:?}");
        }
        let changed = folder.path().join(&written.changed);
        let before = fs::read_to_string(&changed).unwrap();
        change(folder.path(), &written).unwrap();
        assert!(fs::read_to_string(&changed).unwrap().ends_with(".id\nwhere 1 = 1\n"));
        change(folder.path(), &written).unwrap();
        assert_eq!(fs::read_to_string(&changed).unwrap(), before);
    }
}
