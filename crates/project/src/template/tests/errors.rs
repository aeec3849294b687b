use super::*;

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
        "{% set xs = [1, {'a': [2]}] %}{{ xs[0] % 2 }} {{ nope }}",
        "select {{ cents('a') }}",
        "select 1,\n {{ only('this') }}",
        "select 1 {{ limited() }}",
        "{{ var('lmit') }}",
        "{{ env_var('REGIO') }}",
        "{{ target.nam }}",
        "select {{ x",
        "select {% if true %} 1",
        "{{ centz('a') }}",
        "{{ dbt.type_strin() }}",
        "{{ dbt_util.star() }}",
        "{{ x.y }}",
        "{{ [1].appnd(2) }}",
        "{{ [].pop() }}",
        "{{ return(1) }}",
        "{{ ref(1) }}",
        "{{ ref('a', 'b', 'c') }}",
        "{{ 'a' | uper }}",
        "{{ exceptions.raise_compiler_error('no') }}",
        "{{ exceptions.raise_not_implemented('that') }}",
        "{{ 1 + 'a' }}",
        "{{ none.x }}",
        "{{ caller() }}",
    ]
    .iter()
    .map(|text| format!("{text}\n=> {}\n", project.told(text)))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_undefined_value_is_false_and_prints_as_nothing_in_packages() {
    let text = "{% macro m(a) %}{% if a %}{% set x = 'x' %}{% endif %}[{{ x }}{{ a }}{{ y }}]{{ y | length }}{{ y == 1 }}{% endmacro %}";
    let project = project_with(
        &[("macros/own.sql", &text.replace("m(a)", "own(a)"))],
        &[("other", &[("dbt_packages/other/m.sql", text)])],
        &[],
    );
    project.check(&[("{{ other.m() }}{{ 'a' if nope else 'b' }}{{ 'x' if false }}", "[]0Falseb")]);
    insta::assert_snapshot!(project.told("{{ own() }}"));
}
