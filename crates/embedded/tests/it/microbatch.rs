//! Models that are built span by span of event time.

use chrono::{DateTime, Utc};
use headwater_plan::{BatchSize, Node, StepReport, Strategy};

use crate::increments::{Row, by_day, events, giving, january, microbatch, model, row, rows, run_at, things, with};
use crate::statements::{hooked, log, says, with_log};
use crate::world::{World, block_on};

fn daily(lookback: u32) -> Node {
    by_day(model(Strategy::Microbatch(microbatch(BatchSize::Day, lookback))))
}

fn asked(node: Node, from: DateTime<Utc>, to: DateTime<Utc>) -> Node {
    with(node, |incremental| {
        if let Strategy::Microbatch(microbatch) = &mut incremental.strategy {
            microbatch.asked = Some((from, to));
        }
    })
}

fn spans(report: &StepReport) -> (u64, u64, String) {
    let spans = report.spans.unwrap();
    (spans.count, spans.done_before, format!("{} to {}", spans.from.format("%m-%d %H"), spans.to.format("%m-%d %H")))
}

#[test]
fn spans_are_built_from_the_beginning_until_now() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two"), row(4, 4, "four"), row(9, 9, "of the future")]).await;
        let report = run_at(&world, &daily(1), january(4, 13)).await.unwrap();
        assert_eq!(spans(&report), (4, 0, "01-01 00 to 01-05 00".to_owned()));
        assert_eq!((report.rows.read, report.rows.written), (4, 3));
        assert_eq!(rows(&world).await, ["1 1 one", "2 2 two", "4 4 four"]);

        // A late row of the second day, one of the third, which the look back reaches, and a new one.
        let later = [
            row(1, 1, "changed"),
            row(2, 2, "two"),
            row(22, 2, "late"),
            row(33, 3, "late"),
            row(4, 4, "FOUR"),
            row(5, 5, "five"),
        ];
        events(&world, &later).await;
        let report = run_at(&world, &daily(1), january(5, 1)).await.unwrap();
        assert_eq!(spans(&report), (3, 0, "01-03 00 to 01-06 00".to_owned()));
        assert_eq!(rows(&world).await, ["1 1 one", "2 2 two", "4 4 FOUR", "5 5 five", "33 3 late"]);

        // The days that the user asks for, whatever the time.
        let second = asked(daily(1), january(2, 0), january(3, 0));
        let report = run_at(&world, &second, january(9, 0)).await.unwrap();
        assert_eq!(spans(&report), (1, 0, "01-02 00 to 01-03 00".to_owned()));
        assert_eq!(rows(&world).await, ["1 1 one", "2 2 two", "4 4 FOUR", "5 5 five", "22 2 late", "33 3 late"]);
        // They are not the newest: the next run begins where it would have.
        let report = run_at(&world, &daily(0), january(6, 1)).await.unwrap();
        assert_eq!(spans(&report), (2, 0, "01-05 00 to 01-07 00".to_owned()));
    });
}

#[test]
fn a_table_of_something_else_is_gone_on_with_from_its_newest_row() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(3, 3, "three")]).await;
        world.run(&by_day(model(Strategy::Append))).await.unwrap();
        events(&world, &[row(1, 1, "ONE"), row(3, 3, "THREE"), row(4, 4, "four")]).await;
        let report = run_at(&world, &daily(0), january(4, 1)).await.unwrap();
        assert_eq!(spans(&report), (2, 0, "01-03 00 to 01-05 00".to_owned()));
        assert_eq!(rows(&world).await, ["1 1 one", "3 3 THREE", "4 4 four"]);
    });
}

#[test]
fn a_span_replaces_its_rows_in_files_of_several() {
    block_on(async {
        let world = World::new().await;
        // One file of three days, which hours cut through.
        let of = |day, hour, name: &str| Row { hour, ..row(i64::from(day * 100 + hour), day, name) };
        events(&world, &[of(1, 0, "a"), of(1, 1, "b"), of(1, 2, "c"), of(2, 0, "d")]).await;
        world.run(&model(Strategy::Append)).await.unwrap();
        let hourly = model(Strategy::Microbatch(microbatch(BatchSize::Hour, 0)));
        events(&world, &[of(1, 0, "A"), of(1, 1, "B"), of(1, 2, "C"), of(2, 0, "D")]).await;
        let node = asked(hourly, january(1, 1), january(1, 2));
        let report = run_at(&world, &node, january(3, 0)).await.unwrap();
        assert_eq!((report.rows.written, spans(&report).0), (1, 1));
        assert_eq!(rows(&world).await, ["100 1 a", "101 1 B", "102 1 c", "200 2 d"]);
    });
}

#[test]
fn a_full_refresh_begins_at_the_beginning() {
    block_on(async {
        let mut world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two"), row(3, 3, "three")]).await;
        run_at(&world, &daily(0), january(3, 5)).await.unwrap();
        events(&world, &[row(1, 1, "ONE"), row(3, 3, "THREE")]).await;
        world.full_refresh = true;
        let report = run_at(&world, &daily(0), january(2, 5)).await.unwrap();
        assert_eq!(spans(&report), (2, 0, "01-01 00 to 01-03 00".to_owned()));
        assert_eq!(rows(&world).await, ["1 1 ONE"]);
        world.full_refresh = false;
        let report = run_at(&world, &daily(0), january(3, 5)).await.unwrap();
        assert_eq!(spans(&report), (2, 0, "01-02 00 to 01-04 00".to_owned()), "the newest is that of the refresh");
        assert_eq!(rows(&world).await, ["1 1 ONE", "3 3 THREE"]);
    });
}

#[test]
fn a_run_that_is_cut_off_goes_on_where_it_stopped() {
    block_on(async {
        let world = World::new().await;
        let history: Vec<_> = (1..=9).map(|day| row(i64::from(day), day, "x")).collect();
        events(&world, &history).await;
        // The sixth day's query fails.
        let sql = "select id, at, day, name from `bronze`.`events`";
        let failing = format!("select id, at, day, if(day = 6, cast('x' as int), 1) || name as name from ({sql})");
        let failing = with(daily(0), |incremental| incremental.full.sql = failing);
        run_at(&world, &failing, january(9, 3)).await.unwrap_err();
        assert_eq!(world.query("select max(day) from gold.things").await, ["5"]);
        assert_ne!(crate::world::built(&world.state(&failing).await.unwrap()).fingerprint, failing.fingerprint);

        let report = run_at(&world, &daily(0), january(9, 4)).await.unwrap();
        assert_eq!(spans(&report).2, "01-06 00 to 01-10 00");
        assert_eq!(rows(&world).await.len(), 9);
        assert_eq!(crate::world::built(&world.state(&failing).await.unwrap()).fingerprint, failing.fingerprint);

        // The same with a look back over all: what was done is not done again.
        let again = Row { name: "y".into(), ..row(1, 1, "") };
        let history: Vec<_> = [again].into_iter().chain((2..=9).map(|day| row(i64::from(day), day, "z"))).collect();
        events(&world, &history).await;
        let failing = giving(
            daily(20),
            "select id, at, day, if(day = 4, cast('x' as int), 1) || name as name from `bronze`.`events`",
            Default::default(),
        );
        run_at(&world, &failing, january(9, 5)).await.unwrap_err();
        let report = run_at(&world, &daily(20), january(9, 6)).await.unwrap();
        assert_eq!(spans(&report), (6, 3, "01-04 00 to 01-10 00".to_owned()));
        assert_eq!(rows(&world).await[..2], ["1 1 1y", "2 2 1z"], "by the query that was cut off");
        // Once it is done, the next run does everything that the look back says.
        let report = run_at(&world, &daily(20), january(9, 7)).await.unwrap();
        assert_eq!(spans(&report), (9, 0, "01-01 00 to 01-10 00".to_owned()));
    });
}

#[test]
fn rows_outside_of_their_span_are_refused() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two")]).await;
        let unfiltered = with(daily(0), |incremental| {
            if let Strategy::Microbatch(microbatch) = &mut incremental.strategy {
                microbatch.filtered.clear();
            }
        });
        let refused = run_at(&world, &unfiltered, january(2, 0)).await.unwrap_err();
        insta::assert_snapshot!(world.told(&refused), @"
        execution-failed: the query for 2024-01-01 00:00 to 2024-01-02 00:00 gives 1 row outside of that span by `at`
          at models/things.sql:1:1
          -
          help: they would be added again with every run: give `event_time` to the models and sources that the query reads, or filter its rows
        ");
        assert_eq!(world.data_files("gold/things"), 0);
        let text = with(daily(0), |incremental| {
            if let Strategy::Microbatch(microbatch) = &mut incremental.strategy {
                microbatch.event_time = "name".into();
            }
        });
        insta::assert_snapshot!(world.told(&run_at(&world, &text, january(2, 0)).await.unwrap_err()), @"
        type-mismatch: `event_time: name` is of type `string`, neither `timestamp` nor `date`
          at models/things.sql:1:1
          -
          help: `cast` it in the query
        ");
    });
}

#[test]
fn months_and_dates() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 31, "two"), row(3, 32, "three")]).await;
        let sql = "select id, cast(at as date) as at, day, name from `bronze`.`events`";
        let mut node = giving(model(Strategy::Microbatch(microbatch(BatchSize::Month, 1))), sql, Default::default());
        node = with(node, |incremental| incremental.full.sql = sql.into());
        node.schema.fields[1].data_type = headwater_plan::DataType::Date;
        let report = run_at(&world, &node, january(40, 0)).await.unwrap();
        assert_eq!((spans(&report).0, report.rows.written), (2, 3));
        events(&world, &[row(2, 31, "TWO"), row(3, 32, "THREE")]).await;
        let report = run_at(&world, &node, january(40, 0)).await.unwrap();
        assert_eq!((spans(&report).0, report.rows.written), (2, 2));
        assert_eq!(rows(&world).await, ["2 31 TWO", "3 32 THREE"]);
        assert_eq!(things(&world).await.files(), 2);
    });
}

#[test]
fn a_span_that_began_since_is_computed_with_the_statements_that_are_owed() {
    block_on(async {
        let world = World::new().await;
        events(&world, &[row(1, 1, "one"), row(2, 2, "two")]).await;
        let node = hooked(daily(0), &[], &[says("after")]);
        // There is no log to write into, so the first day is computed and the statement owed.
        run_at(&world, &node, january(1, 13)).await.unwrap_err();
        with_log(&world).await;
        run_at(&world, &node, january(2, 13)).await.unwrap();
        assert_eq!(
            (rows(&world).await, log(&world).await),
            (vec!["1 1 one".into(), "2 2 two".into()], "after,1".into())
        );
    });
}
