use super::*;

#[test]
fn relations_have_dbts_attributes_and_methods() {
    project(&[]).check(&[
        ("{% set r = api.Relation.create(database='d', schema='s', identifier='t', type='view') %}{{ r }}{{ r.is_view }}{{ r.database }}", "`s`.`t`TrueNone"),
        ("{% set r = ref('users') %}{{ r.include(schema=false) }} {{ r.quote(identifier=false) }} {{ r.without_identifier() }}", "`users` `silver`.users `silver`"),
        ("{{ ref('users').incorporate(path={'identifier': 'x'}, type='table').render() }}", "`silver`.`x`"),
        ("{{ ref('users') is mapping }}{{ ref('users').get('metadata', {}).get('type', '').endswith('Relation') }}", "TrueTrue"),
        ("{{ ref('users') == ref('users') }}{{ ref('users') == ref('trips') }}{{ ref('users') is string }}", "TrueFalseFalse"),
        ("{{ ref('trips').type }}{{ ref('trips').is_table }}{{ ref('trips').matches(schema='gold') }}", "tableTrueTrue"),
        ("{{ api.Relation.add_ephemeral_prefix('x') }}", "__dbt__cte__x"),
        ("{{ ref('users') ~ '' }}{{ 'x' if ref('users') }}", "`silver`.`users`x"),
    ]);
}

#[test]
fn the_adapter_answers_from_the_world() {
    project(&[]).check(&[
        ("{% for c in adapter.get_columns_in_relation(ref('users')) %}{{ c.name }} {{ c.dtype }} {{ c.quoted }};{% endfor %}",
         "user_id bigint `user_id`;Name string `Name`;score decimal(10,2) `score`;"),
        ("{% for c in adapter.get_columns_in_relation(ref('trips')) %}{{ c.is_integer() }}{{ c.is_float() }}{{ c.is_number() }}{{ c.is_string() }};{% endfor %}",
         "TrueFalseTrueFalse;FalseFalseFalseFalse;FalseTrueTrueFalse;"),
        ("{{ adapter.get_relation(database=none, schema='gold', identifier='trips').type }}{{ adapter.get_relation(none, 'x', 'y') }}", "viewNone"),
        ("{{ load_relation(ref('users')) }}{{ adapter.load_relation(ref('users')).is_table }}", "`silver`.`users`True"),
        ("{{ adapter.list_relations_without_caching(ref('users').without_identifier()) }}", "[`silver`.`users`]"),
        ("{{ adapter.check_schema_exists(none, 'gold') }}{{ adapter.check_schema_exists(none, 'x') }}", "TrueFalse"),
        ("{{ adapter.get_missing_columns(ref('users'), ref('trips')) | map(attribute='name') | join(',') }}", "Name,score"),
        ("{{ adapter.quote('a`b') }}{{ adapter.type() }}{{ adapter.quote_as_configured('x', 'identifier') }}", "`a``b`spark`x`"),
        ("{% set c = api.Column('n', 'decimal(4,2)') %}{{ c.is_numeric() }}{{ c.numeric_precision }}{{ api.Column.create('s', 'text').is_string() }}", "True4True"),
        ("{{ api.Column.translate_type('text') }}{{ api.Column.numeric_type('decimal', 3, 1) }}", "stringdecimal(3,1)"),
    ]);
}

#[test]
fn rows_have_the_shape_of_agate() {
    project(&[]).check(&[
        ("{% set r = run_query('select status from x') %}{{ r | length }}{{ r.columns[0].values() }}{{ r.column_names }}", "3('paid', 'open', None)('status', 'n')"),
        ("{% set r = run_query('select status from x') %}{{ r.rows[0]['status'] }}{{ r[1][1] }}{{ r.rows[0].n }}{{ r.columns['N'].values() }}", "paid13(3, 1, 0)"),
        ("{% for row in run_query('select status from x') %}{{ row.status }}={{ row[1] }};{% endfor %}", "paid=3;open=1;None=0;"),
        ("{% set q %}select status from x{% endset %}{% for s in run_query(q).columns[0].values() if s %}{{ s }}{% endfor %}", "paidopen"),
        ("{% call statement('s', fetch_result=true) %}select status from x{% endcall %}{% set r = load_result('s') %}{{ r['data'] | map(attribute=0) | list }}{{ r.table.columns.keys() }}{{ load_result('t') }}",
         "['paid', 'open', None]('status', 'n')None"),
        ("{% call statement('s', fetch_result=True) %}select status{% endcall %}{% for name, c in load_result('s').table.columns.items() %}{{ name }}{{ c.values() }}{% endfor %}",
         "status('paid', 'open', None)n(3, 1, 0)"),
        ("{{ run_query('select nothing') | length }}{{ 'x' if run_query('select nothing') }}", "0"),
        ("{{ dbt_utils_like() if false }}{{ run_query('select status').rows[0].dict() }}", "{'status': 'paid', 'n': 3}"),
    ]);
}

#[test]
fn rows_that_are_not_there_yet_make_a_template_late() {
    let later = vec![TableName::new("silver", "users")];
    let answers = vec![("select distinct", Answer::Later(later.clone()))];
    let project =
        project(&[("macros/m.sql", "{% macro vs() %}{{ return(run_query('select distinct v')) }}{% endmacro %}")])
            .in_world(TestWorld { answers, ..world() });
    assert_eq!(project.rendered("{{ vs() }}"), Err(Unrendered::Later(later)));
}

#[test]
fn what_would_change_the_lake_is_refused_by_name() {
    let project = project(&[]);
    let told: Vec<String> = [
        "{% do adapter.drop_relation(ref('users')) %}",
        "{% do adapter.create_schema(ref('users')) %}",
        "{{ adapter.get_colums_in_relation(ref('users')) }}",
        "{% do drop_relation_if_exists(ref('users')) %}",
        "{{ dbt.create_table_as(true, ref('users'), 'x') }}",
        "{{ ref('users').information_schema() }}",
        "{{ adapter.dispatch('nope', 'dbt_utils')() }}",
    ]
    .iter()
    .map(|text| project.told(text))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}
