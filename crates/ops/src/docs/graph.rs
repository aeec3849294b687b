//! A graph of nodes as SVG: layers from left to right, each node after all that it reads, edges that cross as little as a
//! few sweeps can bring about (the barycentre heuristic of Sugiyama's method).

use std::collections::HashMap;

use headwater_plan::{Node, NodeId, Plan};

use super::html::{Text, file_of, kind};

const WIDTH: usize = 190;
const HEIGHT: usize = 30;
const GAP_ACROSS: usize = 60;
const GAP_DOWN: usize = 14;
const MARGIN: usize = 10;
/// How often the layers are gone through to put neighbours near each other.
const SWEEPS: usize = 6;
/// The letters that a box has room for.
const LETTERS: usize = 24;
/// More than this nobody reads in one picture.
pub(super) const MOST: usize = 400;

/// A node's place: its layer, and its place in it.
struct Places {
    layers: Vec<Vec<usize>>,
    at: Vec<(usize, usize)>,
}

/// Draws the nodes and the edges between them. `root` leads from the page to the site's folder; `here` stands out.
pub(super) fn draw(plan: &Plan, nodes: &[&Node], root: &str, here: Option<&NodeId>) -> String {
    let numbers: HashMap<&NodeId, usize> = nodes.iter().enumerate().map(|(number, node)| (&node.id, number)).collect();
    let parents: Vec<Vec<usize>> =
        nodes.iter().map(|node| node.depends_on.iter().filter_map(|id| numbers.get(id).copied()).collect()).collect();
    let places = places(&parents);
    let tallest = places.layers.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        2 * MARGIN + places.layers.len() * (WIDTH + GAP_ACROSS) - GAP_ACROSS.min(places.layers.len() * GAP_ACROSS);
    let height = 2 * MARGIN + tallest * (HEIGHT + GAP_DOWN);
    let place = |number: usize| {
        let (layer, row) = places.at[number];
        let rows = places.layers[layer].len();
        // Short layers stand in the middle.
        let top = (tallest - rows) * (HEIGHT + GAP_DOWN) / 2;
        (MARGIN + layer * (WIDTH + GAP_ACROSS), MARGIN + top + row * (HEIGHT + GAP_DOWN))
    };
    let mut svg = format!(
        "<svg class=\"graph\" role=\"img\" aria-label=\"graph of {} nodes\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" xmlns=\"http://www.w3.org/2000/svg\">\n",
        nodes.len()
    );
    for (number, parents) in parents.iter().enumerate() {
        for parent in parents {
            let ((from_x, from_y), (x, y)) = (place(*parent), place(number));
            let (from_x, from_y, y) = (from_x + WIDTH, from_y + HEIGHT / 2, y + HEIGHT / 2);
            let middle = (from_x + x) / 2;
            svg += &format!("<path d=\"M{from_x} {from_y}C{middle} {from_y} {middle} {y} {x} {y}\"/>\n");
        }
    }
    for (number, node) in nodes.iter().enumerate() {
        let (x, y) = place(number);
        let class = if here == Some(&node.id) { format!("{} here", kind(node)) } else { kind(node).to_owned() };
        let link = page_of(plan, node).map_or_else(|| "#".to_owned(), |file| format!("{root}{file}"));
        svg += &format!(
            "<a href=\"{link}\"><g class=\"{class}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" rx=\"4\"/><text x=\"{}\" y=\"{}\">{}</text></g></a>\n",
            Text(&node.id),
            x + 10,
            y + HEIGHT / 2 + 5,
            Text(short(&node.name)),
        );
    }
    svg + "</svg>\n"
}

/// The page that tells of a node: a test's is that of what it tests.
fn page_of(plan: &Plan, node: &Node) -> Option<String> {
    match super::tested(node) {
        Some(tested) => plan.nodes.get(tested).map(file_of),
        None => Some(file_of(node)),
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    name.chars().take(LETTERS - 1).chain(['…']).collect()
}

/// Each node in the layer after its last parent; in a layer, near its neighbours. The nodes come in the plan's order, so
/// that a parent is always before its children.
fn places(parents: &[Vec<usize>]) -> Places {
    let mut layer_of = vec![0_usize; parents.len()];
    let mut children = vec![Vec::new(); parents.len()];
    for (number, parents) in parents.iter().enumerate() {
        layer_of[number] = parents.iter().map(|parent| layer_of[*parent] + 1).max().unwrap_or(0);
        for parent in parents {
            children[*parent].push(number);
        }
    }
    // What has no parents stands before the first of its children, and not far off.
    for number in (0..parents.len()).filter(|number| parents[*number].is_empty()) {
        if let Some(first) = children[number].iter().map(|child| layer_of[*child]).min() {
            layer_of[number] = first.saturating_sub(1);
        }
    }
    let mut layers = vec![Vec::new(); layer_of.iter().max().map_or(0, |last| last + 1)];
    for (number, layer) in layer_of.iter().enumerate() {
        layers[*layer].push(number);
    }
    let mut at = vec![(0, 0); parents.len()];
    let settle = |layers: &[Vec<usize>], at: &mut Vec<(usize, usize)>| {
        for (layer, numbers) in layers.iter().enumerate() {
            for (row, number) in numbers.iter().enumerate() {
                at[*number] = (layer, row);
            }
        }
    };
    settle(&layers, &mut at);
    for sweep in 0..SWEEPS {
        let neighbours = if sweep % 2 == 0 { parents } else { &children };
        for layer in &mut layers {
            let rank = |number: &usize| {
                let rows: Vec<usize> = neighbours[*number].iter().map(|other| at[*other].1).collect();
                // In thousandths of a row, so that the order is total.
                if rows.is_empty() { at[*number].1 * 1000 } else { rows.iter().sum::<usize>() * 1000 / rows.len() }
            };
            layer.sort_by_cached_key(rank);
        }
        settle(&layers, &mut at);
    }
    Places { layers, at }
}
