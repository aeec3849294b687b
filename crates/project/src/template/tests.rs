use std::path::Path;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic, Diagnostics, Location, TableName};
use serde_json::{Map, Value, json};

use super::map::Place;
use super::{Call, Relations, Template, Templates, yaml};
use crate::config::{Environ, Scope, SqlFile, Target};

fn with_scope<T>(run: impl FnOnce(&Scope<'_>) -> T) -> T {
    let mut vars = Map::new();
    vars.insert("limit".into(), json!(10));
    vars.insert("states".into(), json!(["CA", "NY"]));
    vars.insert("rental".into(), json!({"scoped": "yes"}));
    let environ = Environ::new([("REGION".to_string(), "eu".to_string())]);
    let target = Target { name: "local".into(), schema: "main".into(), threads: 4 };
    run(&Scope { project: "rental", vars: &vars, environ: &environ, target: &target })
}

/// A project with the models `users` and `trips`, the source table `rental.vehicles` and these macros.
struct Project {
    templates: Templates,
    relations: Arc<Relations>,
    diagnostics: Diagnostics,
}

fn project(macros: &[(&str, &str)]) -> Project {
    let files: Vec<SqlFile> =
        macros.iter().map(|(path, text)| SqlFile { path: path.into(), text: text.to_string() }).collect();
    let mut diagnostics = Diagnostics::default();
    let templates = with_scope(|scope| Templates::new(scope, &files, &mut diagnostics));
    let mut relations = Relations::default();
    for (name, schema) in [("users", "silver"), ("trips", "gold")] {
        relations.models.insert(name.into(), TableName::new(schema, name));
    }
    relations.sources.insert(("rental".into(), "vehicles".into()), TableName::new("bronze", "vehicles"));
    Project { templates, relations: Arc::new(relations), diagnostics }
}

fn template(text: &str) -> Template<'_> {
    Template { path: Path::new("models/x.sql"), text, this: None }
}

impl Project {
    fn text(&self, text: &str) -> String {
        self.templates.render(template(text), &self.relations).unwrap().text
    }

    fn error(&self, text: &str) -> Diagnostic {
        self.templates.render(template(text), &self.relations).unwrap_err()
    }

    /// The error as a reader sees it, in a line each.
    fn told(&self, text: &str) -> String {
        told(&self.error(text))
    }

    /// What of the template the first `needle` of the rendered text comes from, and whether it is written there.
    fn origin(&self, text: &str, needle: &str, nth: usize) -> (String, bool) {
        let rendered = self.text(text);
        let (offset, _) = rendered.match_indices(needle).nth(nth).unwrap();
        let before = &rendered[..offset];
        let place = Place {
            line: 1 + before.matches('\n').count() as u64,
            column: 1 + before.rsplit('\n').next().unwrap().chars().count() as u32,
            length: needle.chars().count() as u32,
        };
        let map = self.templates.map(template(text), &self.relations, &rendered).unwrap();
        let origin = map.origin(Path::new("models/x.sql"), text, &rendered, place).unwrap();
        let Location { line, column, length, text, .. } = origin.location;
        let written: String = text.unwrap().chars().skip(column as usize - 1).take(length as usize).collect();
        (format!("{line}:{column} {written}"), origin.literal)
    }
}

fn told(error: &Diagnostic) -> String {
    let mut told = format!("{} {}: {}", error.location.as_ref().unwrap(), error.code, error.message);
    for cause in &error.causes {
        told.push_str(&format!("\n  {cause}"));
    }
    if let Some(help) = &error.help {
        told.push_str(&format!("\n  help: {help}"));
    }
    told
}

#[test]
fn dbts_functions_give_what_dbt_gives() {
    let project = project(&[]);
    for (text, rendered) in [
        ("{{ ref('users') }}", "`silver`.`users`"),
        ("{{ ref('rental', 'users') }}", "`silver`.`users`"),
        ("{{ source('rental', 'vehicles') }}", "`bronze`.`vehicles`"),
        ("{{ ref('trips').schema }}/{{ ref('trips').identifier }}", "gold/trips"),
        ("{% set t = ref('trips') %}{{ t }} as {{ t.name }}", "`gold`.`trips` as trips"),
        ("limit {{ var('limit') + 1 }}", "limit 11"),
        ("{{ var('scoped') }}", "yes"),
        ("{{ var('nope', 'default') }}", "default"),
        ("{% for s in var('states') %}{{ s }}{{ ',' if not loop.last }}{% endfor %}", "CA,NY"),
        ("{{ env_var('REGION') }}{{ env_var('ZONE', 'a') }}", "eua"),
        ("{{ target.name }} {{ target.schema }} {{ target.type }}", "local main spark"),
        ("{{ config(materialized='table', tags=['a']) }}select 1", "select 1"),
        ("{{ config({'materialized': 'table'}) }}select 1", "select 1"),
        ("{{ log('hello', info=true) }}{% do log('hello') %}1", "1"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("select 1 -- {# a comment #}", "select 1 -- "),
    ] {
        assert_eq!(project.text(text), rendered, "{text}");
    }
}

#[test]
fn calls_are_written_down_and_found_again() {
    let project = project(&[("macros/m.sql", "{% macro all_of(m) %}select * from {{ ref(m) }}{% endmacro %}")]);
    let text = "{{ config(tags='a') }}\n{{ all_of('userz') }} join {{ ref('trips') }}\n{{ source('rental', 'x') }}";
    let rendered = project.templates.render(template(text), &project.relations).unwrap();
    let found: Vec<(String, String)> = (0..rendered.calls.len())
        .map(|call| {
            let Location { line, column, length, text, .. } =
                project.templates.locate_call(template(text), &project.relations, call);
            let written = text.unwrap().chars().skip(column as usize - 1).take(length as usize).collect();
            (format!("{line}:{column}"), written)
        })
        .collect();
    assert_eq!(rendered.calls[1], Call::Ref { package: None, name: "userz".into() });
    insta::assert_debug_snapshot!(found, @r#"
    [
        (
            "1:4",
            "config(tags='a')",
        ),
        (
            "2:4",
            "all_of('userz')",
        ),
        (
            "2:31",
            "ref('trips')",
        ),
        (
            "3:4",
            "source('rental', 'x')",
        ),
    ]
    "#);
}

#[test]
fn this_follows_config() {
    let project = project(&[]);
    let this = TableName::new("gold", "x");
    let text = "{{ this }} {{ config(schema='silver', alias='y') }}{{ this }} {{ this.schema }}";
    let template = Template { this: Some(&this), ..template(text) };
    let rendered = project.templates.render(template, &project.relations).unwrap();
    assert_eq!(rendered.text, "`gold`.`x` `silver`.`y` silver");
}

#[test]
fn macros_of_files_call_each_other_and_take_call_blocks() {
    let project = project(&[
        (
            "macros/a.sql",
            "{% macro a(x, y=2) %}{{ b(x) }}+{{ y }}{% endmacro %}{% macro own() %}{{ a(9) }}{% endmacro %}",
        ),
        ("macros/b.sql", "{% macro b(x) %}<{{ x }}>{% endmacro %}{% macro box() %}[{{ caller() }}]{% endmacro %}"),
    ]);
    assert_eq!(project.diagnostics, Diagnostics::default());
    assert_eq!(project.text("{{ a(1) }} {{ a(1, y=3) }} {{ own() }}"), "<1>+2 <1>+3 <9>+2");
    assert_eq!(project.text("{% call box() %}{{ ref('users') }}{% endcall %}"), "[`silver`.`users`]");
    assert_eq!(project.text("{% macro b(x) %}mine{% endmacro %}{{ b(1) }}"), "mine");
    // A recursion without an end is an error and not a crash.
    let endless = project_with_endless_macros();
    insta::assert_snapshot!(endless.error("{{ ping() }}").message, @"the macro `ping` is called within itself without an end");
}

fn project_with_endless_macros() -> Project {
    project(&[
        ("macros/ping.sql", "{% macro ping() %}{{ pong() }}{% endmacro %}"),
        ("macros/pong.sql", "{% macro pong() %}{{ ping() }}{% endmacro %}"),
    ])
}

#[test]
fn macro_files_are_checked_when_they_are_read() {
    let project = project(&[
        ("macros/a.sql", "{% macro a() %}{% endmacro %}"),
        ("macros/b.sql", "{% macro b() %}\n  {% if x %}{% endmacro %}"),
        ("macros/c.sql", "\n{% macro a() %}{% endmacro %}"),
        ("macros/d.sql", "{% test positive(model, column_name) %}select 1{% endtest %}"),
    ]);
    let told: Vec<String> = project.diagnostics.0.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    macros/b.sql:2:16 invalid-template: the template does not parse: unknown statement endmacro
      help: a tag is `{{ … }}`, `{% … %}` or `{# … #}`; `{% raw %}…{% endraw %}` writes one as it is
    macros/c.sql:2:10 duplicate-name: two macros are named `a`: the other one is at macros/a.sql:1:10
    macros/d.sql:1:1 unsupported: `{% test %}` of dbt's Jinja is not supported yet
    ");
}

#[test]
fn errors_say_where_and_what_next() {
    let project = project(&[
        ("macros/m.sql", "{% macro cents(column) %}\n  {{ column }} / {{ divisr }}\n{% endmacro %}"),
        ("macros/r.sql", "{% macro only(x) %}{{ exceptions.raise_compiler_error('not ' ~ x) }}{% endmacro %}"),
        ("macros/v.sql", "{% macro limited() %}limit {{ var('limits') }}{% endmacro %}"),
    ]);
    let told: Vec<String> = [
        "select\n  {{ rf('users') }}",
        "{% set statuses = ['a'] %}\n{% for s in status %}{{ s }}{% endfor %}",
        "select {{ cents('a') }}",
        "select 1,\n {{ only('this') }}",
        "select 1 {{ limited() }}",
        "{{ var('lmit') }}",
        "{{ env_var('REGIO') }}",
        "{{ target.nam }}",
        "select {{ x",
        "select {% if true %} 1",
        "{{ is_incremental() }}",
        "{% set r = run_query('select 1') %}",
        "{% set xs = [] %}{% do xs.append(1) %}",
        "{{ return(1) }}",
        "{{ ref(1) }}",
        "{{ config.get('x') }}",
        "{{ 'a' | uper }}",
        "{{ exceptions.raise_compiler_error('no') }}",
        "{{ 1 + 'a' }}",
    ]
    .iter()
    .map(|text| format!("{text}\n=> {}\n", project.told(text)))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn yaml_strings_have_variables_and_nothing_else() {
    let at = Location::line("headwater.yml", 3);
    with_scope(|scope| {
        assert_eq!(yaml(scope, "{{ var('incoming', 'in') }}/*.csv", &at).unwrap(), "in/*.csv");
        assert_eq!(yaml(scope, "plain", &at).unwrap(), "plain");
        let wrong: Vec<String> = ["{{ ref('x') }}", "{{ var('incomin') }}", "{{ vr('x') }}", "{{ x"]
            .iter()
            .map(|text| told(&yaml(scope, text, &at).unwrap_err()))
            .collect();
        insta::assert_snapshot!(wrong.join("\n"), @r"
        headwater.yml:3:1 invalid-template: `ref` has no meaning in a YAML string
          help: `var`, `env_var` and `target` are there
        headwater.yml:3:1 missing-variable: the variable `incomin` has no value
          help: give it a value under `vars:` in headwater.yml or with `--vars`, or a default: `var('incomin', …)`
        headwater.yml:3:1 invalid-template: `vr` is not defined
          help: did you mean `var`?
        headwater.yml:3:1 invalid-template: the template does not parse: unexpected end of input, expected end of variable block
          help: a tag is `{{ … }}`, `{% … %}` or `{# … #}`; `{% raw %}…{% endraw %}` writes one as it is
        ");
    });
}

#[test]
fn places_in_rendered_sql_are_found_in_the_template() {
    let project = project(&[("macros/m.sql", "{% macro cents(c) %}({{ c }} /\n 100){% endmacro %}")]);
    let text = "\
{{ config(materialized='table') }}

{%- set states = ['CA', 'NY'] -%}
select
  {% for state in states -%}
  sum(case when stat = '{{ state }}' then 1 end) as {{ state }}_trips,
  {% endfor -%}
  {{ cents('amont') }} as amount, café as c, {{ \"nope\" }}{{ 'other' }},
  {# total #} last_one
from {{ ref('trips') }}
where {% raw %}raw_column{% endraw %} = 1
";
    assert_eq!(project.origin("select a\nfrom b\n", "b", 0), ("2:6 b".into(), true));
    assert_eq!(project.origin(text, "stat ", 0), ("6:17 stat ".into(), true));
    // The second time around the loop is the same place.
    assert_eq!(project.origin(text, "stat ", 1), ("6:17 stat ".into(), true));
    assert_eq!(project.origin(text, "CA_trips", 0), ("6:53 {{ state }}".into(), false));
    assert_eq!(project.origin(text, "amont", 0), ("8:3 {{ cents('amont') }}".into(), false));
    assert_eq!(project.origin(text, "100", 0), ("8:3 {{ cents('amont') }}".into(), false));
    assert_eq!(project.origin(text, "café", 0), ("8:35 café".into(), true));
    assert_eq!(project.origin(text, "c,", 0), ("8:43 c,".into(), true));
    assert_eq!(project.origin(text, "nope", 0), ("8:46 {{ \"nope\" }}".into(), false));
    assert_eq!(project.origin(text, "last_one", 0), ("9:15 last_one".into(), true));
    assert_eq!(project.origin(text, "`gold`", 0), ("10:6 {{ ref('trips') }}".into(), false));
    assert_eq!(project.origin(text, "raw_column", 0), ("11:16 raw_column".into(), true));
}

#[test]
fn a_template_that_measures_itself_has_no_map() {
    let project = project(&[]);
    let text = "{% set x %}abc{% endset %}select {{ x | length }}, {{ x }}";
    let rendered = project.text(text);
    assert_eq!(rendered, "select 3, abc");
    assert!(project.templates.map(template(text), &project.relations, &rendered).is_none());
    // Text that is kept and shown later is still found.
    assert_eq!(project.origin("{% set x %}abc{% endset %}select {{ x }}", "abc", 0), ("1:12 abc".into(), true));
}

#[test]
fn codes_are_those_of_the_situation() {
    let project = project(&[]);
    for (text, code) in [
        ("{{ var('x') }}", Code::MissingVariable),
        ("{{ env_var('x') }}", Code::MissingEnvironmentVariable),
        ("{{ adapter.dispatch('x') }}", Code::Unsupported),
        ("{{ nope }}", Code::InvalidTemplate),
    ] {
        assert_eq!(project.error(text).code, code, "{text}");
    }
    assert_eq!(Value::from(project.diagnostics.0.len()), json!(0));
}
