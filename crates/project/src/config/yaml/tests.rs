use serde_json::json;

use super::*;

fn read(text: &str) -> (Option<Node>, Diagnostics) {
    let mut found = Diagnostics::default();
    let node = parse(&Source::new("a.yml", text), &mut found);
    (node, found)
}

fn value(text: &str) -> Value {
    let (node, found) = read(text);
    assert_eq!(found, Diagnostics::default());
    node.unwrap().to_json()
}

#[test]
fn scalars_are_those_of_yaml_1_2() {
    let text = "[no, off, true, 'true', 1, 0o17, 012, 1.5, 1_000, ~, null, , 2024-01-01, 10:30, .inf, !!str 7]";
    let expected = json!([
        "no",
        "off",
        true,
        "true",
        1,
        15,
        12,
        1.5,
        "1_000",
        null,
        null,
        null,
        "2024-01-01",
        "10:30",
        ".inf",
        "7"
    ]);
    // A flow list has no empty item in the middle: it stands in a block list here.
    assert!(read(text).1.has_errors());
    assert_eq!(value(&text.replace(", , ", ", ~, ")), expected);
}

#[test]
fn anchors_and_merge_keys_work() {
    let text =
        "base: &base { a: 1, b: 2 }\nother: &other { c: 3 }\nx: { <<: *base, b: 5 }\ny: { <<: [*base, *other] }\n";
    let read = value(text);
    assert_eq!(read["x"], json!({ "b": 5, "a": 1 }));
    assert_eq!(read["y"], json!({ "a": 1, "b": 2, "c": 3 }));
}

#[test]
fn an_empty_file_is_an_empty_mapping() {
    for text in ["", "# nothing\n", "---\n", "~\n"] {
        assert_eq!(value(text), json!({}), "{text:?}");
    }
}

#[test]
fn places_count_characters() {
    let (node, _) = read("é: 'ü'\nlist:\n  - name: ßß\n    empty:\n");
    let node = node.unwrap();
    let at = |node: &Node| (node.span.line, node.span.column, node.span.length);
    assert_eq!(at(node.get("é").unwrap()), (1, 4, 3));
    let item = &node.get("list").unwrap().items()[0];
    assert_eq!(at(item), (3, 5, 4));
    assert_eq!(at(item.get("name").unwrap()), (3, 11, 2));
    // What is not there is where its key is.
    assert_eq!(at(item.get("empty").unwrap()), (4, 5, 5));
}

#[test]
fn a_text_of_several_lines_is_marked_to_the_end_of_its_first() {
    let (node, _) = read("a: |\n  one\n  two\nb: one\n  two\n");
    let node = node.unwrap();
    assert_eq!(node.get("a").unwrap().text(), Some("one\ntwo\n"));
    assert_eq!(node.get("b").unwrap().text(), Some("one two"));
    assert_eq!(node.get("b").unwrap().span, Span { line: 4, column: 4, length: 3 });
}

#[test]
fn bombs_do_not_go_off() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", "));
    }
    assert!(read(&text).1.has_errors());
    assert!(read(&"[".repeat(5000)).1.has_errors());
    assert!(read("a: &a [*a]\n").1.has_errors());
}
