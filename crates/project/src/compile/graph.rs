//! The order of items, each after all that it reads, and the circles that have none.

use headwater_plan::{Code, Diagnostic, Diagnostics, Location};

use super::item::{Index, Item};

/// The enabled items level by level: each stands in a later level than all that it reads.
/// Items in a circle, and those that read them, are left out; each circle is told. `place` says where an item reads
/// another.
pub(super) fn order(
    items: &[Item<'_>],
    place: &dyn Fn(Index, Index) -> Location,
    diagnostics: &mut Diagnostics,
) -> Vec<Vec<Index>> {
    let mut waiting: Vec<usize> = items.iter().map(|item| item.reads.len()).collect();
    let mut readers: Vec<Vec<Index>> = vec![Vec::new(); items.len()];
    for (index, item) in items.iter().enumerate() {
        for read in &item.reads {
            readers[*read].push(index);
        }
    }
    let mut levels = Vec::new();
    let mut placed = 0;
    let mut level: Vec<Index> = (0..items.len()).filter(|index| waiting[*index] == 0).collect();
    while !level.is_empty() {
        let mut next = Vec::new();
        placed += level.len();
        for index in &level {
            for reader in &readers[*index] {
                waiting[*reader] -= 1;
                if waiting[*reader] == 0 {
                    next.push(*reader);
                }
            }
        }
        next.sort_unstable();
        level.retain(|index| items[*index].enabled);
        levels.push(std::mem::replace(&mut level, next));
    }
    if placed < items.len() {
        for path in circles(items, &waiting) {
            diagnostics.push(told(items, &path, place));
        }
    }
    levels
}

/// Walks along what is still waiting until an item comes twice: that is a circle. Each item is walked over once.
fn circles(items: &[Item<'_>], waiting: &[usize]) -> Vec<Vec<Index>> {
    let mut circles = Vec::new();
    let mut walk_of: Vec<Option<usize>> = vec![None; items.len()];
    for start in (0..items.len()).filter(|index| waiting[*index] > 0) {
        let mut path: Vec<Index> = Vec::new();
        let mut at = start;
        while walk_of[at].is_none() {
            walk_of[at] = Some(start);
            path.push(at);
            // What waits reads something that waits.
            let Some(next) = items[at].reads.iter().find(|read| waiting[**read] > 0) else { break };
            at = *next;
        }
        if walk_of[at] == Some(start)
            && let Some(from) = path.iter().position(|index| *index == at)
        {
            circles.push(path.split_off(from));
        }
    }
    circles
}

fn told(items: &[Item<'_>], path: &[Index], place: &dyn Fn(Index, Index) -> Location) -> Diagnostic {
    // It begins with the least, so that the message does not depend on where the walk came in.
    let least = path.iter().enumerate().min_by_key(|(_, index)| &items[**index].name).map_or(0, |(at, _)| at);
    let round: Vec<Index> = path[least..].iter().chain(&path[..=least]).copied().collect();
    let names: Vec<&str> = round.iter().map(|index| items[*index].name.as_str()).collect();
    let message = match path.len() {
        1 => format!("the model `{}` reads itself", names[0]),
        _ => format!("models read each other in a circle: `{}`", names.join("` → `")),
    };
    let mut diagnostic = Diagnostic::error(Code::Cycle, message)
        .at(place(round[0], round[1]))
        .node(items[round[0]].id.clone())
        .help("take one `ref` out of the circle, or put what both need into a model of its own");
    if path.len() > 1 {
        for pair in round.windows(2) {
            let (reader, read) = (&items[pair[0]].name, &items[pair[1]].name);
            diagnostic.causes.push(format!("`{reader}` reads `{read}` at {}", place(pair[0], pair[1])));
        }
    }
    diagnostic
}
