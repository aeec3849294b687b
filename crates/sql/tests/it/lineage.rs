//! Which columns a query's columns are made of.

use std::fmt::Write;

use headwater_plan::{ColumnInput, InputKind};
use headwater_sql::SparkSql;

use crate::tables::Tables;

fn lineage(queries: &[&str]) -> String {
    let mut text = String::new();
    for sql in queries {
        let query =
            SparkSql::for_checking().plan(sql, &Tables::rental()).unwrap_or_else(|errors| panic!("{sql}: {errors:?}"));
        let lineage = query.lineage();
        writeln!(text, "{sql}").unwrap();
        for column in &lineage.columns {
            writeln!(text, "  {} <- {}", column.name, shown(&column.inputs)).unwrap();
        }
        writeln!(text, "  rows <- {}\n", shown(&lineage.rows)).unwrap();
    }
    text
}

fn shown(inputs: &[ColumnInput]) -> String {
    let shown = inputs.iter().map(|input| {
        let kind = match input.kind {
            InputKind::Identity => "=",
            InputKind::Transformation => "~",
            InputKind::Aggregation => "+",
            InputKind::Indirect => "?",
        };
        format!("{kind}{}.{}", input.relation, input.column)
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn columns_and_rows() {
    insta::assert_snapshot!(lineage(&[
        "select user_id, upper(email) as Mail, 1 as one from bronze.users where first_name is not null",
        "select * from silver.named",
        "with a as (select user_id as id, sum(total_amount) as total from bronze.rentals where pickup_location = 1 \
         group by user_id) select u.Email, a.total * 2 as doubled from a join bronze.users u on u.user_id = a.id",
        "select user_id from bronze.users union all select vehicle_id from bronze.rentals",
        "select distinct user_id from bronze.users",
        "select user_id, row_number() over (partition by vehicle_id order by rental_start_time) as n from bronze.rentals",
        "select user_id from bronze.rentals order by total_amount desc limit 3",
        "select user_id from bronze.rentals order by total_amount desc",
        "select user_id, (select max(r.total_amount) from bronze.rentals r where r.user_id = u.user_id) as most \
         from bronze.users u",
        "select user_id from bronze.users u where exists (select 1 from bronze.rentals r where r.user_id = u.user_id)",
        "select user_id from bronze.users where user_id in (select user_id from bronze.rentals where total_amount > 5)",
        "select vehicle_id, pickup_location, sum(total_amount) as s from bronze.rentals \
         group by rollup(vehicle_id, pickup_location)",
        "select user_id from bronze.users intersect select user_id from bronze.rentals",
        "select case when total_amount > 5 then user_id else vehicle_id end as x, total_amount / sum(total_amount) over () \
         as share from bronze.rentals",
        "select user_id, count(*) as n from bronze.rentals group by user_id having max(total_amount) > 3",
        "select coalesce(u.user_id, r.user_id) as id, pickup_location from bronze.users u \
         full outer join bronze.rentals r on u.user_id = r.user_id",
    ]));
}
