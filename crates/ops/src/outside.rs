//! The lake, as the compiler asks it. What the user wrote is checked against contracts; the lake is asked for the columns
//! of a table that something else writes and that the project does not describe, and for the rows that a template wants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use headwater_embedded::EmbeddedEngine;
use headwater_lake::Lake;
use headwater_plan::{Clock, Diagnostic, Diagnostics, Environment, TableName};
use headwater_project::{Answer, Outside, Request, Rows};
use headwater_sql::{RelationSource, Relations, SparkSql};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::wiring;

/// The lake, opened when the compiler first asks: most projects never do.
pub(crate) struct OutsideLake {
    environment: Environment,
    request: Request,
    clock: Arc<dyn Clock>,
    lake: OnceCell<Option<Lake>>,
    /// Answers for rows, made when a template first asks.
    engine: OnceLock<EmbeddedEngine>,
    /// Why a table could not be looked up.
    failure: Mutex<Option<Diagnostic>>,
    runtime: Handle,
}

impl OutsideLake {
    /// The lake of the environment that the request is for. To be called on the runtime.
    pub(crate) fn new(request: &Request, clock: &Arc<dyn Clock>) -> Result<Self, Diagnostics> {
        Ok(Self {
            environment: headwater_project::environment(request)?,
            request: request.clone(),
            clock: Arc::clone(clock),
            lake: OnceCell::new(),
            engine: OnceLock::new(),
            failure: Mutex::default(),
            runtime: Handle::current(),
        })
    }

    /// Why a table could not be looked up, if one could not.
    pub(crate) fn failure(&self) -> Option<Diagnostic> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The compiler asks from its own threads, so that waiting here stops nobody.
    fn lake(&self) -> Option<Lake> {
        let open = || async { self.kept(wiring::lake(&self.environment, &self.request.environ).await) };
        self.runtime.block_on(self.lake.get_or_init(open)).clone()
    }

    /// The answer, or none and the first reason why kept.
    fn kept<T>(&self, answer: Result<T, Diagnostic>) -> Option<T> {
        answer
            .map_err(|failure| self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure).code)
            .ok()
    }

    fn engine(&self, lake: Lake) -> &EmbeddedEngine {
        let _entered = self.runtime.enter();
        self.engine.get_or_init(|| wiring::embedded(&self.environment, lake, &self.request, &self.clock))
    }
}

impl Relations for OutsideLake {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        let lake = self.lake()?;
        let relation = self.kept(self.runtime.block_on(lake.relation(name)).map_err(Diagnostic::from))??;
        Some(RelationSource::Schema(relation.schema()))
    }

    fn names(&self) -> Vec<TableName> {
        let Some(lake) = self.lake() else { return Vec::new() };
        let relations = self.kept(self.runtime.block_on(lake.relations()).map_err(Diagnostic::from));
        relations.unwrap_or_default().into_iter().map(|relation| relation.name).collect()
    }
}

impl Outside for OutsideLake {
    fn rows(&self, sql: &str) -> Result<Answer, Diagnostic> {
        let asked = Asked { lake: self, found: Mutex::default(), missing: Mutex::default() };
        // What is wrong with the query is told by the engine, which tells the place too.
        let _checked = SparkSql::for_checking().plan(sql, &asked);
        let missing = asked.missing.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !missing.is_empty() {
            return Ok(Answer::Later(missing.into_iter().collect()));
        }
        let reads = asked.found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        let Some(lake) = self.lake() else {
            // Told once, when the compiler is done.
            return Ok(Answer::Later(Vec::new()));
        };
        let (schema, rows) = self.runtime.block_on(self.engine(lake).rows(sql))?;
        Ok(Answer::Rows(Rows { schema, rows, reads }))
    }
}

/// Remembers what a query names.
struct Asked<'a> {
    lake: &'a OutsideLake,
    found: Mutex<BTreeSet<TableName>>,
    missing: Mutex<BTreeSet<TableName>>,
}

impl Relations for Asked<'_> {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        let relation = self.lake.relation(name);
        let into = if relation.is_some() { &self.found } else { &self.missing };
        into.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        relation
    }

    fn names(&self) -> Vec<TableName> {
        Vec::new()
    }
}
