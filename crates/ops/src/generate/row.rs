//! One row: how each column's cell is made, in an order in which a cell comes after those that it needs.

use rand_chacha::ChaCha8Rng;

use super::datetime::TimeFormat;
use super::random::{below, hit};
use super::slots::{Draw, Slots};
use super::words::{CITIES, COMPANY_KINDS, FIRST_NAMES, LAST_NAMES, MAIL_DOMAINS, STREET_KINDS, STREET_NAMES};

/// What makes a column's cell.
#[derive(Debug, Clone)]
pub(super) enum Filler {
    /// A countable value.
    Slots {
        slots: Slots,
        draw: Draw,
    },
    /// A text of a list, by cumulated weight out of 2^53.
    Choice(Vec<(u64, String)>),
    /// The unique value of another table's row.
    Reference {
        slots: Slots,
        key: Draw,
        rows: u64,
        draw: Draw,
    },
    /// The time of another column and `min` + n × `step` microseconds.
    After {
        column: usize,
        min: i64,
        step: i64,
        count: u64,
        format: TimeFormat,
    },
    /// Texts and the cells of other columns in turn.
    Template(Vec<Part>),
    /// An address from two other columns or from names of its own; `numbered` makes it unique by the row's number.
    Email {
        first: Option<usize>,
        last: Option<usize>,
        numbered: bool,
    },
    FirstName,
    LastName,
    FullName,
    Company,
    Phone,
    Street,
    /// A place, or what goes with the place of another column.
    Place {
        part: PlacePart,
        of: Option<usize>,
    },
}

/// A part of a template.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Cell(usize),
}

/// What of a place is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlacePart {
    City,
    State,
    Zip,
}

/// What makes a column's cells, and how many of them are empty.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) filler: Filler,
    /// The share of empty cells, as a threshold.
    pub(super) null: u64,
}

/// A cell: where its text lies, and what other columns may need of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    start: usize,
    end: usize,
    pub(super) null: bool,
    /// Microseconds for a time, the place's number for a place.
    number: i64,
}

/// A row's cells in the order of the columns; one buffer for all rows of a block.
#[derive(Debug, Default)]
pub(super) struct Row {
    text: Vec<u8>,
    cells: Vec<Cell>,
}

impl Row {
    /// Makes row number `row` anew.
    pub(super) fn fill(&mut self, row: u64, columns: &[Column], order: &[usize], random: &mut ChaCha8Rng) {
        self.text.clear();
        self.cells.clear();
        self.cells.resize(columns.len(), Cell::default());
        for &position in order {
            let column = &columns[position];
            let start = self.text.len();
            let number = self.fill_cell(row, &column.filler, random);
            // The value is drawn before its absence is, so that a share of nulls changes no other cell.
            let null = hit(random, column.null) || number.is_none();
            if null {
                self.text.truncate(start);
            }
            self.cells[position] = Cell { start, end: self.text.len(), null, number: number.unwrap_or_default() };
        }
    }

    /// The cells.
    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// A cell's text.
    pub(super) fn text(&self, cell: Cell) -> &[u8] {
        &self.text[cell.start..cell.end]
    }

    /// Appends the cell's text; its number is the answer, `None` when what it needs is null.
    fn fill_cell(&mut self, row: u64, filler: &Filler, random: &mut ChaCha8Rng) -> Option<i64> {
        match filler {
            Filler::Slots { slots, draw } => {
                let number = draw.number(row, slots.count, random);
                return Some(slots.write(number, &mut self.text));
            }
            Filler::Reference { slots, key, rows, draw } => {
                let number = draw.number(row, u128::from(*rows), random);
                let number = key.number(number, slots.count, random);
                return Some(slots.write(number, &mut self.text));
            }
            Filler::Choice(choices) => {
                let drawn = below(random, 1 << 53);
                let choice = choices.iter().find(|(bound, _)| drawn < *bound).or(choices.last());
                self.push(choice.map_or("", |(_, text)| text));
            }
            Filler::After { column, min, step, count, format } => {
                let added = min + (below(random, *count) as i64).saturating_mul(*step);
                let base = self.cells[*column];
                if base.null {
                    return None;
                }
                let microseconds = base.number.saturating_add(added);
                format.write(microseconds, &mut self.text);
                return Some(microseconds);
            }
            Filler::Template(parts) => {
                for part in parts {
                    match part {
                        Part::Text(text) => self.push(text),
                        Part::Cell(column) => {
                            let cell = self.cells[*column];
                            self.text.extend_from_within(cell.start..cell.end);
                        }
                    }
                }
            }
            Filler::Email { first, last, numbered } => self.email(row, (*first, *last, *numbered), random),
            Filler::FirstName => self.push(pick(FIRST_NAMES, random)),
            Filler::LastName => self.push(pick(LAST_NAMES, random)),
            Filler::FullName => {
                self.push(pick(FIRST_NAMES, random));
                self.push(" ");
                self.push(pick(LAST_NAMES, random));
            }
            Filler::Company => self.company(random),
            Filler::Phone => self.phone(random),
            Filler::Street => {
                super::datetime::digits(1 + below(random, 9998), 1, &mut self.text);
                self.push(" ");
                self.push(pick(STREET_NAMES, random));
                self.push(" ");
                self.push(pick(STREET_KINDS, random));
            }
            Filler::Place { part, of } => return Some(self.place(*part, *of, random)),
        }
        Some(0)
    }

    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// The three shapes in which companies are called, one of them with a comma.
    fn company(&mut self, random: &mut ChaCha8Rng) {
        self.push(pick(LAST_NAMES, random));
        match below(random, 3) {
            0 => {
                self.push(" ");
                self.push(pick(COMPANY_KINDS, random));
            }
            1 => {
                self.push("-");
                self.push(pick(LAST_NAMES, random));
            }
            _ => {
                self.push(", ");
                self.push(pick(LAST_NAMES, random));
                self.push(" and ");
                self.push(pick(LAST_NAMES, random));
            }
        }
    }

    /// A number that is kept free for stories: 555-0100 to 555-0199 of any area.
    fn phone(&mut self, random: &mut ChaCha8Rng) {
        super::datetime::digits(200 + below(random, 800), 3, &mut self.text);
        self.push("-555-01");
        super::datetime::digits(below(random, 100), 2, &mut self.text);
    }

    fn email(
        &mut self,
        row: u64,
        (first, last, numbered): (Option<usize>, Option<usize>, bool),
        random: &mut ChaCha8Rng,
    ) {
        let names = [(first, FIRST_NAMES), (last, LAST_NAMES)];
        for (column, list) in names {
            let own = pick(list, random);
            match column.map(|column| self.cells[column]) {
                Some(cell) if !cell.null => self.push_for_address(cell.start..cell.end),
                _ => {
                    let start = self.text.len();
                    self.push(own);
                    let end = self.text.len();
                    self.push_for_address(start..end);
                    self.text.drain(start..end);
                }
            }
            self.push(".");
        }
        if numbered {
            super::datetime::digits(row + 1, 1, &mut self.text);
        } else {
            self.text.pop();
        }
        self.push("@");
        self.push(pick(MAIL_DOMAINS, random));
    }

    /// Appends a part of the text again, as it stands in an address: small letters and digits only.
    fn push_for_address(&mut self, range: std::ops::Range<usize>) {
        for position in range {
            let byte = self.text[position];
            if byte.is_ascii_alphanumeric() {
                self.text.push(byte.to_ascii_lowercase());
            }
        }
    }

    fn place(&mut self, part: PlacePart, of: Option<usize>, random: &mut ChaCha8Rng) -> i64 {
        let drawn = below(random, CITIES.len() as u64);
        let number = of.map_or(drawn, |column| self.cells[column].number as u64);
        let (city, state, zip) = CITIES[number as usize % CITIES.len()];
        match part {
            PlacePart::City => self.push(city),
            PlacePart::State => self.push(state),
            PlacePart::Zip => {
                self.push(zip);
                super::datetime::digits(below(random, 100), 2, &mut self.text);
            }
        }
        number as i64
    }
}

fn pick(list: &'static [&'static str], random: &mut ChaCha8Rng) -> &'static str {
    list.get(below(random, list.len() as u64) as usize).copied().unwrap_or_default()
}
