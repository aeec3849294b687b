//! Macros of packages, and which implementation a dispatched one reaches.

use super::{project, session};

#[test]
fn dispatched_macros() {
    let project = project(&[
        ("packages.yml", "packages: [{ local: tools }, { local: shims }]\n"),
        ("tools/dbt_project.yml", "name: tools\nversion: '1.0'\n"),
        (
            "tools/macros/all.sql",
            "{% macro a() %}{{ return(adapter.dispatch('a', 'tools')()) }}{% endmacro %}{% macro default__a() %}'tools, default'{% endmacro %}
{% macro b() %}{{ return(adapter.dispatch('b', 'tools')()) }}{% endmacro %}{% macro default__b() %}'tools, default'{% endmacro %}{% macro spark__b() %}'tools, spark'{% endmacro %}{% macro duckdb__b() %}'tools, duckdb'{% endmacro %}
{% macro c() %}{{ return(adapter.dispatch('c', 'tools')()) }}{% endmacro %}{% macro default__c() %}'tools, default'{% endmacro %}{% macro spark__c() %}'tools, spark'{% endmacro %}{% macro headwater__c() %}'tools, headwater'{% endmacro %}
{% macro d() %}{{ return(adapter.dispatch('d', 'tools')()) }}{% endmacro %}{% macro spark__d() %}'tools, spark'{% endmacro %}
",
        ),
        ("shims/dbt_project.yml", "name: shims\nversion: '1.0'\n"),
        ("shims/macros/all.sql", "{% macro default__a() %}'shims, default'{% endmacro %}\n"),
        ("macros/own.sql", "{% macro default__d() %}'the project, default'{% endmacro %}\n"),
        (
            "models/m.sql",
            "select {{ tools.a() }} as a, {{ tools.b() }} as b, {{ tools.c() }} as c, {{ tools.d() }} as d\n",
        ),
    ]);
    let mut told = session(&project, &[&["deps"], &["compile", "-s", "m"]]);
    project.write(
        "dbt_project.yml",
        "name: shop\nversion: '1.0'\nprofile: shop\ndispatch: [{ macro_namespace: tools, search_order: [shims, tools] }]\n",
    );
    told += &session(&project, &[&["compile", "-s", "m"]]);
    super::keep("dispatched_macros", &project, &told);
}
