//! What the user reads when a query is wrong: code, place, message, help.

use std::fmt::Write;

use headwater_plan::{DataType, Field, Schema};
use headwater_sql::{SparkSql, SqlError};

use crate::tables::Tables;

/// All errors of a query, with the text that each of them points at.
fn errors(sql: &str) -> String {
    told(sql, SparkSql::for_checking().plan(sql, &Tables::rental()).expect_err(sql))
}

pub(crate) fn told(sql: &str, errors: Vec<SqlError>) -> String {
    let mut text = format!("{}\n", sql.trim());
    for error in errors {
        let place = error.position.map_or_else(String::new, |at| {
            let line = sql.lines().nth(at.line as usize - 1).unwrap_or_default();
            let meant: String = line.chars().skip(at.column as usize - 1).take(at.length as usize).collect();
            format!("{}:{} `{meant}` ", at.line, at.column)
        });
        writeln!(text, "  {place}[{}] {}", error.code, error.message).unwrap();
        if let Some(help) = error.help {
            writeln!(text, "    help: {help}").unwrap();
        }
    }
    text
}

/// All errors of a condition over one row, with the text that each of them points at.
fn condition_errors(condition: &str) -> String {
    let columns = Schema::new(vec![
        Field::new("id", DataType::String),
        Field::new("amount", DataType::Decimal { precision: 12, scale: 2 }),
        Field::new("ended", DataType::Date),
    ]);
    let errors = match SparkSql::for_checking().condition(condition, &columns) {
        Ok(_) => return format!("{condition}\n  right\n"),
        Err(errors) => errors,
    };
    told(condition, errors)
}

#[test]
fn conditions() {
    let conditions = [
        "amount >= 0 and ended is not null",
        "amount >= 0 -- nothing hides behind a comment",
        "amount\n  between 0 and\n  amuont",
        "`AMOUNT` in (1, 2.5)",
        "id rlike '^[A-Z]+$'",
        "amount",
        "null",
        "",
        "amount >",
        "(amount > 0",
        "amount > 0) or (id = 'a'",
        "amount > 0, id = 'a'",
        "amount > 0 as other",
        "amount > 0 from users",
        "amount > 0; select 1",
        "*",
        "row.amount > 0",
        "sum(amount) > 0",
        "sum(amount) over () > 0",
        "amount > (select 1)",
        "exists (select 1)",
    ];
    let all: Vec<String> = conditions.into_iter().map(condition_errors).collect();
    insta::assert_snapshot!(all.join("\n"));
}

fn all(queries: &[&str]) -> String {
    queries.iter().map(|query| errors(query)).collect::<Vec<_>>().join("\n")
}

#[test]
fn syntax() {
    insta::assert_snapshot!(all(&[
        "",
        "selct 1",
        "select 1 from",
        "select (1 + 2",
        "select 1 +",
        "select a b c from bronze.users",
        "select 'never closed",
        "select `never closed",
        "select 1 /* never closed",
        "select 1; select 2",
        "select count(* from bronze.users",
        "insert into bronze.users select * from bronze.rentals",
        "create table x as select 1",
        "with x as (select 1) insert into y select * from x",
        "select 1 where",
        "select user_id from bronze.users group user_id",
        "select 5x",
    ]));
}

#[test]
fn names() {
    insta::assert_snapshot!(all(&[
        "select total_amnt from bronze.rentals",
        "select usr_id, totl_amount,\n  vehicle_idd\nfrom bronze.rentals where pickup = 1",
        "select r.total from bronze.rentals r",
        "select x.user_id from bronze.rentals r",
        "select bronze.user_id from bronze.rentals r",
        "select user_id from bronze.rentals r join bronze.users u on r.user_id = u.user_id",
        "select user_id from bronze.rentals r join bronze.users u on r.user_id = u.id",
        "select * from bronze.rental",
        "select * from rentals",
        "select * from a.b.c",
        "with r as (select 1 as x) select y from r",
        "with r as (select 1 as x) select * from q",
        "select nope.* from bronze.users",
        "select * except (nope) from bronze.users",
        "select sums(total_amount) from bronze.rentals",
        "select date_bin('1 day', rental_start_time) from bronze.rentals",
        "select to_char(rental_start_time, 'YYYY') from bronze.rentals",
        "select case(1)",
        "select user_id from bronze.users u where exists (select 1 from bronze.rentals r where r.user_id = u.usr_id)",
        "select sum(total_amount) over w from bronze.rentals",
        "select id from bronze.users join bronze.rentals using (id)",
        "select user_id as a, first_name as A from bronze.users",
        "select email.x from bronze.users",
        "select user_id from bronze.users order by nope, 3",
        "select user_id from bronze.users group by 2",
        "with x as (select 1 as a), X as (select 2 as a) select * from x",
        "select * from silver.named where nope = 1",
    ]));
}

#[test]
fn grouping() {
    insta::assert_snapshot!(all(&[
        "select user_id, sum(total_amount) from bronze.rentals",
        "select user_id, vehicle_id, count(*) from bronze.rentals group by user_id",
        "select user_id, count(*) from bronze.rentals group by user_id having vehicle_id = 'x'",
        "select user_id from bronze.rentals where sum(total_amount) > 5",
        "select sum(sum(total_amount)) from bronze.rentals",
        "select user_id from bronze.rentals group by sum(total_amount)",
        "select user_id from bronze.rentals where row_number() over (order by user_id) = 1",
        "select row_number() from bronze.rentals",
        "select row_number() over (partition by user_id) from bronze.rentals",
        "select upper(user_id) over () from bronze.rentals",
        "select user_id, count(*) as n from bronze.rentals group by user_id order by vehicle_id",
    ]));
}

#[test]
fn types() {
    insta::assert_snapshot!(all(&[
        "select rental_start_time + 1 from bronze.rentals",
        "select rental_end_time - rental_start_time from bronze.rentals",
        "select user_id from bronze.rentals where total_amount",
        "select user_id from bronze.rentals where rental_start_time = 5",
        "select sum(rental_start_time), avg(pickup_location = 1) from bronze.rentals",
        "select round(), upper(user_id, 1), substring(user_id) from bronze.rentals",
        "select case when pickup_location then 1 end from bronze.rentals",
        "select case when true then 1 else rental_start_time end from bronze.rentals",
        "select cast(rental_start_time as boolean), cast(user_id as strin) from bronze.rentals",
        "select user_id * user_id from bronze.rentals",
        "select date_format(rental_start_time, 'YYYY-MM-dd') from bronze.rentals",
        "select date_trunc('mnth', rental_start_time) from bronze.rentals",
        "select extract(mnth from rental_start_time) from bronze.rentals",
        "select timestampdiff(SECNDS, rental_start_time, rental_end_time) from bronze.rentals",
        "select user_id from bronze.rentals union all select user_id, email from bronze.users",
        "select rental_start_time as x from bronze.rentals union all select 1 as x",
        "select user_id from bronze.rentals where pickup_location in (select rental_start_time from bronze.rentals)",
        "select user_id from bronze.rentals where pickup_location = (select user_id, email from bronze.users)",
        "select date '2024-02-30'",
        "select regexp_replace(user_id, '(?<=a)b', '') from bronze.rentals",
        "select coalesce(total_amount, rental_start_time) from bronze.rentals",
        "select pickup_location in ('a', true) from bronze.rentals",
        "select not pickup_location from bronze.rentals",
        "select interval 1 day",
        "select row_number(1) over (order by user_id), lag() over (order by user_id) from bronze.rentals",
        "select cast(user_id as array<string>), user_id::decimal(99, 2) from bronze.rentals",
        "select rental_start_time + interval 5 parsecs from bronze.rentals",
    ]));
}

#[test]
fn refused_by_name() {
    insta::assert_snapshot!(all(&[
        "select * from bronze.users tablesample (10 percent)",
        "select * from bronze.users version as of 3",
        "with recursive x as (select 1 as n union all select n + 1 from x) select * from x",
        "select * from bronze.users pivot (count(*) for user_id in (select user_id from bronze.users))",
        "select * from bronze.users unpivot (x for y in (user_id, email))",
        "select * from bronze.users, lateral (select 1)",
        "select * from json_tuple('{}', 'a')",
        "select user_id 'x' from bronze.users",
        "select user_id from bronze.users limit -1",
        "select user_id from bronze.users intersect all select user_id from bronze.rentals",
        "select (1, 2) in ((1, 2))",
        "select from_json('{}', 'a int')",
        "select x'1F'",
        "select regexp_replace(user_id, first_name, 'x') from bronze.users",
        "select max_by(user_id, email) over () from bronze.users",
        "select transform(array(1), x -> (select 1))",
        "select count(distinct user_id) over () from bronze.users",
        "select user_id from bronze.users u where first_name = \
         (select email from bronze.users i where i.user_id = u.user_id limit 1)",
    ]));
}

#[test]
fn nested_values() {
    insta::assert_snapshot!(all(&[
        "select user_id[0] from bronze.users",
        "select user_id.name from bronze.users",
        "select named_struct('first', 1).frist",
        "select array(1, true)",
        "select array(1)[true]",
        "select map(1, 'a')[true]",
        "select size(user_id) from bronze.users",
        "select array_contains(array(1), null)",
        "select array_join(user_id, ',') from bronze.users",
        "select sequence(date'2024-01-01', date'2024-02-01', 3)",
        "select cast('a' as array<int>)",
        "select cast(array(1) as array<date>)",
        "select percentile(total_amount, 2) from bronze.rentals",
        "select percentile_cont(0.5) from bronze.rentals",
        "select grouping(user_id) from bronze.users group by user_id",
    ]));
}

#[test]
fn functions_that_take_a_function() {
    insta::assert_snapshot!(all(&[
        "select transform(array(1, 2), x -> y)",
        "select transform(array(true), x -> x - 1)",
        "select transform(array(1), 5)",
        "select transform(user_id, x -> x) from bronze.users",
        "select transform(array(1), (a, b, c) -> a)",
        "select filter(array(1), x -> x + 1)",
        "select aggregate(array(1), 0, (s, x) -> s + x * 1.5)",
        "select aggregate(array(1), 0, x -> x)",
        "select upper(x -> x)",
        "select nothing(array(1), x -> x)",
    ]));
}

#[test]
fn functions_that_make_rows() {
    insta::assert_snapshot!(all(&[
        "select explode(user_id) from bronze.users",
        "select 1 + explode(array(1))",
        "select explode(array(1)), explode(array(2))",
        "select explode(map('a', 1))",
        "select explode(array(1)) as (a, b)",
        "select inline(array(struct(1)))",
        "select user_id from bronze.users where explode(array(1)) = 1",
        "select explode(array(user_id)) as u, upper(u) from bronze.users",
        "select x from bronze.users lateral view explode(split(nothing, ',')) t as x",
        "select x from bronze.users lateral view upper(user_id) t as x",
        "select t.y from bronze.users lateral view explode(split(user_id, ',')) t as x",
        "select stack(0, 1)",
        "select id from range(true)",
        "select * from (select * from bronze.users) pivot (upper(email) for user_id in ('a'))",
        "select * from bronze.users pivot (count(emial) for user_id in ('a'))",
    ]));
}
