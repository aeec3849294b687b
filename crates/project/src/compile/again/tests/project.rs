//! A small project of every kind of node, and the ways in which its files may be changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value};

use crate::config::{Environ, Request};
use crate::invocation::Invocation;

/// The files, each with the texts that it may have; the first is the sound one it begins with. `None` is no file.
pub(super) const FILES: &[(&str, &[Option<&str>])] = &[
    (
        "models/bronze/sources.yml",
        &[
            Some(
                "sources:\n  - name: raw\n    tables:\n      - name: orders\n        ingest: { files: 'in/orders*.csv', format: csv }\n        \
                 columns:\n          - { name: id, data_type: bigint, tests: [not_null, unique] }\n          - { name: customer, \
                 data_type: string }\n          - { name: amount, data_type: 'decimal(12,2)' }\n          - { name: at, data_type: \
                 timestamp }\n",
            ),
            Some(
                "sources:\n  - name: raw\n    tables:\n      - name: orders\n        ingest: { files: 'in/orders*.csv', format: csv }\n        \
                 columns:\n          - { name: id, data_type: int }\n          - { name: customer, data_type: string }\n          - { \
                 name: amount, data_type: double }\n          - { name: at, data_type: timestamp }\n",
            ),
            Some("sources:\n  - name: raw\n    tables: 3\n"),
        ],
    ),
    (
        "models/silver/orders.sql",
        &[
            Some("select id, customer, {{ money('amount') }} as amount, at from {{ source('raw', 'orders') }}\n"),
            Some("select id, customer, amount, at, 1 as more from {{ source('raw', 'orders') }}\n"),
            Some(
                "-- the same columns\nselect id, customer, {{ money('amount') }} as amount, at from {{ source('raw', 'orders') }}\n",
            ),
            Some("select id, customer, cast(amount as string) as amount, at from {{ source('raw', 'orders') }}\n"),
            Some("select id, amount from {{ source('raw', 'orders') }}\n"),
            Some("select id, customer, nothing as amount, at from {{ source('raw', 'orders') }}\n"),
            Some("select id, customer, {{ money('amount') }} as amount, at from {{ source('raw', 'orders')\n"),
            Some("select * from {{ source('raw', 'orders_quarantine') }}\n"),
            Some(
                "{{ config(materialized='view', alias='orders_view') }}select id, customer, amount, at from {{ source('raw', 'orders') }}",
            ),
            Some("{{ config(enabled=false) }}select id, customer, amount, at from {{ source('raw', 'orders') }}"),
            Some(
                "select id, customer, amount, at from {{ source('raw', 'orders') }} union all select * from {{ ref('by_customer') }}",
            ),
            Some(
                "select id, customer, amount, run_started_at_ as at from {{ source('raw', 'orders') }} -- {{ run_started_at }}",
            ),
            Some("{{ config(colour='blue') }}select id, customer, amount, at from {{ source('raw', 'orders') }}"),
            Some("select id, customer, amount, at from raw.orders"),
            Some(
                "{% do exceptions.warn('look at this') %}select id, customer, amount, at from {{ source('raw', 'orders') }}",
            ),
            None,
        ],
    ),
    (
        "models/silver/recent.sql",
        &[
            Some(
                "{{ config(materialized='ephemeral') }}\nselect * from {{ ref('orders') }} where amount > {{ var('least', 10) }}\n",
            ),
            Some("{{ config(materialized='ephemeral') }}\nselect id from {{ ref('orders') }}\n"),
            Some("{{ config(materialized='ephemeral') }}\nselect id from {{ ref('order') }}\n"),
            Some("select * from {{ ref('orders') }} where amount > 3\n"),
            None,
        ],
    ),
    (
        "models/silver/customers.sql",
        &[
            Some(
                "select distinct customer as id, '{{ env_var('REGION', 'eu') }}' as region from {{ ref('orders') }}\n",
            ),
            Some("select customer as id from {{ ref('orders') }}\n"),
            Some("select customer as id, id from {{ ref('orders') }}\n"),
            Some(
                "{{ config(materialized='table', schema='other') }} select customer as id, 'x' as region from {{ ref('orders') }}\n",
            ),
        ],
    ),
    (
        "models/gold/by_customer.sql",
        &[
            Some(
                "select {% for column in adapter.get_columns_in_relation(ref('customers')) %}c.{{ column.name }}, {% endfor %}\n\
                 sum(r.amount) as amount from {{ ref('customers') }} c join {{ ref('recent') }} r on r.customer = c.id group by all\n",
            ),
            Some(
                "select c.id, 'eu' as region, sum(r.amount) as amount from {{ ref('customers') }} c join {{ ref('recent') }} r on r.customer = c.id group by c.id",
            ),
            Some(
                "select c.id, l.region as region from {{ ref('customers') }} c join {{ ref('regions') }} l on l.region = c.region",
            ),
            Some(
                "select {% for column in adapter.get_columns_in_relation(api.Relation.create(schema='silver', identifier='orders')) %}'{{ column.name }}' as {{ column.name }}, {% endfor %} 1 as one",
            ),
        ],
    ),
    (
        "models/gold/growing.sql",
        &[
            Some(
                "{{ config(materialized='incremental', unique_key='id') }}\nselect id, amount, at from {{ ref('orders') }}\n\
                 {% if is_incremental() %}where at > (select max(at) from {{ this }}){% endif %}\n",
            ),
            Some(
                "{{ config(materialized='incremental', unique_key='no') }}\nselect id, amount, at from {{ ref('orders') }}\n",
            ),
            Some("select id, amount, at from {{ ref('orders') }}\n"),
            Some(
                "{{ config(materialized='incremental', unique_key='id') }}\nselect id, amount, at from {{ ref('orders') }}\n\
                 {% if is_incremental() %}where t > (select max(at) from {{ this }}){% endif %}\n",
            ),
        ],
    ),
    (
        "models/gold/hooked.sql",
        &[
            Some(
                "{{ config(post_hook='delete from {{ this }} where amount < 0') }}select * from {{ ref('growing') }}\n",
            ),
            Some("{{ config(post_hook='delete from {{ this }} where size < 0') }}select * from {{ ref('growing') }}\n"),
            Some("select g.*, c.region from {{ ref('growing') }} g cross join {{ ref('by_customer') }} c\n"),
        ],
    ),
    (
        "models/models.yml",
        &[
            Some(
                "models:\n  - name: orders\n    columns:\n      - { name: id, tests: [unique, not_null] }\n      - name: customer\n        \
                 tests:\n          - relationships: { to: ref('customers'), field: id }\n  - name: customers\n    columns:\n      - name: region\n        \
                 tests:\n          - accepted_values: { values: [eu, us] }\n          - relationships: { to: ref('regions'), field: region }\n  \
                 - name: by_customer\n    tests:\n      - below: { column_name: amount, than: 1000 }\n",
            ),
            Some(
                "models:\n  - name: orders\n    columns:\n      - { name: id, tests: [unique] }\n      - { name: more, tests: [not_null] }\n",
            ),
            Some(
                "models:\n  - name: orders\n    config: { materialized: view, tags: [a] }\n  - name: growing\n    config: { enabled: false }\n",
            ),
            Some("models:\n  - name: nobody\n    description: '{{ doc(\"x\") }}'\n"),
            Some("models: [\n"),
            None,
        ],
    ),
    (
        "models/gold/units.yml",
        &[
            None,
            Some(
                "unit_tests:\n  - name: adds\n    model: growing\n    given:\n      - input: ref('orders')\n        rows: [{ id: 1, amount: 3 }]\n    \
                 expect: { rows: [{ id: 1, amount: 3 }] }\n",
            ),
            Some(
                "unit_tests:\n  - name: adds\n    model: growing\n    given:\n      - input: ref('orders')\n        rows: [{ id: 1, more: 3 }]\n    \
                 expect: { rows: [{ id: 1 }] }\n",
            ),
        ],
    ),
    (
        "macros/money.sql",
        &[
            Some(
                "{% macro money(column) %}cast({{ column }} as decimal(14,2)){% endmacro %}\n{% test below(model, column_name, than) %}select \
                 * from {{ model }} where {{ column_name }} >= {{ than }}{% endtest %}\n",
            ),
            Some(
                "{% macro money(column) %}cast({{ column }} as double){% endmacro %}\n{% test below(model, column_name, than) %}select * from {{ \
                 model }} where {{ column_name }} > {{ than }}{% endtest %}\n",
            ),
            Some("{% macro money(column) %}{{ column }}{% endmacro %}\n"),
            Some("{% macro money(column) %}{{ column }}\n"),
        ],
    ),
    (
        "seeds/regions.csv",
        &[
            Some("region,name\neu,Europe\nus,America\n"),
            Some("region,name,size\neu,Europe,3\n"),
            Some("name\nEurope\n"),
            None,
        ],
    ),
    (
        "snapshots/history.sql",
        &[
            Some(
                "{% snapshot history %}{{ config(unique_key='id', strategy='timestamp', updated_at='at') }}select id, amount, at from {{ \
                 ref('orders') }}{% endsnapshot %}\n",
            ),
            Some(
                "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols=['none']) }}select id, amount, at from {{ ref('orders') }}{% endsnapshot %}\n",
            ),
            Some(
                "{% snapshot history %}{{ config(unique_key='id', strategy='timestamp', updated_at='at') }}select id, at from {{ \
                 ref('orders') }}{% endsnapshot %}{% snapshot other %}{{ config(unique_key='id', strategy='timestamp', updated_at='at') }}select id, at from {{ \
                 ref('orders') }}{% endsnapshot %}\n",
            ),
        ],
    ),
    (
        "tests/positive.sql",
        &[
            Some("select * from {{ ref('by_customer') }} where amount < 0\n"),
            Some("{{ config(enabled=false) }}select * from {{ ref('by_customer') }} where amount < 0\n"),
            Some("select * from {{ ref('by_customer') }} b join {{ ref('history') }} h on h.dbt_scd_id = b.region\n"),
            Some("select * from {{ ref('by_customer') }} where amounts < 0\n"),
            None,
        ],
    ),
    (
        "models/gold/more.sql",
        &[
            None,
            Some("select * from {{ ref('hooked') }}\n"),
            Some("select * from {{ ref('growing') }}, {{ ref('recent') }}\n"),
        ],
    ),
];

/// What the project may be: Headwater's own, or dbt's.
pub(super) const OWN: &str = "name: shop\nvars: { least: 10 }\n";
pub(super) const DBTS: &str = "name: shop\nversion: '1'\nvars: { least: 10 }\n";

/// A change.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// A file gets the text of that number.
    Text(usize, usize),
    /// A file is written again as it is.
    Touch(usize),
    /// `--vars`.
    Var(u8),
    /// An environment variable.
    Variable(u8),
    Nothing,
}

/// The project on disk, and how it is called.
pub(super) struct Project {
    pub(super) dir: tempfile::TempDir,
    texts: BTreeMap<usize, usize>,
    least: u8,
    region: u8,
    /// Whether files are looked at long after they were written, so that looks are enough.
    settled: bool,
}

impl Project {
    pub(super) fn new(dbt: bool, settled: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = Self { dir, texts: BTreeMap::new(), least: 0, region: 0, settled };
        match dbt {
            true => project.write("dbt_project.yml", Some(DBTS)),
            false => project.write("headwater.yml", Some(OWN)),
        }
        for (path, texts) in FILES {
            project.write(path, texts[0]);
        }
        project
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, path: &str, text: Option<&str>) {
        let path = self.path().join(path);
        match text {
            Some(text) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            None if path.is_file() => fs::remove_file(path).unwrap(),
            None => {}
        }
    }

    pub(super) fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Text(file, text) => {
                let (path, texts) = FILES[file % FILES.len()];
                self.texts.insert(file % FILES.len(), text % texts.len());
                self.write(path, texts[text % texts.len()]);
            }
            Edit::Touch(file) => {
                let (path, texts) = FILES[file % FILES.len()];
                let text = self.texts.get(&(file % FILES.len())).copied().unwrap_or_default();
                self.write(path, texts[text]);
            }
            Edit::Var(least) => self.least = *least,
            Edit::Variable(region) => self.region = *region,
            Edit::Nothing => {}
        }
    }

    pub(super) fn request(&self) -> Request {
        let vars: Map<String, Value> = match self.least {
            0 => Map::new(),
            least => [("least".to_owned(), Value::from(least))].into_iter().collect(),
        };
        let region =
            (self.region > 0).then(|| ("REGION".to_owned(), ["", "us", "a'b"][usize::from(self.region)].to_owned()));
        let other = ("OTHER".to_owned(), format!("{:?}", self.path()));
        let late: DateTime<Utc> = Utc.with_ymd_and_hms(2200, 1, 1, 0, 0, 0).unwrap();
        let started_at = if self.settled { late } else { DateTime::UNIX_EPOCH };
        Request {
            dir: self.path().to_path_buf(),
            environment: None,
            vars,
            environ: Environ::new(region.into_iter().chain([other])),
            threads: Some(2),
            invocation: Invocation { started_at, ..Invocation::default() },
        }
    }
}
