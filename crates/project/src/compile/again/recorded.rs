//! What the compiler asked of the lake, and what it was told: an answer that is another makes a result another.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use headwater_plan::{Diagnostic, TableName};
use headwater_sql::{RelationSource, Relations};

use super::bytes::{Reader, Writer};
use crate::world::{Answer, Outside, RelationKind};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Names,
    Relation(TableName),
    Kind(TableName),
}

/// The questions, each with a hash of its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answers(BTreeMap<Question, u64>);

/// The lake, and what was asked of it.
pub(super) struct Recorded {
    lake: Arc<dyn Outside>,
    answers: Mutex<Answers>,
    /// Whether it gave an answer that cannot be compared with a later one.
    once: AtomicBool,
}

impl Recorded {
    pub(super) fn new(lake: &Arc<dyn Outside>) -> Self {
        Self { lake: Arc::clone(lake), answers: Mutex::default(), once: AtomicBool::new(false) }
    }

    /// What it answered; `None` if a later answer cannot be told from it.
    pub(super) fn answers(&self) -> Option<Answers> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.once.load(Ordering::Relaxed)).then(|| answers.clone())
    }

    fn keep(&self, question: Question, answer: impl Hash) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).0.insert(question, hashed(answer));
    }

    fn once(&self) {
        self.once.store(true, Ordering::Relaxed);
    }
}

impl Relations for Recorded {
    fn relation(&self, name: &TableName) -> Option<RelationSource> {
        let found = self.lake.relation(name);
        match &found {
            None => self.keep(Question::Relation(name.clone()), 0),
            Some(RelationSource::Schema(schema)) => self.keep(Question::Relation(name.clone()), &schema.fields),
            Some(RelationSource::Provider(_) | RelationSource::View { .. }) => self.once(),
        }
        found
    }

    fn names(&self) -> Vec<TableName> {
        let names = self.lake.names();
        self.keep(Question::Names, &names);
        names
    }
}

impl Outside for Recorded {
    fn rows(&self, sql: &str) -> Result<Answer, Diagnostic> {
        self.once();
        self.lake.rows(sql)
    }

    fn kind(&self, name: &TableName) -> Option<RelationKind> {
        let kind = self.lake.kind(name);
        self.keep(Question::Kind(name.clone()), kind.map(RelationKind::word));
        kind
    }
}

impl Answers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the lake gives the same answers.
    pub(super) fn hold(&self, lake: &Arc<dyn Outside>) -> bool {
        let again = Recorded::new(lake);
        for question in self.0.keys() {
            match question {
                Question::Names => drop(again.names()),
                Question::Relation(name) => drop(again.relation(name)),
                Question::Kind(name) => drop(again.kind(name)),
            }
        }
        again.answers().is_some_and(|answers| answers == *self)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        let answers: Vec<(&Question, &u64)> = self.0.iter().collect();
        to.list(&answers, |to, (question, answer)| {
            let mut about = |word: u8, name: Option<&TableName>| {
                to.byte(word);
                for part in name.into_iter().flat_map(|name| [&name.schema, &name.name]) {
                    to.text(part);
                }
            };
            match question {
                Question::Names => about(0, None),
                Question::Relation(name) => about(1, Some(name)),
                Question::Kind(name) => about(2, Some(name)),
            }
            to.fixed(**answer);
        });
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let answers = from.list(|from| {
            let name = |from: &mut Reader<'_>| {
                Some(TableName { schema: from.text()?.to_owned(), name: from.text()?.to_owned() })
            };
            let question = match from.byte()? {
                0 => Question::Names,
                1 => Question::Relation(name(from)?),
                2 => Question::Kind(name(from)?),
                _ => return None,
            };
            Some((question, from.fixed()?))
        })?;
        Some(Self(answers.into_iter().collect()))
    }
}

fn hashed(answer: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    answer.hash(&mut hasher);
    hasher.finish()
}

/// A lake that nobody should ask.
pub(super) struct Nowhere;

impl Relations for Nowhere {
    fn relation(&self, _: &TableName) -> Option<RelationSource> {
        None
    }

    fn names(&self) -> Vec<TableName> {
        Vec::new()
    }
}

impl Outside for Nowhere {
    fn rows(&self, _: &str) -> Result<Answer, Diagnostic> {
        Ok(Answer::Later(Vec::new()))
    }
}
