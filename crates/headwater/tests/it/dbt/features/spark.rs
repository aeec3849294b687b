//! Spark's meaning where models touch it: what comes out, and what is refused by name.

use super::{keep, project};

/// The query of each model, and what Spark 4 answers.
const QUERIES: &[(&str, &str)] = &[
    ("nulls come first, and last when descending", "select x from values (2), (null), (1) as t(x) order by x"),
    ("nulls descending", "select x from values (2), (null), (1) as t(x) order by x desc"),
    ("division gives fractions", "select 7 / 2 as a, 7 div 2 as b, -7 div 2 as c, -7 % 3 as d, 1.0 / 3 as e"),
    (
        "decimals keep their precision",
        "select cast(1.10 as decimal(4,2)) * cast(2.5 as decimal(3,1)) as product, cast(1 as decimal(10,2)) / 3 as quotient, sum(cast(0.1 as decimal(3,1))) as total from range(3)",
    ),
    (
        "casts",
        "select cast('2024-02-29' as date) as a, try_cast('x' as int) as b, cast(3.7 as int) as c, cast('  42 ' as int) as d, cast(true as int) as e",
    ),
    (
        "time zones",
        "select cast(timestamp '2024-07-01 12:00:00' as string) as a, cast(from_utc_timestamp(timestamp '2024-07-01 12:00:00', 'Europe/Berlin') as string) as b, cast(to_utc_timestamp(timestamp '2024-01-01 12:00:00', 'America/New_York') as string) as c",
    ),
    (
        "dates and times from texts",
        "select cast(to_timestamp('03.05.2024 8:30', 'dd.MM.yyyy H:mm') as string) as a, to_date('2024/12/31', 'yyyy/MM/dd') as b, cast(timestamp '2024-05-03T08:30:00Z' as string) as c",
    ),
    (
        "patterns",
        "select date_format(timestamp '2024-05-03 08:05:09', 'EEEE, d MMMM yyyy') as a, date_format(timestamp '2024-05-03 20:05:09', 'hh:mm a, D, Q') as b, date_format(date '2024-05-03', 'yy-MM') as c",
    ),
    (
        "distinct pairs are counted",
        "select count(distinct a, b) as pairs, count(distinct a) as ones from values (1, 1), (1, 1), (1, 2), (2, null) as t(a, b)",
    ),
    (
        "qualify",
        "select g, x from values ('a', 1), ('a', 2), ('b', 3) as t(g, x) qualify row_number() over (partition by g order by x desc) = 1 order by g",
    ),
    (
        "lateral view and explode",
        "select t.id, e.word from values (1, array('x', 'y')), (2, array('z')) as t(id, words) lateral view explode(words) e as word order by 1, 2",
    ),
    ("explode with positions", "select posexplode(array('x', 'y')) as (at, word)"),
    (
        "names in any case, and backticks",
        "select ID, `Name with space` from (select 1 as id, 'a' as `name WITH space`)",
    ),
    (
        "intervals and dates",
        "select date '2024-01-31' + interval 1 month as a, datediff(date '2024-03-01', date '2024-02-01') as b, cast(timestamp '2024-01-01 00:00:00' + interval 90 minutes as string) as c",
    ),
];

#[test]
fn what_comes_out() {
    let project = project(&[]);
    for (number, (_, query)) in QUERIES.iter().enumerate() {
        project
            .write(&format!("models/q{number:02}.sql"), &format!("{{{{ config(materialized='table') }}}}\n{query}\n"));
    }
    let mut told = String::new();
    for (what, query) in QUERIES {
        told += &format!("-- {what}\n{query}\n{}\n", project.output(&["query", query]));
    }
    // Models are typed the same way, before anything is read.
    told += &project.says(&["check"]);
    insta::with_settings!({ snapshot_path => "../snapshots/features", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("spark_means", told);
    });
}

#[test]
fn what_fails_while_it_runs() {
    let project = project(&[
        (
            "models/number.sql",
            "{{ config(materialized='table') }}\nselect cast(status as int) as number from {{ ref('orders') }}\n",
        ),
        (
            "models/zero.sql",
            "{{ config(materialized='table') }}\nselect amount / (id - 1) as share from {{ ref('orders') }}\n",
        ),
        (
            "models/large.sql",
            "{{ config(materialized='table') }}\nselect cast(amount as decimal(3,2)) as amount from {{ ref('orders') }}\n",
        ),
        (
            "models/day.sql",
            "{{ config(materialized='table') }}\nselect cast('2024-13-01' || status as date) as day from {{ ref('orders') }}\n",
        ),
    ]);
    keep("spark_fails", &project, &super::session(&project, &[&["build"]]));
}

#[test]
fn distinct_counts_change_no_sums() {
    let project = project(&[(
        "models/m.sql",
        "{{ config(materialized='table') }}\nselect customer, count(distinct id) as orders, sum(cast(amount as decimal(16,2))) as amount from {{ ref('orders') }} group by customer\n",
    )]);
    super::tell(
        "distinct_counts_change_no_sums",
        &project,
        &[&["build"], &["query", "select * from main.m order by customer"]],
    );
}

#[test]
fn merge_is_a_statement() {
    let project = project(&[(
        "models/stock.sql",
        "{{ config(materialized='table', post_hook=\"merge into {{ this }} t using {{ ref('orders') }} s on t.id = s.id when matched and s.status = 'paid' then update set t.amount = s.amount when matched then delete when not matched then insert (id, amount) values (s.id, 0)\") }}\nselect id, cast(0.5 as decimal(4,2)) as amount from {{ ref('orders') }} where id < 3\n",
    )]);
    super::tell("merge_is_a_statement", &project, &[&["build"], &["query", "select * from main.stock order by id"]]);
}

#[test]
fn what_is_refused() {
    let mut told = String::new();
    let project = project(&[("models/m.sql", "")]);
    for query in [
        "select * from (select 1 as a, 2 as b) unpivot (v for k in (a, b))",
        "select from_json('{}', 'a int') as x",
        "select 1 as a intersect all select 1",
        "select * from {{ ref('orders') }} tablesample (10 percent)",
        "select count(distinct id) over (partition by status) as n from {{ ref('orders') }}",
        "create table x as select 1 as a",
        "select no_such_function(id) as x from {{ ref('orders') }}",
        "select ids from {{ ref('orders') }}",
        "select id + ordered_on as x from {{ ref('orders') }}",
        "select array(id) + 1 as x from {{ ref('orders') }}",
        "select id from {{ ref('orders') }} group by status",
        "select id, from {{ ref('orders') }} where",
    ] {
        project.write("models/m.sql", query);
        told += &format!("-- {query}\n{}\n", project.says(&["check"]));
    }
    keep("spark_refuses", &project, &told);
}
