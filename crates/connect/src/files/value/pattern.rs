//! Spark's datetime patterns (those of Java's `DateTimeFormatter`, strict), compiled once. Letters that Spark refuses
//! for reading, or whose meaning in Spark would surprise, are refused by name when the contract is checked.

use super::datetime::{self, MICROS_PER_SECOND, Reader};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
enum Item {
    Literal(String),
    /// Of a year in this century.
    ShortYear,
    Number(Part, usize, usize),
    Month {
        short: bool,
    },
    Fraction(usize),
    HalfDay,
    Offset {
        colon: bool,
        /// Whether minutes may be missing.
        bare_hours: bool,
        /// Whether `Z` stands for no offset.
        zulu: bool,
    },
    Optional(Vec<Item>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    ClockHour,
    Minute,
    Second,
}

/// What a text said; what it did not say is the beginning.
#[derive(Debug, Clone, Copy)]
struct Said {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    clock_hour: Option<u32>,
    afternoon: bool,
    minute: u32,
    second: u32,
    micros: u32,
    offset: i32,
}

impl Pattern {
    /// Compiles a pattern. The error says what is wrong with it.
    pub(crate) fn compile(pattern: &str) -> Result<Self, String> {
        let mut compiler =
            Compiler { rest: pattern.chars().collect::<Vec<_>>().into_iter().peekable(), seen: Vec::new() };
        let items = compiler.items(false)?;
        let seen = compiler.seen;
        if !seen.contains(&'y') {
            return Err("it has no year: expected `yyyy`".into());
        }
        if seen.contains(&'d') && !seen.contains(&'M') {
            return Err("it has a day and no month: expected `MM`".into());
        }
        if seen.contains(&'h') != seen.contains(&'a') {
            return Err("`h` is an hour of a half-day and needs `a`; `H` is the hour of a day".into());
        }
        if seen.contains(&'h') && seen.contains(&'H') {
            return Err("it has two hours: `h` and `H`".into());
        }
        Ok(Self { items })
    }

    /// The day that a text says.
    pub(crate) fn date(&self, bytes: &[u8]) -> Option<i32> {
        let said = self.read(bytes)?;
        said.micros_since_epoch()?;
        datetime::days(said.year, said.month, said.day)
    }

    /// The instant that a text says, in microseconds; UTC if it names no offset.
    pub(crate) fn timestamp(&self, bytes: &[u8]) -> Option<i64> {
        self.read(bytes)?.micros_since_epoch()
    }

    /// Whether texts of this pattern may name an offset.
    pub(crate) fn has_offset(&self) -> bool {
        fn any(items: &[Item]) -> bool {
            items.iter().any(|item| match item {
                Item::Offset { .. } => true,
                Item::Optional(items) => any(items),
                _ => false,
            })
        }
        any(&self.items)
    }

    fn read(&self, bytes: &[u8]) -> Option<Said> {
        let mut said = Said {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            clock_hour: None,
            afternoon: false,
            minute: 0,
            second: 0,
            micros: 0,
            offset: 0,
        };
        let mut text = Reader::new(bytes);
        said.read(&self.items, &mut text)?;
        text.is_done().then_some(said)
    }
}

impl Said {
    fn read(&mut self, items: &[Item], text: &mut Reader<'_>) -> Option<()> {
        for item in items {
            match item {
                Item::Literal(literal) => text.literal(literal)?,
                Item::ShortYear => self.year = 2000 + text.number(2, 2)?,
                Item::Number(part, least, most) => *self.part(*part) = text.number(*least, *most)?,
                Item::Month { short } => {
                    let named = |name: &str| text.clone().literal(name).map(|()| name.len());
                    let names = MONTHS.iter().map(|name| if *short { &name[..3] } else { name });
                    let (month, name) = names.enumerate().find(|(_, name)| named(name).is_some())?;
                    text.literal(name)?;
                    self.month = month as u32 + 1;
                }
                Item::Fraction(most) => self.micros = text.fraction(*most)?,
                Item::HalfDay => {
                    self.afternoon = text.literal("PM").is_some();
                    if !self.afternoon {
                        text.literal("AM")?;
                    }
                }
                Item::Offset { colon, bare_hours, zulu } => self.offset = offset(text, *colon, *bare_hours, *zulu)?,
                Item::Optional(items) => {
                    let (mut attempt, mut ahead) = (*self, *text);
                    if attempt.read(items, &mut ahead).is_some() {
                        (*self, *text) = (attempt, ahead);
                    }
                }
            }
        }
        Some(())
    }

    fn part(&mut self, part: Part) -> &mut u32 {
        match part {
            Part::Year => &mut self.year,
            Part::Month => &mut self.month,
            Part::Day => &mut self.day,
            Part::Hour => &mut self.hour,
            Part::ClockHour => self.clock_hour.insert(0),
            Part::Minute => &mut self.minute,
            Part::Second => &mut self.second,
        }
    }

    fn micros_since_epoch(&self) -> Option<i64> {
        let hour = match self.clock_hour {
            Some(hour) if !(1..=12).contains(&hour) => return None,
            Some(hour) => hour % 12 + if self.afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let day = datetime::days(self.year, self.month, self.day)?;
        let local = datetime::micros(day, hour, self.minute, self.second, self.micros)?;
        Some(local - i64::from(self.offset) * MICROS_PER_SECOND)
    }
}

fn offset(text: &mut Reader<'_>, colon: bool, bare_hours: bool, zulu: bool) -> Option<i32> {
    if zulu && text.literal("Z").is_some() {
        return Some(0);
    }
    let sign = text.sign()?;
    let hours = text.number(2, 2)?;
    let mut ahead = *text;
    let minutes = (!colon || ahead.take(b':')).then(|| ahead.number(2, 2)).flatten();
    match minutes {
        Some(minutes) => {
            *text = ahead;
            datetime::offset(sign, hours, minutes)
        }
        None if bare_hours => datetime::offset(sign, hours, 0),
        None => None,
    }
}

struct Compiler {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    seen: Vec<char>,
}

impl Compiler {
    fn items(&mut self, optional: bool) -> Result<Vec<Item>, String> {
        let mut items: Vec<Item> = Vec::new();
        while let Some(letter) = self.rest.next() {
            let item = match letter {
                '\'' => Item::Literal(self.quoted()?),
                '[' => Item::Optional(self.items(true)?),
                ']' if optional => return Ok(items),
                ']' => return Err("`]` closes nothing".into()),
                '{' | '}' | '#' => return Err(format!("`{letter}` is reserved: write `'{letter}'`")),
                letter if letter.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while self.rest.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    self.field(letter, count)?
                }
                other => Item::Literal(other.to_string()),
            };
            adjacent(items.last(), &item)?;
            items.push(item);
        }
        if optional { Err("a `[` is not closed".into()) } else { Ok(items) }
    }

    /// The text behind an opening `'`; two of them are one.
    fn quoted(&mut self) -> Result<String, String> {
        if self.rest.next_if_eq(&'\'').is_some() {
            return Ok("'".into());
        }
        let mut text = String::new();
        while let Some(letter) = self.rest.next() {
            if letter != '\'' {
                text.push(letter);
            } else if self.rest.next_if_eq(&'\'').is_some() {
                text.push('\'');
            } else {
                return Ok(text);
            }
        }
        Err("a `'` is not closed".into())
    }

    fn field(&mut self, letter: char, count: usize) -> Result<Item, String> {
        let kind = match letter {
            'X' | 'x' | 'Z' => 'X',
            other => other,
        };
        if self.seen.contains(&kind) {
            return Err(format!("`{letter}` stands in it twice"));
        }
        self.seen.push(kind);
        let item = match (letter, count) {
            ('y', 1 | 4) => Item::Number(Part::Year, 4, 4),
            ('y', 2) => Item::ShortYear,
            ('M', 1 | 2) => Item::Number(Part::Month, count, 2),
            ('M', 3) => Item::Month { short: true },
            ('M', 4) => Item::Month { short: false },
            ('d', 1 | 2) => Item::Number(Part::Day, count, 2),
            ('H', 1 | 2) => Item::Number(Part::Hour, count, 2),
            ('h', 1 | 2) => Item::Number(Part::ClockHour, count, 2),
            ('m', 1 | 2) => Item::Number(Part::Minute, count, 2),
            ('s', 1 | 2) => Item::Number(Part::Second, count, 2),
            ('S', 1..=9) => Item::Fraction(count),
            ('a', 1) => Item::HalfDay,
            ('X' | 'x', 1..=3) => Item::Offset { colon: count == 3, bare_hours: count == 1, zulu: letter == 'X' },
            ('Z', 1..=3) => Item::Offset { colon: false, bare_hours: false, zulu: false },
            ('y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'S' | 'a' | 'X' | 'x' | 'Z', _) => {
                return Err(format!(
                    "`{}` is not supported: {count} times `{letter}`",
                    letter.to_string().repeat(count)
                ));
            }
            ('Y', _) => return Err("`Y` is the year of a week: write `y`".into()),
            ('D', _) => return Err("`D` is the day of a year: write `d`".into()),
            _ => {
                return Err(format!(
                    "`{letter}` is not supported: expected `y`, `M`, `d`, `H`, `h`, `m`, `s`, `S`, `a`, `X`, `x`, `Z`, \
                     or text in `'`"
                ));
            }
        };
        Ok(item)
    }
}

/// Refuses what Java reads in surprising ways: a number of open length with digits behind it.
fn adjacent(before: Option<&Item>, item: &Item) -> Result<(), String> {
    let before = before.and_then(|before| outermost(before, |items| items.last()));
    let item = outermost(item, |items| items.first());
    let digits = matches!(item, Some(Item::Number(..) | Item::ShortYear));
    match (before, item) {
        (Some(Item::Number(_, least, most)), _) if digits && least < most => {
            Err("a single letter takes one or two digits, so that no digits may follow it at once: write it twice"
                .into())
        }
        (Some(Item::Number(..) | Item::ShortYear), Some(Item::Fraction(_))) => {
            Err("`S` directly behind digits cannot be read (nor does Spark): put a point between them".into())
        }
        (Some(Item::Fraction(_)), _) if digits => Err("no digits may follow `S` at once".into()),
        _ => Ok(()),
    }
}

/// The item that touches its neighbour, through the brackets around it.
fn outermost(item: &Item, touching: fn(&[Item]) -> Option<&Item>) -> Option<&Item> {
    match item {
        Item::Optional(items) => touching(items).and_then(|item| outermost(item, touching)),
        item => Some(item),
    }
}
