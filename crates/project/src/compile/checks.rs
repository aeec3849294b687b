//! Tests of data: the generic ones of YAML and the singular ones of `tests/*.sql`, as queries whose rows are failures.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use headwater_plan::{
    About, Code, Diagnostic, Diagnostics, Late, Location, NodeId, NodeKind, Query, Schema, Step, TableName, Test,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::generic::{Generic, name_of};
use super::item::{Index, Item};
use super::layers::Place;
use super::models::{layers, project_layers};
use super::resolve::{Registry, reads};
use super::settings::{Owner, Settings};
use super::sources;
use super::typing::{Typing, waits};
use super::upstream::Upstream;
use super::world::NodeWorld;
use crate::config::{ColumnDecl, Loaded, Package, SettingsKind, SqlFile, TestDecl};
use crate::parallel;
use crate::template::{Call, Phase, Template, Unrendered};

/// A test on its way to a node.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) id: NodeId,
    pub(super) kind: NodeKind,
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) tags: Vec<String>,
    pub(super) description: Option<String>,
    pub(super) step: Step,
    /// Sorted, each once.
    pub(super) reads: Vec<Index>,
    /// The relations whose rows its template asked for.
    pub(super) asks: Vec<TableName>,
    pub(super) about: About,
}

/// Makes tests.
pub(super) struct Checks<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) items: &'a [Item<'a>],
    pub(super) registry: &'a Registry<'a>,
    pub(super) typing: &'a Typing<'a>,
}

/// Why there is no test.
pub(super) enum NoCheck {
    Told(Vec<Diagnostic>),
    /// It waits for these.
    Later(Vec<TableName>),
}

impl Checks<'_> {
    /// All tests of the project whose relations are typed; the errors of the others have been told.
    pub(super) fn all(&self, order: &[Index], diagnostics: &mut Diagnostics) -> Vec<Check> {
        let mut asked = Vec::new();
        for index in order {
            let item = &self.items[*index];
            let of_table = item.tests.iter().map(|test| (*index, test, None));
            let columns = item.columns.iter();
            let of_columns = columns.flat_map(|column| column.tests.iter().map(move |t| (*index, t, Some(column))));
            asked.extend(of_table.chain(of_columns));
        }
        let generic = parallel::map(&asked, |(index, test, column)| {
            let mut told = Diagnostics::default();
            (self.generic(*index, test, *column, &mut told), told)
        });
        let mut checks = Vec::with_capacity(generic.len());
        for (check, told) in generic {
            diagnostics.extend(told);
            checks.extend(check);
        }
        for package in &self.loaded.packages {
            for file in &package.test_files {
                checks.extend(self.singular(package, file, diagnostics));
            }
        }
        checks.extend(self.unit_tests(diagnostics));
        self.without_doubles(checks, diagnostics)
    }

    fn generic(
        &self,
        index: Index,
        test: &TestDecl,
        column: Option<&ColumnDecl>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Check> {
        let item = &self.items[index];
        let name = name_of(test, item, column);
        let package = self.package(item.package)?;
        let fqn = fqn(package, &test.location.file, &name);
        let mut given = layers(self.loaded, package, SettingsKind::Tests, &fqn, None);
        given.put(&test.config, &Place::At(test.location.clone()));
        project_layers(self.loaded, package, SettingsKind::Tests, &fqn, &mut given);
        let (mut settings, wrong) = Settings::read(&given, Owner::Test, !self.loaded.dbt);
        for (_, wrong) in wrong {
            diagnostics.push(wrong.at(test.location.clone()).node(item.id.clone()));
        }
        if !settings.enabled {
            return None;
        }
        let condition = settings.test.condition.clone();
        let generic = Generic { checks: self, index, test, column, condition: condition.as_deref() };
        let id = NodeId(format!("test.{}.{name}", item.package));
        let made = match item.late {
            Some(_) => Err(NoCheck::Later(vec![item.relation.clone()])),
            None => generic.check(),
        };
        let made = match made {
            Ok(Some(made)) => made,
            Ok(None) => return None,
            Err(NoCheck::Later(waits)) => Made::later(waits, vec![index]),
            Err(NoCheck::Told(wrong)) => {
                let told = |mut wrong: Diagnostic| {
                    wrong.location.get_or_insert_with(|| test.location.clone());
                    wrong.node(item.id.clone())
                };
                diagnostics.extend(wrong.into_iter().map(told));
                return None;
            }
        };
        if !made.config.is_empty() {
            // What the test says of itself lies below what is said where it is asked for.
            let mut under = layers(self.loaded, package, SettingsKind::Tests, &fqn, None);
            made.config.iter().for_each(|layer| under.put(layer, &Place::At(test.location.clone())));
            under.put(given.values(), &Place::At(test.location.clone()));
            let (read, wrong) = Settings::read(&under, Owner::Test, false);
            diagnostics
                .extend(wrong.into_iter().map(|(_, wrong)| wrong.at(test.location.clone()).node(item.id.clone())));
            (settings, given) = (read, under);
        }
        let about = About {
            package: item.package.to_owned(),
            fqn,
            raw_code: generic.raw_code(),
            config: given.values().clone(),
            macros: made.macros.iter().cloned().collect(),
            test: Some(generic.about()),
            ..About::default()
        };
        let column = made.column.clone();
        Some(self.check(id, name, made, settings, Tested { index: Some(index), column }, test.location.clone(), about))
    }

    fn singular(&self, package: &Package, file: &SqlFile, diagnostics: &mut Diagnostics) -> Option<Check> {
        let name = file.path.file_stem()?.to_str()?;
        let id = NodeId(format!("test.{}.{name}", package.name));
        let template = Template { path: &file.path, text: &file.text, package: &package.name, this: None };
        let world = NodeWorld::shared(self.typing.facts, Value::Null);
        let templates = self.typing.templates;
        let mut fqn = vec![package.name.clone()];
        fqn.extend(file.folders.iter().cloned());
        fqn.push(name.to_owned());
        let properties = package.singular_tests.iter().find(|properties| properties.name == name);
        let mut given = layers(self.loaded, package, SettingsKind::Tests, &fqn, properties);
        let rendered = match templates.render(template, &world, Phase::Parse) {
            Ok(rendered) => rendered,
            Err(Unrendered::Wrong(wrong)) => {
                diagnostics.push(wrong.node(id));
                return None;
            }
            Err(Unrendered::Later(_)) => return None,
        };
        for (number, call) in rendered.calls.iter().enumerate() {
            if let Call::Config(layer) = call {
                given.put(layer, &Place::Call(number));
            }
        }
        project_layers(self.loaded, package, SettingsKind::Tests, &fqn, &mut given);
        let (settings, wrong) = Settings::read(&given, Owner::Test, !self.loaded.dbt);
        let at = |number| templates.locate_call(template, &world, Phase::Parse, number);
        for (key, wrong) in wrong {
            let location = match given.place(&key) {
                Some(Place::At(location)) => location.clone(),
                Some(Place::Call(number)) => at(*number),
                None => Location::line(&file.path, 1),
            };
            diagnostics.push(wrong.at(location).node(id.clone()));
        }
        if !settings.enabled {
            return None;
        }
        let reads = reads(self.registry, self.items, &package.name, &rendered.calls);
        for (number, wrong) in reads.wrong {
            diagnostics.push(wrong.at(at(number)).node(id.clone()));
        }
        if !reads.complete {
            return None;
        }
        sources::tell_of_read(self.items, &reads.items, diagnostics);
        let about = About {
            package: package.name.clone(),
            fqn,
            raw_code: file.text.clone(),
            config: given.values().clone(),
            macros: rendered.macros.iter().cloned().collect(),
            ..About::default()
        };
        let made = match self.singular_query(template, rendered, &reads.items) {
            Ok(Some(made)) => made,
            Ok(None) => return None,
            Err(NoCheck::Later(waits)) => Made::later(waits, reads.items),
            Err(NoCheck::Told(wrong)) => {
                diagnostics.extend(wrong.into_iter().map(|wrong| wrong.node(id.clone())));
                return None;
            }
        };
        let location = Location::line(&file.path, 1);
        Some(self.check(id, name.to_owned(), made, settings, Tested::default(), location, about))
    }

    fn singular_query(
        &self,
        template: Template<'_>,
        parsed: crate::template::Rendered,
        reads: &[Index],
    ) -> Result<Option<Made>, NoCheck> {
        if let Some(waits) = waits(self.items, reads) {
            return Err(NoCheck::Later(waits));
        }
        let upstream = Upstream::new(self.items, self.typing, reads);
        if !upstream.is_typed() {
            return Ok(None);
        }
        let world = NodeWorld::shared(self.typing.facts, Value::Null);
        let rendered = match parsed.asked.compile {
            true => self.typing.templates.render(template, &world, Phase::Compile).map_err(NoCheck::from)?,
            // The relations have their names by now.
            false => self.typing.templates.render(template, &world, Phase::Parse).map_err(NoCheck::from)?,
        };
        let query = self.typing.query(template, &|| Arc::clone(&world), &rendered, &upstream).map_err(NoCheck::Told)?;
        Ok(Some(Made {
            query: self.typing.put_together(self.items, &rendered.text, &query.reads),
            reads: reads.to_vec(),
            column: None,
            asks: rendered.asked.rows_of,
            ..Made::default()
        }))
    }

    #[expect(clippy::too_many_arguments, reason = "what a test is made of, each of another kind")]
    fn check(
        &self,
        id: NodeId,
        name: String,
        made: Made,
        settings: Settings,
        tested: Tested,
        location: Location,
        about: About,
    ) -> Check {
        let store = settings.test.store_failures.unwrap_or(self.typing.facts.stores_failures());
        let audit = || {
            let schema = match (&settings.schema, self.loaded.dbt) {
                (Some(schema), false) => schema.clone(),
                (Some(schema), true) => format!("{}_{schema}", self.loaded.target.schema),
                (None, false) => "dbt_test__audit".to_owned(),
                (None, true) => format!("{}_dbt_test__audit", self.loaded.target.schema),
            };
            TableName::new(schema, settings.alias.as_deref().unwrap_or(&name))
        };
        let step = match made.waits {
            Some(waits_for) => Step::Late(Late { becomes: "test".into(), waits_for, schema: Schema::default() }),
            None => Step::Test(Test {
                severity: settings.test.severity,
                tested: tested.index.map(|tested| self.items[tested].id.clone()),
                column: tested.column,
                fail_calc: settings.test.fail_calc.clone(),
                error_if: settings.test.error_if,
                warn_if: settings.test.warn_if,
                limit: settings.test.limit,
                store_failures: store.then(audit),
                ..Test::new(made.query)
            }),
        };
        Check {
            id,
            kind: NodeKind::Test,
            name,
            location,
            tags: settings.tags,
            description: None,
            step,
            reads: made.reads,
            asks: made.asks,
            about,
        }
    }

    pub(super) fn package(&self, name: &str) -> Option<&Package> {
        self.loaded.packages.iter().find(|package| package.name == name)
    }

    /// Tests of one name with other arguments are two tests, as in dbt, which has a hash in every id.
    fn without_doubles(&self, checks: Vec<Check>, diagnostics: &mut Diagnostics) -> Vec<Check> {
        let mut first: HashMap<NodeId, usize> = HashMap::new();
        let mut kept: Vec<Check> = Vec::with_capacity(checks.len());
        for mut check in checks {
            if let Some(other) = first.get(&check.id).map(|other| &kept[*other])
                && check.differs(other)
            {
                check.id = check.id_with_arguments();
            }
            if let Some(other) = first.get(&check.id).map(|other| &kept[*other]) {
                let message = format!("two tests are named `{}`: the other one is at {}", check.name, other.location);
                diagnostics.push(
                    Diagnostic::error(Code::DuplicateName, message)
                        .at(check.location)
                        .help("take one away, or give it a `name:`"),
                );
                continue;
            }
            first.insert(check.id.clone(), kept.len());
            kept.push(check);
        }
        kept
    }
}

impl Check {
    /// Whether it asks for something else than the other, and keeps no failures where the other keeps its own.
    fn differs(&self, other: &Self) -> bool {
        let stored = |check: &Self| match &check.step {
            Step::Test(test) => test.store_failures.clone(),
            _ => None,
        };
        let asks = |check: &Self| check.about.test.clone().zip(Some(check.about.config.clone()));
        let same_table = stored(self).is_some() && stored(self) == stored(other);
        asks(self).is_some() && asks(self) != asks(other) && !same_table
    }

    fn id_with_arguments(&self) -> NodeId {
        let asked = format!("{:?}{:?}", self.about.test, self.about.config);
        NodeId(format!("{}.{}", self.id.0, &hex(&Sha256::digest(asked.as_bytes()))[..10]))
    }
}

/// dbt's fully qualified name of a generic test: package, the folders of the YAML file that asks for it, its name.
fn fqn(package: &Package, file: &std::path::Path, name: &str) -> Vec<String> {
    let file = file.strip_prefix(&package.dir).unwrap_or(file);
    let folders = file.parent().into_iter().flat_map(std::path::Path::components).skip(1);
    let folders = folders.map(|folder| folder.as_os_str().to_string_lossy().into_owned());
    [package.name.clone()].into_iter().chain(folders).chain([name.to_owned()]).collect()
}

/// What is tested.
#[derive(Debug, Default)]
struct Tested {
    index: Option<Index>,
    column: Option<String>,
}

/// A test's query.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) query: Query,
    pub(super) reads: Vec<Index>,
    pub(super) column: Option<String>,
    pub(super) asks: Vec<TableName>,
    /// What it waits for, if it cannot be made yet.
    pub(super) waits: Option<Vec<TableName>>,
    /// What a test that is a macro says of its own settings.
    pub(super) config: Vec<Map<String, Value>>,
    pub(super) macros: BTreeSet<String>,
}

impl Made {
    fn later(waits: Vec<TableName>, reads: Vec<Index>) -> Self {
        Self { reads, waits: Some(waits), ..Self::default() }
    }
}

impl From<Unrendered> for NoCheck {
    fn from(unrendered: Unrendered) -> Self {
        match unrendered {
            Unrendered::Wrong(wrong) => Self::Told(vec![*wrong]),
            Unrendered::Later(waits) => Self::Later(waits),
        }
    }
}
