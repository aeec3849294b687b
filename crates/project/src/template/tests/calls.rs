use super::*;

#[test]
fn macros_of_files_call_each_other_and_take_call_blocks() {
    let project = project(&[
        (
            "macros/a.sql",
            "{% macro a(x, y=2) %}{{ b(x) }}+{{ y }}{% endmacro %}{% macro own() %}{{ a(9) }}{% endmacro %}",
        ),
        ("macros/b.sql", "{% macro b(x) %}<{{ x }}>{% endmacro %}{% macro box() %}[{{ caller() }}]{% endmacro %}"),
        (
            "macros/each.sql",
            "{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}",
        ),
    ]);
    assert_eq!(project.diagnostics, Diagnostics::default());
    project.check(&[
        ("{{ a(1) }} {{ a(1, y=3) }} {{ own() }}", "<1>+2 <1>+3 <9>+2"),
        ("{% call box() %}{{ ref('users') }}{% endcall %}", "[`silver`.`users`]"),
        ("{% set n = 5 %}{% call(x, i) each([7, 8]) %}{{ i }}:{{ x + n }} {% endcall %}", "1:12 2:13 "),
        ("{% macro b(x) %}mine{% endmacro %}{{ b(1) }}{{ a(1) }}", "mine<1>+2"),
        ("{% set f = b %}{{ f(3) }}{{ context['b'](4) }}{{ context.get('nope', 1) }}", "<3><4>1"),
        ("{{ rental.b(2) }}", "<2>"),
    ]);
}

#[test]
fn a_recursion_without_an_end_is_an_error_and_no_crash() {
    let project = project(&[
        ("macros/ping.sql", "{% macro ping() %}{{ pong() }}{% endmacro %}"),
        ("macros/pong.sql", "{% macro pong() %}{{ ping() }}{% endmacro %}"),
        ("macros/down.sql", "{% macro down(n) %}{{ return(0 if n == 0 else 1 + down(n - 1)) }}{% endmacro %}"),
    ]);
    insta::assert_snapshot!(project.error("{{ ping() }}").message, @"the macro `ping` is called within itself without an end");
    assert_eq!(project.text("{{ down(150) }}"), "150");
}

#[test]
fn return_ends_a_macro_and_gives_any_value() {
    let project = project(&[(
        "macros/r.sql",
        "{% macro xs() %}text{% for x in [1, 2, 3] %}{% if x == 2 %}{{ return([x, 'a']) }}{% endif %}{% endfor %}{% endmacro %}
         {% macro nothing() %}{{ return() }}{% endmacro %}
         {% macro through() %}{% do return(xs()) %}{% endmacro %}
         {% macro map() %}{% set d = {'a': xs()} %}{{ return(d) }}{% endmacro %}
         {% macro in_call() %}{% call box() %}{{ return('out') }}{% endcall %}never{% endmacro %}
         {% macro box() %}[{{ caller() }}]{% endmacro %}
         {% macro text() %}a{% endmacro %}",
    )]);
    project.check(&[
        ("{{ xs() }}{{ xs()[1] }}{{ nothing() is none }}", "[2, 'a']aTrue"),
        ("{% set ys = through() %}{% do ys.append(3) %}{{ ys }}", "[2, 'a', 3]"),
        ("{{ map().a[0] }}{{ text() is string }}{{ text() | upper }}", "2TrueA"),
        ("{{ in_call() }}", "outnever"),
        ("{% macro local(x) %}{{ return(x + 1) }}{% endmacro %}{{ local(1) + 1 }}", "3"),
        ("{% macro f(n) %}{{ return(1 if n < 2 else n * f(n - 1)) }}{% endmacro %}{{ f(5) }}", "120"),
    ]);
}

#[test]
fn macros_take_other_arguments() {
    let project = project(&[(
        "macros/v.sql",
        "{% macro v(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}
         {% macro k(a, b=a ~ '!') -%}{{ a }}{{ b }}{% endmacro %}
         {% macro pass() %}{{ return(k(*varargs, **kwargs)) }}{% endmacro %}
         {% macro get() %}{{ kwargs.get('x', 'none') }}{% endmacro %}
         {% macro listed(a, xs=[]) %}{% do xs.append(a) %}{{ xs }}{% endmacro %}
         {% macro optional(a, b) %}{{ 'no' if not b else b }}{{ b is defined }}{% endmacro %}",
    )]);
    project.check(&[
        ("{{ v(1, 2, 'x', y=3) }}{{ v(1) }}", "1(2, 'x'){'y': 3}1(){}"),
        ("{{ k('x') }}{{ k('x', b='y') }}{{ pass('p', b='q') }}{{ pass(a='r') }}", "xx!xypqrr!"),
        ("{{ get() }}{{ get(x=1) }}{{ listed(1) }}{{ listed(2) }}", "none1[1][2]"),
        ("{{ optional(1) }}{{ optional(1, none) }}{{ optional(1, 2) }}", "noFalsenoTrue2True"),
    ]);
    let told: Vec<String> = ["{{ k() }}", "{{ k(1, 2, 3) }}", "{{ k(1, c=2) }}", "{{ k(1, a=2) }}"]
        .iter()
        .map(|text| project.told(text))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn calls_are_written_down_and_found_again() {
    let project = project(&[("macros/m.sql", "{% macro all_of(m) %}select * from {{ ref(m) }}{% endmacro %}")]);
    let text = "{{ config(tags='a') }}\n{{ all_of('userz') }} join {{ ref('trips') }}\n{{ source('rental', 'x') }}\
                {% set xs = [] %}{{ ref('rental', 'users', v=2) }}";
    let rendered = project.rendered(text).unwrap();
    let found: Vec<String> = (0..rendered.calls.len())
        .map(|call| {
            let Location { line, column, length, text, .. } =
                project.templates.locate_call(template(text), &project.world, Phase::Compile, call);
            let written: String = text.unwrap().chars().skip(column as usize - 1).take(length as usize).collect();
            format!("{line}:{column} {written}")
        })
        .collect();
    assert_eq!(rendered.calls[1], Call::Ref { package: None, name: "userz".into(), version: None });
    assert_eq!(rendered.macros.into_iter().collect::<Vec<_>>(), ["macro.rental.all_of"]);
    insta::assert_snapshot!(found.join("\n"), @r"
    1:4 config(tags='a')
    2:4 all_of('userz')
    2:31 ref('trips')
    3:4 source('rental', 'x')
    3:48 ref('rental', 'users', v=2)
    ");
}

#[test]
fn macro_files_are_checked_when_they_are_read() {
    let project = project(&[
        ("macros/a.sql", "{% macro a() %}{% endmacro %}"),
        ("macros/b.sql", "{% macro b() %}\n  {% if x %}{% endmacro %}"),
        ("macros/c.sql", "\n{% macro a() %}{% endmacro %}"),
        ("macros/d.sql", "{% test positive(model, column_name) %}select 1{% endtest %}"),
        ("macros/e.sql", "{% materialization mine, adapter='spark' %}\n {{ nope }}\n{% endmaterialization %}"),
    ]);
    let told: Vec<String> = project.diagnostics.0.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    macros/b.sql:2:16 invalid-template: the template does not parse: unknown statement endmacro
      help: a tag is `{{ … }}`, `{% … %}` or `{# … #}`; `{% raw %}…{% endraw %}` writes one as it is
    macros/c.sql:2:10 duplicate-name: two macros are named `a`: the other one is at macros/a.sql:1:10
    ");
    let templates = &project.templates;
    assert_eq!(templates.generic_test("rental", None, "positive").as_deref(), Some("macro.rental.test_positive"));
    assert_eq!(templates.generic_test("rental", None, "negative"), None);
    assert_eq!(templates.finds("rental", None, "a").as_deref(), Some("macro.rental.a"));
    assert_eq!(templates.finds("rental", Some("dbt"), "type_string").as_deref(), Some("macro.dbt.type_string"));
    assert_eq!(templates.materialization("mine").unwrap().to_string(), "macros/e.sql:1:20");
}

#[test]
fn the_compiler_calls_macros() {
    let project = project(&[(
        "macros/t.sql",
        "{% test positive(model, column_name, at_least=0) %}
           {{ config(severity='warn') }}select * from {{ model }} where {{ column_name }} < {{ at_least }}{% endtest %}
         {% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name or target.schema }}{% endmacro %}
         {% macro fails(model) %}{{ exceptions.raise_compiler_error('no ' ~ model) }}{% endmacro %}",
    )]);
    let location = Location::line("models/x.yml", 7);
    let call = |name: &str, arguments: Value, raw: &[(&str, &str)]| {
        let arguments = arguments.as_object().unwrap().clone();
        let call = MacroCall {
            package: "rental",
            namespace: None,
            name,
            arguments: &arguments,
            raw,
            this: None,
            location: &location,
        };
        project.templates.call(call, &project.world, Phase::Compile)
    };
    let test =
        call("test_positive", json!({"column_name": "n"}), &[("model", "get_where_subquery(ref('users'))")]).unwrap();
    assert_eq!(test.text.trim(), "select * from `silver`.`users` where n < 0");
    assert_eq!(test.calls.len(), 2);
    assert_eq!(
        test.macros.iter().map(String::as_str).collect::<Vec<_>>(),
        ["macro.dbt.default__get_where_subquery", "macro.dbt.get_where_subquery", "macro.rental.test_positive"]
    );
    let named = call("generate_schema_name", json!({"custom_schema_name": "gold", "node": null}), &[]).unwrap();
    assert_eq!(named.text, "gold");
    let wrong = |wrong: Unrendered| match wrong {
        Unrendered::Wrong(diagnostic) => told(&diagnostic),
        Unrendered::Later(needs) => panic!("{needs:?}"),
    };
    insta::assert_snapshot!(wrong(call("fails", json!({}), &[("model", "ref('users')")]).unwrap_err()));
    insta::assert_snapshot!(wrong(call("test_positive", json!({"colum": "n"}), &[]).unwrap_err()));
    insta::assert_snapshot!(wrong(call("fails", json!({}), &[("model", "rf('users')")]).unwrap_err()));
}

#[test]
fn dialect_blocks_are_cut_out() {
    let text =
        "{% snapshot s1 %}\n{{ config(x=1) }}select 1\n{% endsnapshot %}\n\n{%- snapshot s2 -%}b{% endsnapshot %}";
    let found: Vec<(String, &str)> =
        blocks(text, "snapshot").into_iter().map(|block| (block.name, &text[block.body])).collect();
    assert_eq!(found, [("s1".into(), "\n{{ config(x=1) }}select 1\n"), ("s2".into(), "b")]);
    let docs = "{% docs a %} {{ not closed {% enddocs %}\n{% docs b %}x{% enddocs %}";
    let found: Vec<(String, &str)> =
        blocks(docs, "docs").into_iter().map(|block| (block.name, &docs[block.body])).collect();
    assert_eq!(found, [("a".into(), " {{ not closed "), ("b".into(), "x")]);
}
