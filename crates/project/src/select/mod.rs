//! Which nodes: dbt's selection syntax on a plan.
//!
//! A selector is `[@|[n]+][method:]value[+[n]]`: parents before, children after, `@` for children with all their
//! parents. Without a method, a value with `/` is a path, one that ends in `.sql` or `.csv` a file, any other a name or
//! a dotted path of folders and name; `*`, `?` and `[…]` stand for characters. Commas intersect; spaces and repeated
//! flags unite.
//!
//! | module | owns |
//! |---|---|
//! | `criterion` | one selector, taken apart |
//! | `definition` | criteria put together |
//! | `graph` | the plan's edges; which nodes a definition selects |
//! | `matching` | what a method's value is compared with |
//! | `method` | the methods by their names |
//! | `selectors` | `selectors.yml` |
//! | `state` | an earlier manifest and its results |
//! | `suggest` | what may have been meant |
//!
//! Which tests come with the nodes that they test is [`Indirect`].

use std::collections::BTreeSet;

use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Code, Diagnostic, Diagnostics, NodeId, Plan};

mod criterion;
mod definition;
mod graph;
mod matching;
mod method;
mod selectors;
mod state;
mod suggest;
#[cfg(test)]
mod tests;

use definition::Definition;
use graph::{Chosen, Graph};
pub use selectors::{SELECTORS_FILE, Selectors};
pub use state::State;

/// What the user asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `--select`, or the names after the command; all nodes when empty.
    pub select: Vec<String>,
    /// `--exclude`.
    pub exclude: Vec<String>,
    /// `--selector`: a definition of `selectors.yml`.
    pub selector: Option<String>,
    /// `--resource-type`: the kinds to keep, all when empty.
    pub kinds: Vec<String>,
    /// `--exclude-resource-type`: the kinds to leave out.
    pub without_kinds: Vec<String>,
    /// `--indirect-selection`.
    pub indirect: Indirect,
}

/// Which tests come with the nodes that are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Indirect {
    /// Those that read any of them.
    #[default]
    Eager,
    /// Those that read nothing else.
    Cautious,
    /// Those that read nothing but them and what they are made of.
    Buildable,
    /// None.
    Empty,
}

impl Indirect {
    const WORDS: [(&'static str, Self); 4] =
        [("eager", Self::Eager), ("cautious", Self::Cautious), ("buildable", Self::Buildable), ("empty", Self::Empty)];

    /// By its word.
    ///
    /// # Errors
    /// [`Code::InvalidSelector`] for another word.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, indirect)| *indirect);
        found.ok_or_else(|| {
            let words = Self::WORDS.map(|(word, _)| word);
            let all = format!("one of `{}`", words.join("`, `"));
            let help = did_you_mean(text, words).map_or(all, |near| format!("did you mean `{near}`?"));
            Diagnostic::error(Code::InvalidSelector, format!("`{text}` is no way to select tests")).help(help)
        })
    }
}

/// What stands beside the plan for those who select.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The earlier state of `--state`.
    pub state: Option<&'a State>,
    /// The project's `selectors.yml`.
    pub selectors: Option<&'a Selectors>,
}

/// The nodes that a selection names; exposures are among them by their ids.
///
/// # Errors
/// [`Code::InvalidSelector`] for what is no selector, [`Code::EmptySelection`] for one that matches nothing (but for an
/// `--exclude` by tag or the like, and a selector by state, which may), each with its own message.
pub fn select(plan: &Plan, selection: &Selection, beside: Beside<'_>) -> Result<BTreeSet<NodeId>, Diagnostics> {
    let graph = Graph::new(plan, beside, selection.indirect);
    let mut wrong = Diagnostics::default();
    let mut chosen = Chosen::default();
    // Nothing changed, nothing failed: then there is nothing to do, which is no slip.
    let mut may_be_empty = false;
    let words = |texts: &[String]| texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    let (select, exclude): (Vec<String>, Vec<String>) = (words(&selection.select), words(&selection.exclude));
    let nothing_said = select.is_empty() && exclude.is_empty();
    match (&selection.selector, beside.selectors) {
        (Some(_), _) if !nothing_said => {
            let message = "`--selector` goes with no `--select` and no `--exclude`";
            wrong.push(Diagnostic::error(Code::InvalidSelector, message).help("put all of it into the selector"));
        }
        (Some(name), selectors) => match selectors.unwrap_or(&Selectors::default()).get(name) {
            Ok(definition) => chosen = graph.chosen(definition),
            Err(error) => wrong.push(error),
        },
        (None, Some(selectors)) if nothing_said && selectors.preset().is_some() => {
            chosen = selectors.preset().map(|definition| graph.chosen(definition)).unwrap_or_default();
        }
        (None, _) if select.is_empty() => chosen = graph.everything(),
        (None, _) => {}
    }
    for words in &select {
        match parsed(&graph, words) {
            Ok(definition) => {
                let found = graph.chosen(&definition);
                let by_state = definition.criteria().iter().any(|criterion| criterion.method.may_be_empty());
                may_be_empty |= by_state;
                if found.is_empty() && !by_state {
                    wrong.push(graph.nothing(words, &definition));
                }
                chosen.unite(found);
            }
            Err(error) => wrong.push(error),
        }
    }
    for words in &exclude {
        match parsed(&graph, words) {
            Ok(definition) => {
                let found = graph.chosen(&definition);
                // A tag that no node has yet may be excluded; a name that is not there is a slip.
                if found.is_empty() && definition.criteria().iter().any(|criterion| criterion.method.is_name()) {
                    wrong.push(graph.nothing(words, &definition));
                }
                chosen.leave_out(&found);
            }
            Err(error) => wrong.push(error),
        }
    }
    let kept = kinds(selection, &mut wrong);
    if !wrong.0.is_empty() {
        return Err(wrong);
    }
    let mut chosen = graph.with_indirect(chosen);
    let all = chosen.len();
    chosen.retain(|index| kept(graph.kind(*index)));
    if chosen.is_empty() && !may_be_empty {
        return Err(empty(selection, all).into());
    }
    Ok(chosen.into_iter().filter_map(|index| graph.id(index)).cloned().collect())
}

/// The definition of one word; what needs a state or a selector that is not there is told.
fn parsed(graph: &Graph<'_>, words: &str) -> Result<Definition, Diagnostic> {
    let definition = Definition::parse(words)?;
    graph.check(&definition)?;
    Ok(definition)
}

fn kinds<'a>(selection: &'a Selection, wrong: &mut Diagnostics) -> impl Fn(&str) -> bool + use<'a> {
    for kind in selection.kinds.iter().chain(&selection.without_kinds) {
        if let Err(error) = method::Method::ResourceType.check_value(kind) {
            wrong.push(error);
        }
    }
    let named = |kinds: &[String], kind: &str| {
        kinds.iter().any(|word| word == kind || word == "all" || (word == "default" && kind != "exposure"))
    };
    move |kind| (selection.kinds.is_empty() || named(&selection.kinds, kind)) && !named(&selection.without_kinds, kind)
}

fn empty(selection: &Selection, before_kinds: usize) -> Diagnostic {
    let message = match (before_kinds > 0, selection.exclude.is_empty()) {
        (true, _) => "nothing is left: nothing that is selected is of the kinds that were asked for",
        (false, false) => "nothing is left: all that is selected is excluded too",
        (false, true) if !selection.select.is_empty() || selection.selector.is_some() => "the selection holds nothing",
        (false, true) => "there is nothing to select from: the project has no nodes",
    };
    Diagnostic::error(Code::EmptySelection, message)
}
