//! The source of the histories: rows that appear, change, go, come back and come late, and the seed that holds them.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::moments::Random;

/// How many years the rows lie in, this one among them.
const YEARS: u64 = 7;

/// Minutes between two changes of the source.
const STEP: i64 = 10;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The year of its event.
    pub(super) year: i32,
    /// The change that made it what it is: the order of arrival.
    pub(super) edit: i64,
    /// The minute in which it says that it changed: it may say so late.
    pub(super) changed: i64,
    /// What it says.
    pub(super) name: String,
}

/// What may happen to rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Everything.
    Any,
    /// Rows are added and stay as they are, so that only adding has to be seen.
    OnlyAdded,
    /// Rows that go stay as rows that say so, so that whoever looks for new changes sees it.
    Marked,
    /// Rows go, and another of the same year changes with it, so that whoever looks for changed years sees it.
    Witnessed,
}

/// The rows of the source by id.
pub(super) struct Source {
    pub(super) rows: BTreeMap<i64, Row>,
    /// The rows that went, as they were last.
    gone: BTreeMap<i64, Row>,
    next: i64,
    edits: i64,
    this_year: i32,
}

impl Source {
    /// An empty one.
    pub(super) fn new(this_year: i32) -> Self {
        Self { rows: BTreeMap::new(), gone: BTreeMap::new(), next: 0, edits: 0, this_year }
    }

    /// The first year that rows lie in.
    pub(super) fn first_year(this_year: i32) -> i32 {
        this_year - i32::try_from(YEARS).unwrap() + 1
    }

    /// A round's changes: at least a new row, so that there is work.
    pub(super) fn change(&mut self, manners: Manners, random: &mut Random) {
        self.insert(random);
        for _ in 0..random.below(7) {
            match (random.below(8), manners) {
                (0..=3, _) | (_, Manners::OnlyAdded) => self.insert(random),
                (4 | 5, _) | (_, Manners::Marked) => self.update(random),
                (6, _) => self.delete(manners, random),
                _ => self.bring_back(manners, random),
            }
        }
    }

    /// The minute of a change, which is told up to four changes late.
    fn minute(&mut self, random: &mut Random) -> i64 {
        self.edits += 1;
        let late = i64::try_from(random.below(4)).unwrap() * (STEP + 1);
        (self.edits * STEP - late).max(0)
    }

    /// A row of this year, or a late one.
    fn insert(&mut self, random: &mut Random) {
        let late = if random.below(3) == 0 { random.below(YEARS) } else { random.below(2) };
        let year = self.this_year - i32::try_from(late).unwrap();
        let changed = self.minute(random);
        let row = Row { year, edit: self.edits, changed, name: format!("new {}", self.edits) };
        self.rows.insert(self.next, row);
        self.next += 1;
    }

    fn some(&self, random: &mut Random) -> Option<i64> {
        let count = u64::try_from(self.rows.len()).unwrap();
        if count == 0 { None } else { self.rows.keys().nth(usize::try_from(random.below(count)).unwrap()).copied() }
    }

    fn update(&mut self, random: &mut Random) {
        if let Some(id) = self.some(random) {
            self.touch(id, random);
        }
    }

    fn touch(&mut self, id: i64, random: &mut Random) {
        let changed = self.minute(random);
        let edit = self.edits;
        if let Some(row) = self.rows.get_mut(&id) {
            *row = Row { year: row.year, edit, changed, name: format!("edit {edit}") };
        }
    }

    fn delete(&mut self, manners: Manners, random: &mut Random) {
        let Some(id) = self.some(random) else { return };
        let year = self.rows[&id].year;
        let other = self.rows.iter().find(|(other, row)| **other != id && row.year == year).map(|(other, _)| *other);
        match (manners, other) {
            (Manners::Witnessed, None) => return self.touch(id, random),
            (Manners::Witnessed, Some(other)) => self.touch(other, random),
            _ => {}
        }
        let row = self.rows.remove(&id).unwrap();
        self.gone.insert(id, row);
    }

    /// One that went comes back, as it was or changed.
    fn bring_back(&mut self, manners: Manners, random: &mut Random) {
        let Some((id, row)) = self.gone.pop_first() else { return };
        self.rows.insert(id, row);
        if manners == Manners::Witnessed || random.below(2) == 0 {
            self.touch(id, random);
        }
    }

    /// The seed's file.
    pub(super) fn csv(&self) -> String {
        let mut text = String::from("id,at,year,edit,changed,name\n");
        for (id, Row { year, edit, changed, name }) in &self.rows {
            let (month, day) = (id % 12 + 1, id % 28 + 1);
            let minute = format!("{:02}:{:02}", changed / 60 % 24, changed % 60);
            let changed = format!("2024-01-{:02} {minute}:00", changed / (60 * 24) + 1);
            writeln!(text, "{id},{year}-{month:02}-{day:02} 10:00:00,{year},{edit},{changed},{name}").unwrap();
        }
        text
    }
}
