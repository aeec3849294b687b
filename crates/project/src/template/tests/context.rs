use super::*;

#[test]
fn dbts_functions_give_what_dbt_gives() {
    project(&[]).check(&[
        ("{{ ref('users') }}", "`silver`.`users`"),
        ("{{ ref('rental', 'users') }}", "`silver`.`users`"),
        ("{{ source('rental', 'vehicles') }}", "`bronze`.`vehicles`"),
        ("{{ ref('places') }} {{ ref('places').is_cte }}", "__dbt__cte__places True"),
        ("{{ ref('trips').schema }}/{{ ref('trips').identifier }}", "gold/trips"),
        ("{% set t = ref('trips') %}{{ t }} as {{ t.name }}", "`gold`.`trips` as trips"),
        ("limit {{ var('limit') + 1 }}", "limit 11"),
        ("{{ var('scoped') }}", "yes"),
        ("{{ var('nope', 'default') }}{{ var('nope', default=none) is none }}", "defaultTrue"),
        ("{{ var.has_var('limit') }}{{ var.has_var('nope') }}", "TrueFalse"),
        ("{% for s in var('states') %}{{ s }}{{ ',' if not loop.last }}{% endfor %}", "CA,NY"),
        ("{{ env_var('REGION') }}{{ env_var('ZONE', 'a') }}", "eua"),
        (
            "{{ target.name }} {{ target.schema }} {{ target.type }} {{ target['threads'] }} {{ target.get('x', 1) }}",
            "local main spark 4 1",
        ),
        ("{{ config(materialized='table', tags=['a']) }}select 1", "select 1"),
        ("{{ config({'materialized': 'table'}) }}select 1", "select 1"),
        ("{{ log('hello', info=true) }}{% do log('hello') %}{{ print('x') }}1", "1"),
        ("{% raw %}{{ x }} [1]{% endraw %}", "{{ x }} [1]"),
        ("select 1 -- {# a comment [] #}", "select 1 -- "),
        (
            "{{ project_name }}{{ schema }}{{ dbt_version[:4] }}{{ flags.WHICH }}{{ flags.FULL_REFRESH }}",
            "rentalmain1.10compileFalse",
        ),
        ("{{ builtins.ref('users') }}{{ modules.datetime.date(2024, 2, 1) }}", "`silver`.`users`2024-02-01"),
        (
            "{{ model.name }}{{ model['config'].materialized }}{{ graph.nodes['model.rental.x'].tags[0] }}",
            "xtabledaily",
        ),
        ("{{ graph.nodes.values() | selectattr('name', 'equalto', 'x') | map(attribute='name') | join }}", "x"),
        (
            "{{ run_started_at.strftime('%Y-%m-%d') }} {{ run_started_at.isoformat() }}",
            "1970-01-01 1970-01-01T00:00:00+00:00",
        ),
        ("{{ 'yes' if execute else 'no' }}{% if not execute %}x{% endif %}{{ execute }}", "yesTrue"),
    ]);
}

#[test]
fn a_projects_macro_comes_before_dbts_own() {
    let project = project(&[(
        "macros/ref.sql",
        "{% macro ref(name) %}{{ return(builtins.ref(name ~ 's')) }}{% endmacro %}
         {% macro default__type_string() %}x{% endmacro %}{% macro spark__type_string() %}mine{% endmacro %}",
    )]);
    project.check(&[("{{ ref('user') }} {{ dbt.type_string() }} {{ type_int() }}", "`silver`.`users` mine int")]);
}

#[test]
fn config_tells_what_was_set() {
    let project = project(&[]);
    project.check(&[
        ("{{ config(alias='a') }}{{ config.get('alias') }}{{ config.get('materialized') }}", "atable"),
        ("{{ config.get('nope', 'd') }}{{ config.get('nope') is none }}{{ config.get('nope', default=3) }}", "dTrue3"),
        (
            "{{ config.require('materialized') }}{{ config.meta_get('owner') }}{{ config.persist_relation_docs() }}",
            "tablemeFalse",
        ),
    ]);
    insta::assert_snapshot!(project.told("{{ config.require('nope') }}"));
    let rendered = project.rendered("{{ config(a=1, b=[none], c={'d': true}, r=ref('users')) }}").unwrap();
    assert_eq!(
        rendered.calls[1],
        Call::Config(
            json!({"a": 1, "b": [null], "c": {"d": true}, "r": "`silver`.`users`"}).as_object().unwrap().clone()
        )
    );
}

#[test]
fn this_follows_config_while_only_names_are_known() {
    let this = TableName::new("gold", "x");
    let text = "{{ this }} {{ config(schema='silver', alias='y') }}{{ this }} {{ this.schema }}";
    let project = project(&[]);
    let at = |phase| {
        let template = Template { this: Some(&this), ..template(text) };
        project.templates.render(template, &project.world, phase).unwrap().text
    };
    assert_eq!(at(Phase::Parse), "`gold`.`x` `silver`.`y` silver");
    assert_eq!(at(Phase::Compile), "`gold`.`x` `gold`.`x` gold");
}

#[test]
fn questions_are_told() {
    let project = project(&[]);
    let asked = |text: &str| project.rendered(text).unwrap().asked;
    assert_eq!(asked("{{ ref('users') }}{{ config(a=1) }}{{ var('limit') }}"), ask::Asked::default());
    assert!(asked("{% if execute %}1{% endif %}").compile);
    assert!(asked("{{ adapter.get_columns_in_relation(ref('users')) | length }}").compile);
    let incremental = asked("{% if is_incremental() %}1{% endif %}");
    assert!(incremental.incremental && incremental.compile);
    let rows = asked("{{ run_query('select status from x') | length }}");
    assert_eq!(rows.rows_of, [TableName::new("silver", "users")]);
    // Naming is not asking: a file of macros names much that it does not use.
    assert!(!asked("{% macro m() %}{{ execute }}{{ model }}{{ graph }}{% endmacro %}{{ ref('users') }}").compile);
}

#[test]
fn parsing_knows_names_only() {
    let project = project(&[]).parsing();
    project.check(&[
        ("{{ execute }}{{ is_incremental() }}{{ run_query('select 1') is none }}", "FalseFalseTrue"),
        ("{{ adapter.get_columns_in_relation(ref('users')) }}{{ load_relation(ref('users')) }}", "[]None"),
        ("{{ adapter.get_relation(none, 'silver', 'users') is none }}{{ graph.nodes }}", "True{}"),
        (
            "{% call statement('s', fetch_result=true) %}select {{ ref('users') }}{% endcall %}{{ load_result('s') }}",
            "None",
        ),
    ]);
    let calls = project.rendered("{% call statement('s') %}select {{ ref('users') }}{% endcall %}").unwrap().calls;
    assert_eq!(calls.len(), 1);
}

#[test]
fn increments_are_asked_for() {
    let this = TableName::new("gold", "trips");
    let text = "{% if is_incremental() %}where at > (select max(at) from {{ this }}){% endif %}\
                {{ adapter.get_relation(none, this.schema, this.identifier) is none }}";
    for (incremental, expected) in [(true, "where at > (select max(at) from `gold`.`trips`)False"), (false, "True")] {
        let project = project(&[]).in_world(TestWorld { incremental, ..world() });
        let template = Template { this: Some(&this), ..template(text) };
        let rendered = project.templates.render(template, &project.world, Phase::Compile).unwrap();
        assert_eq!(rendered.text, expected);
    }
}

#[test]
fn codes_are_those_of_the_situation() {
    let project = project(&[]);
    for (text, code) in [
        ("{{ var('x') }}", headwater_plan::Code::MissingVariable),
        ("{{ env_var('x') }}", headwater_plan::Code::MissingEnvironmentVariable),
        ("{{ adapter.drop_relation(this) }}", headwater_plan::Code::Unsupported),
        ("{{ create_table_as(false, this, 'select 1') }}", headwater_plan::Code::Unsupported),
        ("{{ nope }}", headwater_plan::Code::InvalidTemplate),
    ] {
        assert_eq!(project.error(text).code, code, "{text}");
    }
}

#[test]
fn yaml_strings_have_variables_and_nothing_else() {
    let at = Location::line("headwater.yml", 3);
    with_scope(|scope| {
        assert_eq!(yaml(scope, "{{ var('incoming', 'in') }}/*.csv", &at).unwrap(), "in/*.csv");
        assert_eq!(yaml(scope, "plain", &at).unwrap(), "plain");
        assert_eq!(yaml(scope, "{{ target.name }}{{ ['a'][0] }}", &at).unwrap(), "locala");
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
