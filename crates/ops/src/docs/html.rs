//! Pages: text that is escaped by its type, so that no description becomes markup.

use std::fmt::{self, Write};

use headwater_plan::{Node, NodeKind, Plan};

/// Text for a page: `<`, `>`, `&` and quotes are written as what they are.
pub(super) struct Text<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// The file of a node's page, relative to the site.
pub(super) fn file_of(node: &Node) -> String {
    let name: String =
        node.id.0.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    format!("nodes/{name}.html")
}

/// What a node is called.
pub(super) fn name_of(node: &Node) -> String {
    node.relation.as_ref().map_or_else(|| node.name.clone(), ToString::to_string)
}

/// A whole page. `root` leads from it to the site's folder: empty, or `../`.
pub(super) fn page(plan: &Plan, title: &str, root: &str, body: &str) -> String {
    let project = Text(&plan.project);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · {project}</title>\n<link rel=\"stylesheet\" href=\"{root}site.css\">\n</head>\n\
         <body data-root=\"{root}\">\n<header><a href=\"{root}index.html\">{project}</a></header>\n<main>\n{body}</main>\n\
         <script src=\"{root}site.js\"></script>\n</body>\n</html>\n",
        title = Text(title),
    )
}

/// A description: paragraphs, with `code` in backticks. Nothing else of Markdown is interpreted.
pub(super) fn prose(text: &str) -> String {
    let mut html = String::new();
    for paragraph in text.trim().split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        html += "<p>";
        for (number, part) in paragraph.trim().split('`').enumerate() {
            let text = Text(part);
            html += &if number % 2 == 1 { format!("<code>{text}</code>") } else { text.to_string() };
        }
        html += "</p>\n";
    }
    html
}

/// The word for a kind, which is also its class.
pub(super) fn kind(node: &Node) -> &'static str {
    match node.kind {
        NodeKind::UnitTest => "test",
        kind => kind.word(),
    }
}

/// A table with a heading; nothing for no rows. The cells are markup.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| {
        cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect::<String>()
    };
    let mut html =
        format!("<table>\n<tr>{}</tr>\n", cells("th", &mut heading.iter().map(|text| Text(text).to_string())));
    for row in rows {
        html += &format!("<tr>{}</tr>\n", cells("td", &mut row.iter().cloned()));
    }
    html + "</table>\n"
}
