//! Spans of event time: hours, days, months, years of UTC.

use chrono::{DateTime, Datelike, Duration, DurationRound, Months, NaiveTime, Utc};
use headwater_plan::BatchSize;

use headwater_plan::refusal::IncrementalError;

/// How many spans a run may have. An hour each for more than ten years.
const MOST: u64 = 100_000;

/// A span: its beginning belongs to it, its end does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

/// The beginning of the span that an instant lies in.
pub(super) fn floor(size: BatchSize, at: DateTime<Utc>) -> DateTime<Utc> {
    let day = at.date_naive();
    let first = match size {
        BatchSize::Hour => return at.duration_trunc(Duration::hours(1)).unwrap_or(at),
        BatchSize::Day => Some(day),
        BatchSize::Month => day.with_day(1),
        BatchSize::Year => day.with_ordinal(1),
    };
    first.unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
}

/// The beginning of the span so many spans after that which begins here, or before it.
pub(super) fn moved(size: BatchSize, from: DateTime<Utc>, spans: i32) -> DateTime<Utc> {
    let months = |each: u32| {
        let months = Months::new(spans.unsigned_abs().saturating_mul(each));
        if spans < 0 { from.checked_sub_months(months) } else { from.checked_add_months(months) }
    };
    let moved = match size {
        BatchSize::Hour => from.checked_add_signed(Duration::hours(spans.into())),
        BatchSize::Day => from.checked_add_signed(Duration::days(spans.into())),
        BatchSize::Month => months(1),
        BatchSize::Year => months(12),
    };
    moved.unwrap_or(from)
}

/// The spans that lie between two instants, in part or whole.
pub(super) fn between(size: BatchSize, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Span>, IncrementalError> {
    let mut spans = Vec::new();
    let mut next = floor(size, from);
    while next < to {
        let end = moved(size, next, 1);
        spans.push(Span { from: next, to: end });
        if end <= next || spans.len() as u64 > MOST {
            let hours = u64::try_from((to - from).num_hours()).unwrap_or(0);
            let each = u64::try_from((end - floor(size, from)).num_hours()).unwrap_or(0) / spans.len() as u64;
            let spans = hours.checked_div(each).unwrap_or(hours);
            return Err(IncrementalError::TooManySpans { spans, most: MOST, from, to });
        }
        next = end;
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}Z").parse().unwrap()
    }

    #[test]
    fn spans_begin_where_the_calendar_says() {
        let instant = at("2024-02-29T13:45:10");
        let floors =
            [BatchSize::Hour, BatchSize::Day, BatchSize::Month, BatchSize::Year].map(|size| floor(size, instant));
        let expected = ["2024-02-29T13:00:00", "2024-02-29T00:00:00", "2024-02-01T00:00:00", "2024-01-01T00:00:00"];
        assert_eq!(floors, expected.map(at));
        assert_eq!(floor(BatchSize::Hour, at("1969-12-31T23:30:00")), at("1969-12-31T23:00:00"));
    }

    #[test]
    fn spans_follow_each_other_without_a_gap() {
        for size in [BatchSize::Hour, BatchSize::Day, BatchSize::Month, BatchSize::Year] {
            let spans = between(size, at("2023-12-31T22:10:00"), at("2024-03-01T00:00:00")).unwrap();
            assert!(spans.windows(2).all(|two| two[0].to == two[1].from), "{size:?}");
            assert!(
                spans.iter().all(|span| floor(size, span.from) == span.from && moved(size, span.to, -1) == span.from)
            );
            let count = match size {
                BatchSize::Hour => 2 + 60 * 24,
                BatchSize::Day => 61,
                BatchSize::Month => 3,
                BatchSize::Year => 2,
            };
            assert_eq!(spans.len(), count, "{size:?}");
        }
        assert_eq!(between(BatchSize::Day, at("2024-01-02T00:00:00"), at("2024-01-02T00:00:00")).unwrap(), []);
    }

    #[test]
    fn a_beginning_that_nobody_means_is_refused() {
        let refused = between(BatchSize::Hour, at("1900-01-01T00:00:00"), at("2024-01-01T00:00:00")).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there are 1086960 spans from 1900-01-01 00:00 to 2024-01-01 00:00, more than 100000"
        );
    }
}
