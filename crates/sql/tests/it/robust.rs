//! Whatever the text, the answer is a plan or the user's errors: no panic, no fault of ours.

use headwater_plan::Code;
use headwater_sql::SparkSql;
use proptest::prelude::*;

use crate::tables::Tables;

const QUERIES: &[&str] = &[
    "with a as (select user_id, sum(total_amount) as total from bronze.rentals group by user_id) \
     select u.user_id, a.total, percent_rank() over (order by a.total desc) as p from a \
     left join bronze.users u using (user_id) where a.total > 5 order by total limit 10",
    "select date_format(rental_start_time, 'EEEE') as day, count(*) n, round(avg(total_amount), 2) as mean \
     from bronze.rentals where total_amount between 1 and 2.5 group by 1 having count(*) > 1 order by n desc",
    "select case when pickup_location in (1, 2) then 'a' else cast(pickup_location as string) end as x, \
     total_amount / 3600 * 1.5 from bronze.rentals r where exists (select 1 from bronze.users u where u.user_id = r.user_id)",
    "select * except (email) from (select * from bronze.users union all select * from bronze.users) t \
     where first_name like 'a%' and user_id is not null or not email = 'x'",
    "select sum(total_amount) over w, lag(user_id, 1) over (partition by vehicle_id order by rental_start_time \
     rows between 2 preceding and current row) from bronze.rentals window w as (order by user_id) \
     qualify row_number() over (order by user_id) = 1",
    "select user_id, x, p from bronze.rentals lateral view outer posexplode(split(user_id, ',')) e as p, x \
     where x is not null order by p",
    "select user_id, explode(transform(split(email, '-'), x -> upper(x))) as part from bronze.users group by 1, email",
    "select named_struct('a', user_id, 'b', array(total_amount)).b[0], map('k', 1)['k'], size(collect_list(user_id)), \
     max_by(user_id, total_amount), percentile(total_amount, 0.5) from bronze.rentals group by all",
    "select aggregate(array(1, 2), 0, (s, x) -> s + x), exists(array(1), x -> x > 0) from bronze.users",
    "select * from (select vehicle_id, pickup_location, total_amount from bronze.rentals) \
     pivot (sum(total_amount) as s, count(*) for pickup_location in (1 as one, 2))",
    "select timestampdiff(SECOND, rental_start_time, rental_end_time) / 3600, rental_start_time + interval 1 day, \
     extract(hour from rental_end_time) from bronze.rentals where user_id in (select user_id from silver.named)",
];

/// What is put in a word's place: right there as often as wrong.
const WORDS: &[&str] = &[
    "user_id",
    "total_amount",
    "rental_start_time",
    "pickup_location",
    "u",
    "r",
    "1",
    "2.5",
    "'x'",
    "null",
    "true",
    "sum",
    "max",
    "count",
    "upper",
    "abs",
    "round",
    "coalesce",
    "row_number",
    "date_trunc",
    "not",
    "distinct",
    "*",
    "-",
    "=",
    "<",
    "and",
    "in",
    "is null",
    "nonsense",
    "bronze",
    "(select 1)",
    "sum(total_amount)",
    "upper(user_id)",
    "rank() over (order by user_id)",
    "case when true then 1 end",
    "cast(1 as int)",
    "date '2024-01-01'",
    "array(1)",
    "explode(array(1))",
    "x -> x",
    "lateral view explode(array(1)) q as z",
    "array(1)[0]",
];

/// A query from which words are taken away, doubled or put in other places.
fn broken() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6_u8), 1..5);
    (prop::sample::select(QUERIES), edits).prop_map(|(query, edits)| {
        let spaced = query.replace('(', " ( ").replace(')', " ) ").replace(',', " , ").replace('.', " . ");
        let mut words: Vec<&str> = spaced.split_whitespace().collect();
        for (from, to, kind) in edits {
            let (from, to, word) = (from.index(words.len()), to.index(words.len()), to.index(WORDS.len()));
            match kind {
                0 => drop(words.remove(from)),
                1 => words.insert(to, words[from]),
                2 => words.swap(from, to),
                _ => words[from] = WORDS[word],
            }
            if words.is_empty() {
                break;
            }
        }
        words.join(" ").replace(" . ", ".")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_query_is_the_users(sql in broken()) {
        let session = SparkSql::for_checking();
        match session.plan(&sql, &Tables::rental()) {
            Ok(query) => {
                let optimized = session.state().optimize(&query.plan);
                prop_assert!(optimized.is_ok(), "{sql}: {optimized:?}");
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.code != Code::Internal, "{sql}: {}", error.message);
                    prop_assert!(!error.message.contains(['@', '#']), "{sql}: {}", error.message);
                }
            }
        }
    }
}
