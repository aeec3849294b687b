use super::*;

#[test]
fn the_end_of_a_pattern_says_the_format() {
    for (pattern, format) in [
        ("in/rentals*.csv", FormatName::Csv),
        ("in/rentals*", FormatName::Csv),
        ("in/rentals", FormatName::Csv),
        ("in/rentals.txt", FormatName::Csv),
        ("in.json/rentals*", FormatName::Csv),
        ("in/**/*.json", FormatName::Json),
        ("in/*.JSONL.gz", FormatName::Json),
        ("in/rentals.ndjson*", FormatName::Json),
        ("in/rentals.json.*", FormatName::Json),
        ("s3://b/k/*.parquet", FormatName::Parquet),
        ("in/day=*/part-*.snappy.parquet", FormatName::Parquet),
        ("in/*.avro.zst", FormatName::Avro),
        ("in/*.zip", FormatName::Csv),
        ("in/*.parquet.csv", FormatName::Csv),
    ] {
        assert_eq!(format_of(pattern), format, "{pattern}");
    }
}

#[test]
fn shares_are_exact() {
    for (text, expected) in [
        ("1", Some(10_000)),
        ("0", Some(0)),
        ("0.5", Some(5_000)),
        ("0.0001", Some(1)),
        ("12.3456", Some(123_456)),
        ("100", Some(1_000_000)),
        ("100.0001", None),
        ("0.00001", None),
        ("-1", None),
        (".5", None),
        ("1e1", None),
        ("", None),
        ("99999999999", None),
    ] {
        assert_eq!(millionths(text), expected, "{text}");
    }
}
