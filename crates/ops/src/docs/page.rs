//! The page of a node: what it is, its neighbours, its columns and where they come from, its tests, its SQL, its rows.

use std::collections::BTreeSet;

use headwater_plan::{ColumnInput, InputKind, Node, NodeId, Plan, Step, TableName};
use serde_json::Value;

use super::html::{Text, file_of, kind, name_of, page, prose, table};
use super::{Site, graph, tested};
use crate::artefacts::compiled;

/// The page.
pub(super) fn render(site: &Site<'_>, node: &Node) -> String {
    let plan = site.plan;
    let mut body =
        format!("<h1><span class=\"kind {kind}\">{kind}</span> {}</h1>\n", Text(name_of(node)), kind = kind(node));
    body += &facts(site, node);
    body += &prose(node.description.as_deref().unwrap_or_default());
    body += &format!(
        "<h2>Lineage</h2>\n<div class=\"scroll\">{}</div>\n",
        graph::draw(plan, &neighbours(plan, node), "../", Some(&node.id))
    );
    body += &columns(site, node);
    body += &tests(plan, node);
    body += &sample(site, node);
    body += &code(node);
    page(plan, &name_of(node), "../", &body)
}

fn facts(site: &Site<'_>, node: &Node) -> String {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let step = match &node.step {
        Step::Late(late) => &late.becomes,
        step => step.word(),
    };
    facts.push(("step", Text(step).to_string()));
    if node.relation.is_some() {
        facts.push(("name in the project", Text(&node.name).to_string()));
    }
    facts.push(("file", Text(node.location.file.display()).to_string()));
    if !node.about.package.is_empty() && node.about.package != site.plan.project {
        facts.push(("package", Text(&node.about.package).to_string()));
    }
    if !node.tags.is_empty() {
        facts.push(("tags", Text(node.tags.join(", ")).to_string()));
    }
    if let Some(held) = node.relation.as_ref().and_then(|name| site.held.get(name)).filter(|held| held.is_table) {
        let rows = held.rows.map_or_else(String::new, |rows| format!("{rows} rows, "));
        facts.push(("in the lake", format!("{rows}{} bytes", held.bytes)));
    }
    for key in ["group", "access", "unique_key", "incremental_strategy", "meta"] {
        let said = node.about.config.get(key).filter(|value| !is_nothing(value));
        if let Some(value) = said {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            facts.push((key, Text(text).to_string()));
        }
    }
    let facts: String = facts.into_iter().map(|(word, value)| format!("<dt>{word}</dt><dd>{value}</dd>")).collect();
    format!("<dl>{facts}</dl>\n")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Two steps up and two down, in the plan's order; tests are told below.
fn neighbours<'a>(plan: &'a Plan, node: &'a Node) -> Vec<&'a Node> {
    let mut near: BTreeSet<&NodeId> = BTreeSet::from([&node.id]);
    let mut front: Vec<&Node> = vec![node];
    for _ in 0..2 {
        let ids: Vec<&NodeId> = front.iter().flat_map(|node| &node.depends_on).collect();
        near.extend(&ids);
        front = ids.into_iter().filter_map(|id| plan.nodes.get(id)).collect();
    }
    let mut down: BTreeSet<&NodeId> = BTreeSet::from([&node.id]);
    for _ in 0..2 {
        let children =
            plan.nodes.values().filter(|it| !it.step.is_test() && it.depends_on.iter().any(|id| down.contains(id)));
        let children: Vec<&NodeId> = children.map(|it| &it.id).collect();
        down.extend(children);
    }
    near.extend(down);
    plan.nodes.values().filter(|it| near.contains(&it.id)).take(graph::MOST).collect()
}

fn columns(site: &Site<'_>, node: &Node) -> String {
    let rows: Vec<Vec<String>> = node
        .schema
        .fields
        .iter()
        .map(|field| {
            let about = node.about.columns.iter().find(|column| column.name.eq_ignore_ascii_case(&field.name));
            vec![
                format!("<a id=\"{name}\"></a><code>{name}</code>", name = Text(&field.name)),
                Text(&field.data_type).to_string(),
                about.map(|column| prose(&column.description)).unwrap_or_default(),
                sources(site, node, &field.name),
                used_by(site, node, &field.name),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut html =
        format!("<h2>Columns</h2>\n{}", table(&["name", "type", "description", "made of", "used by"], &rows));
    if !node.about.lineage.rows.is_empty() {
        let links: Vec<String> =
            node.about.lineage.rows.iter().map(|input| link(site, &input.relation, &input.column)).collect();
        html += &format!("<p class=\"quiet\">which rows there are is decided by {}</p>\n", links.join(", "));
    }
    html
}

fn sources(site: &Site<'_>, node: &Node, column: &str) -> String {
    let lineage = node.about.lineage.columns.iter().find(|lineage| lineage.name.eq_ignore_ascii_case(column));
    let inputs = lineage.map(|lineage| lineage.inputs.as_slice()).unwrap_or_default();
    inputs
        .iter()
        .map(|input| format!("{}{}", link(site, &input.relation, &input.column), how(input)))
        .collect::<Vec<_>>()
        .join("<br>")
}

fn how(input: &ColumnInput) -> &'static str {
    match input.kind {
        InputKind::Identity => "",
        InputKind::Transformation => " <span class=\"quiet\">computed</span>",
        InputKind::Aggregation => " <span class=\"quiet\">aggregated</span>",
        InputKind::Indirect => " <span class=\"quiet\">deciding</span>",
    }
}

fn used_by(site: &Site<'_>, node: &Node, column: &str) -> String {
    let Some(relation) = &node.relation else { return String::new() };
    let readers = site.uses.get(&(relation.clone(), column.to_lowercase())).into_iter().flatten();
    let links: BTreeSet<String> = readers.map(|input| link(site, &input.relation, &input.column)).collect();
    links.into_iter().collect::<Vec<_>>().join("<br>")
}

/// A column, with a link to it where the project makes it.
fn link(site: &Site<'_>, relation: &TableName, column: &str) -> String {
    let Some(maker) = site.makers.get(relation) else { return Text(format!("{relation}.{column}")).to_string() };
    // In the spelling of the column's own table, which its place on that page has.
    let own = maker.schema.names().find(|name| name.eq_ignore_ascii_case(column)).unwrap_or(column);
    format!("<a href=\"../{}#{}\">{}</a>", file_of(maker), Text(own), Text(format!("{relation}.{own}")))
}

fn tests(plan: &Plan, node: &Node) -> String {
    let about = plan.nodes.values().filter(|it| it.step.is_test());
    let about =
        about.filter(|it| tested(it) == Some(&node.id) || (tested(it).is_none() && it.depends_on.contains(&node.id)));
    let rows: Vec<Vec<String>> = about
        .map(|test| {
            let column = match &test.step {
                Step::Test(test) => test.column.clone().unwrap_or_default(),
                _ => String::new(),
            };
            let kind = match (&test.about.test, &test.step) {
                (_, Step::UnitTest(_)) => "unit test".to_owned(),
                (Some(about), _) => about.name.clone(),
                (None, _) => "test".to_owned(),
            };
            vec![
                Text(kind).to_string(),
                Text(column).to_string(),
                Text(&test.name).to_string(),
                Text(test.description.as_deref().unwrap_or_default()).to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        String::new()
    } else {
        format!("<h2>Tests</h2>\n{}", table(&["test", "column", "name", "description"], &rows))
    }
}

fn sample(site: &Site<'_>, node: &Node) -> String {
    let Some(sample) = node.relation.as_ref().and_then(|name| site.samples.get(name)) else { return String::new() };
    let cell = |value: &Value| match value {
        Value::Null => "<span class=\"quiet\">null</span>".to_owned(),
        Value::String(text) => Text(text).to_string(),
        other => Text(other).to_string(),
    };
    let rows: Vec<Vec<String>> = sample.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let heading: Vec<&str> = sample.columns.iter().map(String::as_str).collect();
    match rows.is_empty() {
        true => "<h2>Rows</h2>\n<p class=\"quiet\">the table is empty</p>\n".to_owned(),
        false => format!("<h2>Rows</h2>\n<div class=\"scroll\">{}</div>\n", table(&heading, &rows)),
    }
}

fn code(node: &Node) -> String {
    let mut html = String::new();
    let parts = [("As it is written", Some(node.about.raw_code.as_str())), ("As it is run", compiled(node))];
    for (title, code) in parts {
        if let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) {
            html += &format!("<details><summary>{title}</summary><pre><code>{}</code></pre></details>\n", Text(code));
        }
    }
    if html.is_empty() { html } else { format!("<h2>SQL</h2>\n{html}") }
}
