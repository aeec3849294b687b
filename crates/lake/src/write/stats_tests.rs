use proptest::prelude::*;

use super::*;

#[test]
fn decimals_keep_every_digit() {
    assert_eq!(decimal(0, 0), "0");
    assert_eq!(decimal(-5, 2), "-0.05");
    assert_eq!(decimal(120, 2), "1.20");
    assert_eq!(decimal(-12, 0), "-12");
    let largest = 10_i128.pow(38) - 1;
    assert_eq!(decimal(largest, 38), format!("0.{}", "9".repeat(38)));
    assert_eq!(decimal(-largest, 10), format!("-{}.{}", "9".repeat(28), "9".repeat(10)));
}

#[test]
fn instants_and_dates_are_cut_downwards() {
    assert_eq!(instant(1_500_000_001_234_567).as_deref(), Some("2017-07-14T02:40:01.234Z"));
    assert_eq!(instant(-1).as_deref(), Some("1969-12-31T23:59:59.999Z"));
    assert_eq!(instant(i64::MAX), None);
    assert_eq!(date(-1).as_deref(), Some("1969-12-31"));
    assert_eq!(date(i32::MAX), None);
    assert_eq!(date(i32::MIN), None);
}

#[test]
fn a_text_bound_that_cannot_grow_is_left_out() {
    assert_eq!(shorten_up("\u{10ffff}".repeat(33)), None);
    assert_eq!(shorten_up("z".repeat(32)), Some("z".repeat(32)));
    assert_eq!(shorten_up(format!("{}\u{d7ff}z", "a".repeat(31))), Some(format!("{}\u{e000}", "a".repeat(31))));
}

#[test]
fn bytes_of_any_length_are_numbers() {
    for number in [0, 1, -1, 127, 128, -128, -129, i128::MAX, i128::MIN, 10_i128.pow(38) - 1] {
        assert_eq!(big_endian(&number.to_be_bytes()), Some(number));
    }
    assert_eq!(big_endian(&[0xff, 0x7f]), Some(-129));
    assert_eq!(big_endian(&[]), None);
    assert_eq!(big_endian(&[0; 17]), None);
}

proptest! {
    #[test]
    fn text_bounds_hold_the_text(text in "\\PC{0,40}|[a-z\u{10ffff}\u{d7ff}]{30,40}") {
        if let Some(ceiling) = shorten_up(text.clone()) {
            prop_assert!(ceiling.as_bytes() >= text.as_bytes());
            prop_assert!(ceiling.chars().count() <= TEXT_CHARACTERS);
        }
        let floor: String = text.chars().take(TEXT_CHARACTERS).collect();
        prop_assert!(floor.as_bytes() <= text.as_bytes());
    }
}
