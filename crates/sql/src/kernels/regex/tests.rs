//! What is refused only when a text shows it; what matches is checked against Spark's answers in `tests/cases.txt`.

use super::Pattern;

fn matches(pattern: &str, text: &str) -> Result<Vec<String>, String> {
    let pattern = Pattern::new(pattern)?;
    let found = pattern.matches(text, false).map_err(|error| error.to_string())?;
    found.map(|found| found.map(|found| found.group(text, 0).to_owned()).map_err(|error| error.to_string())).collect()
}

#[test]
fn a_character_is_not_cut_in_two() {
    assert!(matches("x*", "😀").unwrap_err().contains("matches nothing before `😀`"));
    assert_eq!(matches("x*", "é").unwrap(), ["", ""]);
    assert_eq!(matches("\\s*$", "😀 ").unwrap(), [" ", ""]);
}

#[test]
fn the_edge_of_a_word_is_java_s_or_refused() {
    assert_eq!(matches("\\bé\\b", "d é é\u{301}").unwrap(), ["é"]);
    for odd in ["a\u{203f}b", "👩\u{200d}👩", "\u{301}a", "Ⅷ", "\u{1e4d0}"] {
        assert!(matches("\\ba", odd).is_err(), "{odd}");
        assert!(matches("a|b", odd).is_ok(), "{odd}");
    }
}

#[test]
fn what_two_ways_begin_with_is_tried_in_java_s_order() {
    assert_eq!(matches("a*a|a*b", "ab").unwrap(), ["a", "b"]);
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Pattern::new(&deep(50)).is_ok());
    assert!(Pattern::new(&deep(50_000)).unwrap_err().contains("deeper"));
    assert!(Pattern::new(&"[".repeat(50_000)).unwrap_err().contains("deeper"));
}
