//! `dbt_project.yml`: settings by folder, what adds to them and what replaces them; descriptions; variables.

use super::{project, tell};

#[test]
fn the_hierarchy_of_settings() {
    let project = project(&[
        (
            "dbt_project.yml",
            "name: shop
version: '1.0'
profile: shop
models:
  +tags: [all]
  +meta: { owner: ada, level: 1 }
  shop:
    +materialized: view
    marts:
      +materialized: table
      +schema: marts
      +tags: [mart]
      +meta: { level: 2 }
seeds:
  shop:
    +schema: raw
",
        ),
        ("models/plain.sql", "select id from {{ ref('orders') }}\n"),
        ("models/marts/of_folder.sql", "select id from {{ ref('plain') }}\n"),
        ("models/marts/of_yaml.sql", "select id from {{ ref('plain') }}\n"),
        (
            "models/marts/of_file.sql",
            "{{ config(materialized='incremental', tags='file', meta={'level': 4}, alias='renamed') }}\nselect id from {{ ref('plain') }}\n",
        ),
        (
            "models/marts/marts.yml",
            "models:
  - name: of_yaml
    config: { materialized: view, tags: yaml, meta: { level: 3 } }
  - name: of_file
    config: { materialized: view, tags: yaml, meta: { level: 3, more: true } }
",
        ),
    ]);
    let keys = ["--output", "json", "--output-keys", "name tags meta alias schema config.materialized"];
    tell(
        "the_hierarchy_of_settings",
        &project,
        &[
            &[&["ls", "--resource-type", "model"][..], &keys].concat(),
            &["plan"],
            &["ls", "-s", "tag:mart", "--output", "name"],
            &["ls", "-s", "config.meta.level:4", "--output", "name"],
        ],
    );
}

#[test]
fn descriptions_and_doc_blocks() {
    let project = project(&[
        ("models/m.sql", "select id, amount from {{ ref('orders') }}\n"),
        (
            "models/m.yml",
            "models:
  - name: m
    description: \"{{ doc('m') }}\"
    meta: { owner: ada }
    columns:
      - { name: id, description: \"See {{ doc('ids') }}\", tags: [key], meta: { pii: false } }
      - { name: amount, description: 'What it costs, in {{ var(\"currency\", \"EUR\") }}.' }
",
        ),
        (
            "models/docs.md",
            "{% docs m %}\n# Orders\nWhat `m` is.\n{% enddocs %}\n\n{% docs ids %}numbers that nobody reuses{% enddocs %}\n",
        ),
    ]);
    tell(
        "descriptions_and_doc_blocks",
        &project,
        &[&["ls", "-s", "m", "--output", "json", "--output-keys", "name description columns meta"]],
    );
}

#[test]
fn variables() {
    let model = "select '{{ var('both', 'default') }}' as both, '{{ var('for_all', 'default') }}' as for_all, '{{ var('own', 'default') }}' as own, '{{ var('asked', 'default') }}' as asked\n";
    let project = project(&[
        (
            "dbt_project.yml",
            "name: shop
version: '1.0'
profile: shop
vars:
  both: global
  for_all: global
  asked: global
  shop: { both: of the shop }
  tools: { both: of the shop for tools }
",
        ),
        ("packages.yml", "packages: [{ local: tools }]\n"),
        (
            "tools/dbt_project.yml",
            "name: tools\nversion: '1.0'\nvars: { both: of tools, for_all: of tools, own: of tools, asked: of tools, tools: { own: scoped by tools } }\n",
        ),
        ("tools/models/of_tools.sql", model),
        ("models/of_shop.sql", model),
    ]);
    tell(
        "variables",
        &project,
        &[
            &["deps"],
            &["compile", "-s", "of_shop", "--vars", "asked: by the command"],
            &["compile", "-s", "of_tools", "--vars", "asked: by the command"],
        ],
    );
}
