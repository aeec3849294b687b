//! What the lake says of a node by itself: never built, changed since, or as it was.

use std::collections::{BTreeMap, HashMap};

use headwater_plan::{Built, Node, NodeId, NodeState, Plan, Step, Strategy, TableName, TableVersion};

/// The plan beside what the lake holds for it.
pub(super) struct Lake<'a> {
    makers: HashMap<&'a TableName, &'a Node>,
    states: &'a BTreeMap<NodeId, NodeState>,
}

impl<'a> Lake<'a> {
    pub(super) fn new(plan: &'a Plan, states: &'a BTreeMap<NodeId, NodeState>) -> Self {
        let makers = plan.nodes.values().filter_map(|node| Some((node.relation.as_ref()?, node))).collect();
        Self { makers, states }
    }

    /// Why the node must run whatever happens upstream; `None` if it need not.
    pub(super) fn own_reason(&self, node: &Node, passed: &BTreeMap<NodeId, Built>) -> Option<String> {
        let (built, never) = match &node.step {
            Step::Test(_) | Step::UnitTest(_) => (passed.get(&node.id), "not passed yet"),
            _ => {
                let state = self.states.get(&node.id);
                if state.is_none_or(|state| state.version.is_none()) {
                    return Some(self.first_time(node));
                }
                (state.and_then(|state| state.built.as_ref()), "not built by headwater")
            }
        };
        if let Step::Ingest(_) = node.step
            && let Some(waiting) = self.waiting(node)
        {
            return Some(waiting);
        }
        let Some(built) = built else {
            return Some(never.to_owned());
        };
        if let Some(owed) = built.fingerprint.strip_prefix(&node.fingerprint) {
            if !owed.is_empty() {
                return Some("not finished by an earlier run".to_owned());
            }
        } else {
            return Some(changed(node).to_owned());
        }
        match &node.step {
            // Comparing is its work: only its query knows whether a row changed.
            Step::Snapshot(_) => Some("looks for changed rows".to_owned()),
            Step::Incremental(incremental) => {
                self.changed_inputs(node, built).or_else(|| self.due(node, &incremental.strategy))
            }
            Step::Table(_) | Step::Test(_) => self.changed_inputs(node, built),
            _ => None,
        }
    }

    /// Why a model that is built by spans of time runs although nothing changed but the time.
    fn due(&self, node: &Node, strategy: &Strategy) -> Option<String> {
        let Strategy::Microbatch(microbatch) = strategy else { return None };
        if microbatch.asked.is_some() {
            return Some("spans that were asked for".to_owned());
        }
        let is_due = self.states.get(&node.id).is_some_and(|state| state.due);
        is_due.then(|| "a new span began".to_owned())
    }

    /// The node that makes a relation.
    pub(super) fn maker(&self, relation: &TableName) -> Option<&'a Node> {
        self.makers.get(relation).copied()
    }

    fn first_time(&self, node: &Node) -> String {
        match node.step {
            Step::Ingest(_) => self.waiting(node).unwrap_or_else(|| "first load".to_owned()),
            Step::External => "not there".to_owned(),
            _ => "first build".to_owned(),
        }
    }

    /// The files that wait for an ingest, in words.
    fn waiting(&self, node: &Node) -> Option<String> {
        let pending = self.states.get(&node.id)?.pending;
        let known = pending.resumed_files + pending.changed_files;
        let mut words = Vec::new();
        if pending.resumed_files > 0 {
            words.push(format!("{} to finish", count(pending.resumed_files, "file")));
        }
        if pending.files > known {
            words.push(count(pending.files - known, "new file"));
        }
        if pending.changed_files > 0 {
            words.push(format!("{} changed after loading", count(pending.changed_files, "file")));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn changed_inputs(&self, node: &Node, built: &Built) -> Option<String> {
        let mut inputs = BTreeMap::new();
        self.inputs(node.step.reads(), &mut inputs);
        let changed: Vec<&TableName> = inputs
            .iter()
            .filter(|(name, version)| version.is_none() || built.inputs.get(*name) != version.as_ref())
            .map(|(name, _)| name)
            // Its own table, which an increment reads, is no input of it.
            .chain(
                built.inputs.keys().filter(|name| !inputs.contains_key(*name) && node.relation.as_ref() != Some(*name)),
            )
            .collect();
        match changed.as_slice() {
            [] => None,
            [one] => Some(format!("`{one}` changed")),
            many => Some(format!("{} inputs changed", many.len())),
        }
    }

    /// The present version of everything that a step reads, through views; `None` for what nobody knows.
    fn inputs(&self, reads: &[TableName], inputs: &mut BTreeMap<TableName, Option<TableVersion>>) {
        for name in reads {
            if inputs.contains_key(name) {
                continue;
            }
            let maker = self.makers.get(name);
            let version = maker.and_then(|maker| self.states.get(&maker.id)).and_then(|state| state.version.clone());
            inputs.insert(name.clone(), version);
            if let Some(Step::View(view)) = maker.map(|maker| &maker.step) {
                self.inputs(&view.reads, inputs);
            }
        }
    }
}

fn changed(node: &Node) -> &'static str {
    match node.step {
        Step::Ingest(_) => "changed settings",
        Step::External => "changed columns",
        Step::Seed(_) => "changed file",
        _ => "changed code",
    }
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
