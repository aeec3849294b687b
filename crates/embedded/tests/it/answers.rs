//! Rows as JSON values, as a template gets them.

use headwater_plan::Code;
use serde_json::json;

use crate::world::{World, block_on};

#[test]
fn cells_are_exact_and_as_people_read_them() {
    block_on(async {
        let world = World::new().await;
        let sql = "select 7 as i, cast(9223372036854775807 as bigint) as l, 1.50 as d, \
                   cast(12345678901234567890.123456789 as decimal(38, 9)) as wide, cast(0.1 as double) as f, \
                   cast('NaN' as double) as n, true as b, 'x' as s, cast(null as string) as nothing, \
                   date '2024-05-01' as day, timestamp '2024-05-01 12:00:00' as noon, \
                   timestamp '2024-05-01 12:00:00.25' as later";
        let (schema, rows) = world.engine.rows(sql).await.unwrap();
        assert_eq!(schema.names().collect::<Vec<_>>().join(" "), "i l d wide f n b s nothing day noon later");
        let expected = json!([[
            7,
            9_223_372_036_854_775_807_i64,
            1.5,
            "12345678901234567890.123456789",
            0.1,
            "NaN",
            true,
            "x",
            null,
            "2024-05-01",
            "2024-05-01 12:00:00",
            "2024-05-01 12:00:00.25"
        ]]);
        assert_eq!(serde_json::to_value(rows).unwrap(), expected);
    });
}

#[test]
fn an_answer_has_its_errors_and_its_limit() {
    block_on(async {
        let world = World::new().await;
        let wrong = world.engine.rows("select nowhere from (select 1 as a) t").await.unwrap_err();
        assert_eq!(wrong.code, Code::UnknownColumn);
        assert_eq!(wrong.location.unwrap().file.to_str(), Some("<query>"));
        let ten = "(select 0 union all select 1 union all select 2 union all select 3 union all select 4 union all \
                   select 5 union all select 6 union all select 7 union all select 8 union all select 9)";
        let many = format!(
            "select 1 as n from {}",
            [ten; 6]
                .iter()
                .enumerate()
                .map(|(at, ten)| format!("{ten} t{at}"))
                .collect::<Vec<_>>()
                .join(" cross join ")
        );
        let refused = world.engine.rows(&many).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: the query gives more than 100000 rows, and a template may ask for at most so many
          help: ask for fewer: a `limit`, an aggregate, or `select distinct`
        ");
    });
}
