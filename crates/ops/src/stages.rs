//! The stages of a run: what waits for rows is compiled again, and decided, once they are there.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use headwater_plan::{Diagnostics, NodeId, Plan, RunReport};
use headwater_run::{DecideOptions, Stage, Stages};

use crate::Context;
use crate::choice::Choice;
use crate::plan::{Prospect, passed};
use crate::project::{Project, compile_for};
use crate::run::{RunOptions, Verb};
use crate::selection::{operations, selected};

/// Compiles the project again for each stage, for the same command.
pub(crate) struct Staging<'a> {
    context: &'a Context,
    project: &'a Project,
    prospect: &'a Prospect<'a>,
    choice: &'a Choice,
    verb: Verb,
    /// The plan of the last stage.
    plan: Mutex<Arc<Plan>>,
}

impl<'a> Staging<'a> {
    pub(crate) fn new(
        context: &'a Context,
        project: &'a Project,
        prospect: &'a Prospect<'a>,
        options: &'a RunOptions,
    ) -> Self {
        let plan = Mutex::new(Arc::clone(&project.plan));
        Self { context, project, prospect, choice: &options.choice, verb: options.verb, plan }
    }

    /// The plan as it is now.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Stages for Staging<'_> {
    async fn next(&self, so_far: &RunReport) -> Result<Stage, Diagnostics> {
        let project = compile_for(self.context, self.project.request.clone()).await?;
        let mut open = selected(&project, self.choice)?;
        open.retain(|id| project.plan.nodes.get(id).is_some_and(|node| self.verb.takes(node.kind)));
        open.extend(operations(&project.plan).cloned());
        let ended: BTreeSet<&NodeId> = so_far.nodes.iter().map(|node| &node.id).collect();
        open.retain(|id| !ended.contains(id));
        let states = headwater_run::states(&project.plan, &open, self.prospect.engine.as_ref()).await?;
        let options = DecideOptions { full_refresh: self.choice.full_refresh };
        let decisions = headwater_run::decide(&project.plan, &open, &states, &passed(&project)?, &options);
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&project.plan);
        Ok(Stage { plan: project.plan, decisions: self.verb.adjust(decisions) })
    }
}
