//! `modules.re`

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};
use regex::{Captures, Regex, RegexBuilder};

use super::failed;
use crate::template::value::{Dict, List, none};

/// Python's flags.
const FLAGS: [(&str, i64); 8] =
    [("IGNORECASE", 2), ("I", 2), ("MULTILINE", 8), ("M", 8), ("DOTALL", 16), ("S", 16), ("VERBOSE", 64), ("X", 64)];

/// `modules.re`
#[derive(Debug)]
pub(super) struct Re;

/// `re.compile(…)`
#[derive(Debug)]
struct Pattern(Regex);

fn compiled(pattern: &str, flags: i64) -> Result<Regex, Error> {
    // Python's `\Z` is the end of the text, `(?<name>` is written with a P.
    RegexBuilder::new(&with_plain_braces(&pattern.replace("\\Z", "\\z")))
        .case_insensitive(flags & 2 != 0)
        .multi_line(flags & 8 != 0)
        .dot_matches_new_line(flags & 16 != 0)
        .ignore_whitespace(flags & 64 != 0)
        .build()
        .map_err(|error| {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            failed(format!("the regular expression `{pattern}` is not supported: {why}"))
        })
}

/// A brace that begins no number of times is one, as in Python: `{{\s*ref`.
fn with_plain_braces(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let mut before = ' ';
    for (at, letter) in pattern.char_indices() {
        let times = pattern[at + letter.len_utf8()..].split_once('}').map_or("", |(times, _)| times);
        let counts = !times.is_empty() && times.chars().all(|c| c.is_ascii_digit() || c == ',');
        if letter == '{' && before != '\\' && !counts {
            plain.push('\\');
        }
        plain.push(letter);
        before = letter;
    }
    plain
}

impl Object for Re {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        FLAGS.iter().find(|(known, _)| *known == name).map(|(_, flag)| Value::from(*flag))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let [pattern, rest @ ..] = given.as_slice() else {
            return Err(failed(format!("`re.{method}` needs a pattern")));
        };
        if method == "escape" {
            return Ok(Value::from(regex::escape(&pattern.to_string())));
        }
        // The flags are the last argument, after those of the method.
        let own = match method {
            "compile" => 0,
            "sub" | "subn" => 3,
            "split" => 2,
            _ => 1,
        };
        let flags = match named.get::<Option<i64>>("flags")? {
            Some(flags) => flags,
            None => rest.get(own).and_then(Value::as_i64).unwrap_or(0),
        };
        let regex = match pattern.downcast_object_ref::<Pattern>() {
            Some(pattern) => pattern.0.clone(),
            None => compiled(&pattern.to_string(), flags)?,
        };
        match method {
            "compile" => Ok(Value::from_object(Pattern(regex))),
            _ => run(&regex, method, rest, &named),
        }
    }
}

impl Object for Pattern {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "pattern").then(|| Value::from(self.0.as_str()))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        run(&self.0, method, &given, &named)
    }
}

/// A method of `re`, its pattern compiled.
fn run(regex: &Regex, method: &str, given: &[Value], named: &Kwargs) -> Result<Value, Error> {
    let text = |place: usize| given.get(place).map(Value::to_string).unwrap_or_default();
    let found = |captures: Option<Captures<'_>>| captures.map_or_else(none, |captures| Match::value(regex, &captures));
    let count = |place: usize, name: &str| -> Result<usize, Error> {
        Ok(match named.get::<Option<usize>>(name)? {
            Some(count) => count,
            None => given.get(place).and_then(Value::as_usize).unwrap_or(0),
        })
    };
    let searched = text(0);
    Ok(match method {
        "search" => found(regex.captures(&searched)),
        "match" => {
            found(regex.captures(&searched).filter(|captures| captures.get(0).is_some_and(|all| all.start() == 0)))
        }
        "fullmatch" => {
            let whole = compiled_whole(regex)?;
            found(whole.captures(&searched))
        }
        "findall" => List::value(regex.captures_iter(&searched).map(|captures| all_of(&captures)).collect()),
        "finditer" => {
            List::value(regex.captures_iter(&searched).map(|captures| Match::value(regex, &captures)).collect())
        }
        "split" => {
            let parts: Vec<Value> = match count(1, "maxsplit")? {
                0 => regex.split(&searched).map(Value::from).collect(),
                most => regex.splitn(&searched, most + 1).map(Value::from).collect(),
            };
            List::value(parts)
        }
        "sub" | "subn" => {
            let searched = text(1);
            let template = replacement(&text(0));
            let replaced = regex.replacen(&searched, count(2, "count")?, template.as_str());
            Value::from(replaced.into_owned())
        }
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn compiled_whole(regex: &Regex) -> Result<Regex, Error> {
    compiled(&format!("^(?:{})$", regex.as_str()).replace("^(?:(?i)", "(?i)^(?:"), 0)
}

/// What `findall` gives of a match: all of it, its only group, or its groups.
fn all_of(captures: &Captures<'_>) -> Value {
    let group = |place: usize| Value::from(captures.get(place).map_or("", |group| group.as_str()));
    match captures.len() {
        1 => group(0),
        2 => group(1),
        groups => Value::from(Tuple::from((1..groups).map(group).collect::<Vec<_>>())),
    }
}

/// Python's `\1` and `\g<name>` as `${1}` and `${name}`.
fn replacement(template: &str) -> String {
    let mut made = String::new();
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek().copied()) {
            ('$', _) => made.push_str("$$"),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                letters.next();
                made.push_str(&format!("${{{digit}}}"));
            }
            ('\\', Some('g')) => {
                letters.next();
                let name: String = letters.by_ref().skip_while(|c| *c == '<').take_while(|c| *c != '>').collect();
                made.push_str(&format!("${{{name}}}"));
            }
            ('\\', Some('n')) => {
                letters.next();
                made.push('\n');
            }
            ('\\', Some('\\')) => {
                letters.next();
                made.push('\\');
            }
            (letter, _) => made.push(letter),
        }
    }
    made
}

/// A match: its groups, their names and places.
#[derive(Debug)]
struct Match {
    groups: Vec<Option<(String, usize, usize)>>,
    names: Vec<(String, usize)>,
}

impl Match {
    fn value(regex: &Regex, captures: &Captures<'_>) -> Value {
        let group = |group: regex::Match<'_>| (group.as_str().to_string(), group.start(), group.end());
        let groups = captures.iter().map(|found| found.map(group)).collect();
        let named = |(place, name): (usize, Option<&str>)| Some((name?.to_string(), place));
        Value::from_object(Self { groups, names: regex.capture_names().enumerate().filter_map(named).collect() })
    }

    fn place(&self, key: &Value) -> Option<usize> {
        match key.as_str() {
            Some(name) => self.names.iter().find(|(known, _)| known == name).map(|(_, place)| *place),
            None => key.as_usize().filter(|place| *place < self.groups.len()),
        }
    }

    fn text(&self, place: usize) -> Value {
        self.groups[place].as_ref().map_or_else(none, |(text, ..)| Value::from(text))
    }
}

impl Object for Match {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.place(key).map(|place| self.text(place))
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let place = |key: Option<&Value>| {
            let key = key.cloned().unwrap_or_else(|| Value::from(0));
            self.place(&key).ok_or_else(|| failed(format!("the match has no group `{key}`")))
        };
        Ok(match (method, args) {
            ("group", [] | [_]) => self.text(place(args.first())?),
            ("group", several) => {
                let texts = several.iter().map(|key| place(Some(key)).map(|place| self.text(place)));
                Value::from(Tuple::from(texts.collect::<Result<Vec<_>, _>>()?))
            }
            ("groups", _) => Value::from(Tuple::from((1..self.groups.len()).map(|n| self.text(n)).collect::<Vec<_>>())),
            ("groupdict", _) => Dict::of(self.names.iter().map(|(name, place)| (name.as_str(), self.text(*place)))),
            ("start" | "end" | "span", _) => {
                let Some((_, start, end)) = &self.groups[place(args.first())?] else { return Ok(Value::from(-1)) };
                match method {
                    "start" => Value::from(*start),
                    "end" => Value::from(*end),
                    _ => Value::from(Tuple::from([Value::from(*start), Value::from(*end)])),
                }
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<re.Match {}>", self.text(0))
    }
}
