//! The first page: what the project has, its graph, and a list to search.

use std::collections::BTreeMap;

use headwater_plan::{Node, NodeKind};

use super::html::{Text, file_of, kind, name_of, page, prose, table};
use super::{Site, graph};

/// The page.
pub(super) fn render(site: &Site<'_>, nodes: &[&Node]) -> String {
    let plan = site.plan;
    let mut counts: BTreeMap<NodeKind, usize> = BTreeMap::new();
    for node in plan.nodes.values() {
        *counts.entry(node.kind).or_default() += 1;
    }
    let words: Vec<String> = counts
        .iter()
        .filter(|(kind, _)| **kind != NodeKind::Operation)
        .map(|(kind, number)| {
            format!("{number} {}{}", kind.word().replace('_', " "), if *number == 1 { "" } else { "s" })
        })
        .collect();
    let mut body = format!(
        "<h1>{}</h1>\n<p class=\"quiet\">{} · environment {} · made {}</p>\n",
        Text(&plan.project),
        words.join(", "),
        Text(&plan.environment.name),
        Text(&site.made)
    );
    if let Some(overview) = plan.beside.docs.iter().find(|doc| doc.name == "__overview__") {
        body += &prose(&overview.text);
    }
    let drawn: Vec<&Node> = nodes.iter().copied().filter(|node| !node.step.is_test()).collect();
    body += "<h2>Graph</h2>\n";
    body += &match drawn.len() {
        0 => "<p class=\"quiet\">the project has no nodes yet</p>\n".to_owned(),
        many if many > graph::MOST => {
            format!("<p class=\"quiet\">{many} nodes are too many for one picture: each has its own on its page</p>\n")
        }
        _ => format!("<div class=\"scroll\">{}</div>\n", graph::draw(plan, &drawn, "", None)),
    };
    body += "<h2>Nodes</h2>\n<input id=\"search\" type=\"search\" placeholder=\"name, tag, column, description\" \
             aria-label=\"search\" autocomplete=\"off\">\n<p id=\"found\" class=\"quiet\"></p>\n<table id=\"nodes\">\n\
             <tr><th>kind</th><th>name</th><th>description</th></tr>\n";
    for node in nodes {
        body += &row(node);
    }
    body += "</table>\n";
    body += &exposures(site);
    page(plan, "documentation", "", &body)
}

/// A node's line; what can be searched for and is not seen stands in `data-more`.
fn row(node: &Node) -> String {
    let columns = node.schema.names().collect::<Vec<_>>().join(" ");
    let more = format!("{} {} {} {}", node.name, node.tags.join(" "), columns, node.location.file.display());
    let description = node.description.as_deref().unwrap_or_default();
    let first = description.lines().next().unwrap_or_default();
    format!(
        "<tr data-more=\"{}\"><td><span class=\"kind {kind}\">{kind}</span></td><td><a href=\"{}\">{}</a></td><td>{}</td></tr>\n",
        Text(more.to_lowercase()),
        file_of(node),
        Text(name_of(node)),
        Text(first),
        kind = kind(node),
    )
}

fn exposures(site: &Site<'_>) -> String {
    let rows: Vec<Vec<String>> = site
        .plan
        .beside
        .exposures
        .iter()
        .map(|exposure| {
            let reads = exposure.depends_on.iter().filter_map(|id| site.plan.nodes.get(id));
            let reads: Vec<String> =
                reads.map(|node| format!("<a href=\"{}\">{}</a>", file_of(node), Text(name_of(node)))).collect();
            vec![
                Text(exposure.label.as_ref().unwrap_or(&exposure.name)).to_string(),
                Text(&exposure.kind).to_string(),
                Text(exposure.description.as_deref().unwrap_or_default()).to_string(),
                reads.join(", "),
            ]
        })
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("<h2>Exposures</h2>\n{}", table(&["name", "kind", "description", "reads"], &rows))
    }
}
