//! `modules.itertools`

use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use super::{failed, items};
use crate::template::value::{List, none};

/// How many items a call may give: an endless one would never end.
const MOST: usize = 1_000_000;

/// `modules.itertools`
#[derive(Debug)]
pub(super) struct Itertools;

impl Object for Itertools {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (Rest(given), named): (Rest<Value>, Kwargs) = from_args(args)?;
        let size = |place: usize| given.get(place).and_then(Value::as_usize);
        let first = || given.first().map_or_else(|| Ok(Vec::new()), items);
        let rows = match method {
            "product" => {
                let mut lists = given.iter().map(items).collect::<Result<Vec<_>, _>>()?;
                let times = named.get::<Option<usize>>("repeat")?.unwrap_or(1);
                lists = std::iter::repeat_n(lists, times).flatten().collect();
                product(&lists)?
            }
            "combinations" => choices(&first()?, size(1).unwrap_or(0), Choice::Ascending)?,
            "combinations_with_replacement" => choices(&first()?, size(1).unwrap_or(0), Choice::NotDescending)?,
            "permutations" => {
                let of = first()?;
                let size = size(1).unwrap_or(of.len());
                choices(&of, size, Choice::Distinct)?
            }
            "zip_longest" => {
                let lists = given.iter().map(items).collect::<Result<Vec<_>, _>>()?;
                let fill = named.get::<Option<Value>>("fillvalue")?.unwrap_or_else(none);
                let length = lists.iter().map(Vec::len).max().unwrap_or(0);
                let row = |place: usize| {
                    lists.iter().map(|list| list.get(place).cloned().unwrap_or_else(|| fill.clone())).collect()
                };
                (0..length).map(row).collect()
            }
            "chain" => {
                let lists = given.iter().map(items).collect::<Result<Vec<_>, _>>()?;
                return Ok(List::value(lists.concat()));
            }
            "islice" => {
                let (start, stop) = match (size(1), size(2)) {
                    (Some(start), Some(stop)) => (start, stop),
                    (stop, _) => (0, stop.unwrap_or(MOST)),
                };
                let step = size(3).unwrap_or(1).max(1);
                let taken = first()?.into_iter().take(stop).skip(start).step_by(step);
                return Ok(List::value(taken.collect()));
            }
            "repeat" => {
                let Some(times) = size(1) else { return Err(failed("`repeat` without a number has no end")) };
                let item = given.first().cloned().unwrap_or_default();
                return Ok(List::value(vec![item; times.min(MOST)]));
            }
            "accumulate" => {
                let mut sum: Option<Value> = None;
                let mut sums = Vec::new();
                for item in first()? {
                    let next = match &sum {
                        Some(sum) => super::add(sum, &item)?,
                        None => item,
                    };
                    sums.push(next.clone());
                    sum = Some(next);
                }
                return Ok(List::value(sums));
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        Ok(List::value(rows.into_iter().map(|row: Vec<Value>| Value::from(Tuple::from(row))).collect()))
    }
}

fn product(lists: &[Vec<Value>]) -> Result<Vec<Vec<Value>>, Error> {
    let count = lists.iter().try_fold(1_usize, |count, list| count.checked_mul(list.len()));
    if count.is_none_or(|count| count > MOST) {
        return Err(too_many());
    }
    let mut rows = vec![Vec::new()];
    for list in lists {
        let longer = |row: &Vec<Value>| {
            list.iter().map(|item| row.iter().cloned().chain([item.clone()]).collect()).collect::<Vec<Vec<Value>>>()
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    Ok(rows)
}

fn too_many() -> Error {
    failed(format!("more than {MOST} combinations are too many"))
}

/// Which places may follow each other.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Ascending,
    NotDescending,
    Distinct,
}

fn choices(of: &[Value], size: usize, choice: Choice) -> Result<Vec<Vec<Value>>, Error> {
    let mut chosen: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        let mut longer = Vec::new();
        for row in &chosen {
            for place in 0..of.len() {
                let fits = match choice {
                    Choice::Ascending => row.last().is_none_or(|last| place > *last),
                    Choice::NotDescending => row.last().is_none_or(|last| place >= *last),
                    Choice::Distinct => !row.contains(&place),
                };
                if fits {
                    longer.push(row.iter().copied().chain([place]).collect());
                }
            }
            if longer.len() > MOST {
                return Err(too_many());
            }
        }
        chosen = longer;
    }
    Ok(chosen.into_iter().map(|row| row.into_iter().map(|place| of[place].clone()).collect()).collect())
}
