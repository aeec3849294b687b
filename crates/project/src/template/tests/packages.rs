use super::*;

const TOOLS: Files<'static> = &[(
    "dbt_packages/tools/macros/t.sql",
    "{% macro size(x) %}{{ return(adapter.dispatch('size', 'tools')(x)) }}{% endmacro %}
     {% macro default__size(x) %}default {{ x }}{{ helper() }}{% endmacro %}
     {% macro spark__size(x) %}spark {{ x }}{% endmacro %}
     {% macro plain(x) %}{{ return(adapter.dispatch('plain', 'tools')(x)) }}{% endmacro %}
     {% macro default__plain(x) %}plain {{ x }}{{ helper() }}{{ var('limit') }}{{ var('only_here', 0) }}{% endmacro %}
     {% macro helper() %}!{% endmacro %}",
)];

#[test]
fn macros_of_packages_are_called_by_the_packages_name() {
    let project = project_with(&[("macros/h.sql", "{% macro helper() %}?{% endmacro %}")], &[("tools", TOOLS)], &[]);
    assert_eq!(project.text("{{ tools.size(1) }}"), "spark 1");
    // As in dbt, a bare name in a package's macro means the project's first.
    assert_eq!(project.text("{{ tools.plain(1) }}"), "plain 1?100");
    insta::assert_snapshot!(project.told("{{ tools.siz(1) }} {{ helper() }}"));
    insta::assert_snapshot!(project.told("{{ size(1) }}"));
}

#[test]
fn the_projects_own_implementation_comes_first() {
    let own = [(
        "macros/h.sql",
        "{% macro default__size(x) %}own {{ x }}{% endmacro %}{% macro headwater__plain(x) %}hw{% endmacro %}",
    )];
    let project = project_with(&own, &[("tools", TOOLS)], &[]);
    assert_eq!(project.text("{{ tools.size(1) }} {{ tools.plain(1) }}"), "own 1 hw");
    // `dispatch:` of the project decides instead.
    let dispatch = [Dispatch { macro_namespace: "tools".into(), search_order: vec!["tools".into(), "rental".into()] }];
    let project = project_with(&own, &[("tools", TOOLS)], &dispatch);
    assert_eq!(project.text("{{ tools.size(1) }}"), "spark 1");
}

#[test]
fn a_packages_own_models_see_its_macros_and_variables() {
    let project = project_with(&[], &[("tools", TOOLS)], &[]);
    let template = Template { package: "tools", ..template("{{ helper() }}{{ var('only_here') }}{{ var('limit') }}") };
    assert_eq!(project.templates.render(template, &project.world, Phase::Compile).unwrap().text, "!210");
}

#[test]
fn dbts_own_macros_have_sparks_meaning() {
    let project = project(&[]);
    for (text, expected) in [
        (
            "{{ dbt.type_string() }} {{ type_timestamp() }} {{ dbt.type_numeric() }} {{ dbt.type_bigint() }}",
            "string timestamp decimal(28,6) bigint",
        ),
        ("{{ dbt.dateadd('day', 1, 'd') }}", "timestampadd(day, cast(1 as int), cast(d as timestamp))"),
        ("{{ dbt.datediff('a', 'b', 'day') }}", "datediff(cast(b as date), cast(a as date))"),
        (
            "{{ dbt.datediff('a', 'b', 'Hours') }}",
            "cast(timestampdiff(hour, date_trunc('hour', cast(a as timestamp)), date_trunc('hour', cast(b as timestamp))) as int)",
        ),
        ("{{ dbt.date_trunc('month', 'd') }} {{ dbt.date(2024, 1, 2) }}", "date_trunc('month', d) date '2024-01-02'"),
        ("{{ dbt.safe_cast('x', dbt.type_int()) }} {{ dbt.cast('x', 'date') }}", "try_cast(x as int) cast(x as date)"),
        ("{{ dbt.concat(['a', \"'-'\"]) }} {{ dbt.hash('a') }}", "concat(a, '-') md5(cast(a as string))"),
        (
            "{{ dbt.split_part('a', \"','\", 2) }} {{ dbt.right('a', 2) }} {{ dbt.position('a', 'b') }}",
            "split_part(a, ',', 2) right(a, 2) position(a in b)",
        ),
        ("{{ dbt.string_literal(dbt.escape_single_quotes(\"it's\")) }}", r"'it\'s'"),
        (
            "{{ dbt.listagg('x', \"', '\", limit_num=2) }} {{ dbt.bool_or('x') }} {{ dbt.any_value('x') }}",
            "array_join(slice(collect_list(x), 1, 2), ', ') bool_or(x) any_value(x)",
        ),
        (
            "{{ dbt.array_construct([1, 2]) }} {{ dbt.array_construct([], 'integer') }}",
            "array(1, 2) cast(array() as array<int>)",
        ),
        (
            "{{ dbt.except() }} {{ dbt.intersect() }} {{ dbt.equals('a', 'b') }} {{ dbt.current_timestamp() }}",
            "except intersect (a = b) current_timestamp()",
        ),
        (
            "{{ generate_schema_name('x') }} {{ generate_schema_name(none) }} {{ generate_alias_name(none, {'name': 'm', 'version': 2}) }}",
            "main_x main m_v2",
        ),
        (
            "{{ dbt.get_powers_of_two(9) }} {{ dbt.last_day('d', 'month') }}",
            "4 cast(timestampadd(day, cast(-1 as int), cast(timestampadd(month, cast(1 as int), cast(date_trunc('month', d) as timestamp)) as timestamp)) as date)",
        ),
        (
            "{{ dbt.date_spine('day', 'a', 'b') }}",
            "with rawdata as ( select explode(sequence(1, 1)) as generated_number ), all_periods as ( select timestampadd(day, cast(generated_number - 1 as int), cast(a as timestamp)) as date_day from rawdata ) select * from all_periods where date_day <= b",
        ),
        (
            "{{ config(where='x > 1') }}{{ get_where_subquery(ref('users')) }}",
            "(select * from `silver`.`users` where x > 1) dbt_subquery",
        ),
    ] {
        assert_eq!(project.line(text), expected, "{text}");
    }
    insta::assert_snapshot!(project.told("{{ dbt.dateadd('fortnight', 1, 'd') }}"));
}
