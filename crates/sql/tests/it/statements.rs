//! Statements that change a table: what they are made of, and what is wrong with those that are wrong.

use std::fmt::Write;

use headwater_sql::{SparkSql, TypedStatement};

use crate::errors::told;
use crate::tables::Tables;

fn statements(all: &[&str]) -> String {
    let mut text = String::new();
    for sql in all {
        match SparkSql::for_checking().statement(sql, &Tables::rental()) {
            Ok(TypedStatement::Insert { target, query, overwrite }) => {
                writeln!(text, "{sql}\n  {target}, overwrite: {overwrite}, reads: {:?}", query.reads).unwrap();
                for field in &query.schema.fields {
                    writeln!(text, "    {} {}", field.name, field.data_type).unwrap();
                }
                text.push('\n');
            }
            Ok(statement) => writeln!(text, "{sql}\n{statement:#?}\n").unwrap(),
            Err(errors) => writeln!(text, "{}", told(sql, errors)).unwrap(),
        }
    }
    text
}

#[test]
fn inserts() {
    insta::assert_snapshot!(statements(&[
        "insert into bronze.users values ('a', 'Ann', 'ann@x.org'), ('b', null, null);",
        "insert into table bronze.users (email, user_id) select 'x', user_id from bronze.rentals",
        "insert into bronze.users by name select user_id, 5 as email from bronze.rentals",
        "insert overwrite bronze.users (select user_id, '', '' from silver.named)",
        "insert overwrite table bronze.users with a as (select 'q' as x) select x, x, x from a",
        // what is wrong
        "insert into bronze.users values ('a')",
        "insert into bronze.users (user_id, mail) values ('a', 'b')",
        "insert into bronze.users (user_id, user_id) values ('a', 'b')",
        "insert into bronze.users (user_id) values ('a', 'b')",
        "insert into bronze.rentals (total_amount) values ('12')",
        "insert into bronze.users by name select user_id as id from bronze.users",
        "insert into bronze.user values (1)",
        "insert into silver.named values ('a', 'b')",
        "insert into bronze.users partition (user_id = 'a') select 1",
        "insert into bronze.users select nothing from bronze.users",
        "insert bronze.users values (1)",
        "insert overwrite directory '/tmp/x' select 1",
    ]));
}

#[test]
fn deletes_and_updates() {
    insta::assert_snapshot!(statements(&[
        "delete from bronze.users",
        "delete from bronze.users as u where u.user_id in (select user_id from bronze.rentals) -- gone",
        "update bronze.rentals r set r.total_amount = total_amount + 1, pickup_location = 5L where (user_id = 'a' or true)",
        // what is wrong
        "delete from bronze.users where usr_id = 'a'",
        "delete from bronze.users where user_id",
        "delete from bronze.users where user_id = 'a' limit 3",
        "update bronze.rentals set total_amount = 'x', nothing = 1",
        "update bronze.rentals r set x.total_amount = 1, total_amount = 2, total_amount = 3",
        "update bronze.rentals set total_amount = sum(total_amount)",
        "update bronze.rentals set pickup_location = row_number() over (order by user_id)",
        "update bronze.rentals set total_amount = (select max(total_amount) from bronze.rentals)",
        "update bronze.rentals set total_amount = default",
        "update bronze.rentals set total_amount = 1 from bronze.users",
        "update bronze.rentals",
    ]));
}

#[test]
fn merges() {
    insta::assert_snapshot!(statements(&[
        "merge into bronze.users u using (select user_id, email from silver.named) as s on u.user_id = s.user_id\n\
         when matched and s.email is null then delete\n\
         when matched then update set email = s.email, u.first_name = case when true then 'a' else 'b' end\n\
         when not matched and s.user_id <> 'x' then insert (user_id, email) values (s.user_id, 5)\n\
         when not matched by source and u.email = 'old' then delete",
        "merge into bronze.users using bronze.users as s on users.user_id = s.user_id\n\
         when matched then update set * when not matched then insert *",
        // what is wrong
        "merge into bronze.users u using silver.named s on u.user_id = s.id when matched then delete",
        "merge into bronze.users u using silver.named s on u.user_id = s.user_id when not matched then insert *",
        "merge into bronze.users u using silver.named s on u.user_id = s.user_id \
         when not matched then insert (user_id) values (u.user_id)",
        "merge into bronze.users u using silver.named s on u.user_id = s.user_id \
         when matched then delete when matched then update set email = 1",
        "merge into bronze.users u using silver.named s on u.user_id = s.user_id \
         when matched then update set email = email when not matched by source then update set *",
        "merge into bronze.users u using silver.named s on u.user_id = s.user_id",
        "merge into bronze.users u using silver.named s on u.user_id = s.user_id when matched then insert *",
    ]));
}

#[test]
fn other_statements_are_refused_by_name() {
    insta::assert_snapshot!(statements(&[
        "create table bronze.x as select 1",
        "drop table bronze.users",
        "alter table bronze.users add column x int",
        "grant select on bronze.users to everyone",
        "optimize bronze.users zorder by user_id",
        "vacuum bronze.users",
        "analyze table bronze.users compute statistics",
        "set x = 1",
        "selct 1",
        "",
    ]));
}
