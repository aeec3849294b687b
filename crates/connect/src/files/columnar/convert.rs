//! Columns of a file's types to those of the contract. Nothing is guessed and nothing lost unseen: what another type
//! holds exactly, or by the rounding that text gets too, is taken; a value that it does not hold makes its row bad; types
//! between which there is no such rule are refused before a row is read.

use std::sync::Arc;

use arrow::array::types::{TimestampMicrosecondType, TimestampNanosecondType};
use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, ListArray, PrimitiveArray, StringArray, StructArray, UnionArray,
    new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options, interleave};
use arrow::datatypes::{DataType as ArrowType, Field, Fields, TimeUnit};
use arrow::error::ArrowError;

use super::types::is_uuid;
use crate::files::contract::{Column, Parser};
use crate::files::csv::token::{Cell, Quoting, Writing};
use crate::files::json::{above, map_array};
use crate::files::schema::SchemaProblemKind;
use crate::files::tree::{Node, Tree};
use crate::files::value::column::{Bad, BadRows, Chunk, Values};
use crate::files::value::text::Nulls;

/// How the values of one type become those of another.
#[derive(Debug)]
pub(crate) enum Convert {
    /// They are the same.
    Same,
    /// By the rules of Arrow, null where there is no value.
    Cast,
    /// The same, and back again it must be what it was.
    Exactly,
    /// A number that becomes a float of 32 bits: not past its largest.
    Narrow,
    /// To microseconds, of an instant or of a clock.
    Microseconds {
        zoned: bool,
    },
    /// A text, parsed.
    Text,
    Uuid,
    /// Repeated values are told apart first.
    Unpacked(ArrowType, Box<Convert>),
    List(Box<Convert>),
    Map(Box<Convert>, Box<Convert>),
    /// For each field its number in the file and how; `None`: the file has no such field.
    Struct(Vec<FieldOf>),
    /// One for each member of a union; `None`: its values are bad.
    Union(Vec<(i8, Option<Convert>)>),
    /// No values at all.
    Nothing,
}

/// A field's number in the file, and how it is converted.
type FieldOf = Option<(usize, Convert)>;

/// The columns that cannot be converted, by their names and types.
pub(crate) type Refused = Vec<SchemaProblemKind>;

/// What the fields that the contract has not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    Refused,
    LeftOut,
}

/// How a field of a file becomes a type of the contract; `name` is for messages.
pub(crate) fn plan(from: &Field, to: &Tree, name: &str, extra: Extra) -> Result<Convert, Refused> {
    use ArrowType as A;
    let refused = || {
        let declared = spark_words(&to.data_type);
        vec![SchemaProblemKind::Type { column: name.to_owned(), declared, found: spark_words(from.data_type()) }]
    };
    match from.data_type() {
        A::Null => return Ok(Convert::Nothing),
        A::Dictionary(_, values) => {
            let inner = Field::new(from.name(), (**values).clone(), true);
            return Ok(Convert::Unpacked((**values).clone(), Box::new(plan(&inner, to, name, extra)?)));
        }
        A::Union(fields, _) => {
            let members = fields.iter().map(|(id, field)| (id, plan(field, to, name, extra).ok()));
            let members: Vec<_> = members.collect();
            let useful =
                fields.iter().zip(&members).any(|((_, field), (_, how))| !field.data_type().is_null() && how.is_some());
            return if useful { Ok(Convert::Union(members)) } else { Err(refused()) };
        }
        _ => {}
    }
    match (&to.node, from.data_type()) {
        (Node::Text(column), found) => scalar(from, found, column).ok_or_else(refused),
        (Node::Binary, A::Binary) => Ok(Convert::Same),
        (
            Node::Binary,
            A::LargeBinary | A::BinaryView | A::FixedSizeBinary(_) | A::Utf8 | A::LargeUtf8 | A::Utf8View,
        ) => Ok(Convert::Cast),
        (Node::List(element), A::List(field)) => {
            Ok(Convert::List(Box::new(plan(field, element, &format!("{name}.element"), extra)?)))
        }
        (Node::List(_), A::LargeList(field) | A::FixedSizeList(field, _)) => {
            let list = A::List(Arc::clone(field));
            let inner = Field::new(from.name(), list.clone(), true);
            Ok(Convert::Unpacked(list, Box::new(plan(&inner, to, name, extra)?)))
        }
        (Node::Map(key, value), A::Map(entries, _)) => {
            let A::Struct(fields) = entries.data_type() else { return Err(refused()) };
            let [from_key, from_value] = &fields[..] else { return Err(refused()) };
            let key = plan(from_key, key, &format!("{name}.key"), extra)?;
            Ok(Convert::Map(Box::new(key), Box::new(plan(from_value, value, &format!("{name}.value"), extra)?)))
        }
        (Node::Struct(children), A::Struct(fields)) => structs(children, fields, name, extra),
        _ => Err(refused()),
    }
}

fn structs(children: &[(String, Tree)], fields: &Fields, name: &str, extra: Extra) -> Result<Convert, Refused> {
    let (mut planned, mut problems) = (Vec::with_capacity(children.len()), Refused::new());
    for (child, tree) in children {
        let number = fields.iter().position(|field| field.name().eq_ignore_ascii_case(child));
        let path = format!("{name}.{child}");
        match number.map(|number| plan(&fields[number], tree, &path, extra).map(|how| (number, how))).transpose() {
            Ok(how) => planned.push(how),
            Err(found) => problems.extend(found),
        }
    }
    let known = |field: &str| children.iter().any(|(child, _)| child.eq_ignore_ascii_case(field));
    let unknown = fields.iter().filter(|field| extra == Extra::Refused && !known(field.name()));
    problems.extend(unknown.map(|field| SchemaProblemKind::Unexpected { column: format!("{name}.{}", field.name()) }));
    if problems.is_empty() { Ok(Convert::Struct(planned)) } else { Err(problems) }
}

/// How a value without parts is converted; `None` if it is not.
fn scalar(from: &Field, found: &ArrowType, column: &Column) -> Option<Convert> {
    use ArrowType as A;
    let decimal = matches!(found, A::Decimal32(..) | A::Decimal64(..) | A::Decimal128(..) | A::Decimal256(..));
    let whole = found.is_integer();
    let floating = matches!(found, A::Float16 | A::Float32 | A::Float64);
    let wanted = column.field().data_type().clone();
    Some(match &column.parser {
        Parser::String if *found == A::Utf8 && column.reading.is_plain() => Convert::Same,
        _ if matches!(found, A::Utf8 | A::LargeUtf8 | A::Utf8View) => Convert::Text,
        Parser::String => match found {
            A::FixedSizeBinary(_) if is_uuid(from) => Convert::Uuid,
            A::Binary | A::LargeBinary | A::BinaryView | A::Boolean | A::Date32 => Convert::Cast,
            _ if whole || decimal => Convert::Cast,
            _ => return None,
        },
        _ if *found == wanted => Convert::Same,
        Parser::Byte | Parser::Short | Parser::Int | Parser::Long if whole => Convert::Cast,
        Parser::Byte | Parser::Short | Parser::Int | Parser::Long if decimal || floating => Convert::Exactly,
        Parser::Float | Parser::Double if whole => Convert::Exactly,
        Parser::Float if decimal || floating => Convert::Narrow,
        Parser::Double if decimal || floating => Convert::Cast,
        Parser::Decimal { .. } if whole || decimal || floating => Convert::Cast,
        Parser::Date(_) if *found == A::Date64 => Convert::Cast,
        Parser::Timestamp { zoned, .. } => match found {
            A::Timestamp(_, zone) if *zoned || zone.is_none() => Convert::Microseconds { zoned: *zoned },
            A::Date32 | A::Date64 => Convert::Microseconds { zoned: *zoned },
            _ => return None,
        },
        _ => return None,
    })
}

/// A type as users know it.
pub(crate) fn spark_words(data_type: &ArrowType) -> String {
    match (super::types::table_type(data_type), data_type) {
        (_, ArrowType::Null | ArrowType::Union(..)) | (None, _) => data_type.to_string(),
        (Some(known), _) => known.to_string(),
    }
}

impl Convert {
    /// The values as the contract wants them; rows whose value it does not hold are null and go to `bad`.
    pub(crate) fn apply(&self, from: &ArrayRef, to: &Tree, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
        let wanted = &to.data_type;
        match (self, &to.node) {
            (Self::Same, _) => Ok(Arc::clone(from)),
            (Self::Nothing, _) => Ok(new_null_array(wanted, from.len())),
            (Self::Cast, _) => {
                let array = cast(from, wanted)?;
                lost(from, &array, bad);
                Ok(array)
            }
            (Self::Exactly, _) => exactly(from, wanted, bad),
            (Self::Narrow, _) => narrow(from, wanted, bad),
            (Self::Microseconds { zoned }, _) => {
                let array = microseconds(from, *zoned)?;
                lost(from, &array, bad);
                Ok(array)
            }
            (Self::Text, Node::Text(column)) => texts(from, column, bad),
            (Self::Uuid, _) => Ok(uuids(from.as_fixed_size_binary())),
            (Self::Unpacked(values, inner), _) => inner.apply(&cast(from, values)?, to, bad),
            (Self::List(inner), Node::List(element)) => list(from.as_list(), (inner, element), wanted, bad),
            (Self::Map(key, value), Node::Map(to_key, to_value)) => {
                map(from, ((key, to_key), (value, to_value)), wanted, bad)
            }
            (Self::Struct(fields), Node::Struct(children)) => {
                structure(from.as_struct(), (fields, children), wanted, bad)
            }
            (Self::Union(members), _) => union(from, members, to, bad),
            _ => Err(ArrowError::SchemaError(format!("no way from {} to {wanted}", from.data_type()))),
        }
    }
}

const SAFE: CastOptions<'static> =
    CastOptions { safe: true, format_options: arrow::util::display::FormatOptions::new() };

fn cast(from: &ArrayRef, to: &ArrowType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(from, to, &SAFE)
}

/// The rows that had a value and have none.
fn lost(from: &dyn Array, to: &dyn Array, bad: &mut BadRows) {
    if to.null_count() > from.logical_null_count() {
        let before = from.logical_nulls();
        let had = |row: usize| before.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        bad.extend((0..to.len()).filter(|row| to.is_null(*row) && had(*row)).map(|row| (row, Bad::NoValue)));
    }
}

/// What comes back other than it went is not held exactly.
fn exactly(from: &ArrayRef, to: &ArrowType, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
    let array = cast(from, to)?;
    let back = cast(&array, from.data_type())?;
    let same = arrow::compute::kernels::cmp::not_distinct(&back, from)?;
    bad.extend((0..from.len()).filter(|row| !same.value(*row)).map(|row| (row, Bad::NoValue)));
    Ok(array)
}

/// A finite number stays one.
fn narrow(from: &ArrayRef, to: &ArrowType, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
    let array = cast(from, to)?;
    let wide = cast(from, &ArrowType::Float64)?;
    let (wide, narrow) = (
        wide.as_primitive::<arrow::array::types::Float64Type>(),
        array.as_primitive::<arrow::array::types::Float32Type>(),
    );
    let infinite =
        |row: &usize| narrow.is_valid(*row) && narrow.value(*row).is_infinite() && wide.value(*row).is_finite();
    bad.extend((0..from.len()).filter(infinite).map(|row| (row, Bad::NoValue)));
    Ok(array)
}

/// Clocks without a zone show UTC. Nanoseconds are cut, towards the past.
fn microseconds(from: &ArrayRef, zoned: bool) -> Result<ArrayRef, ArrowError> {
    let plain: ArrayRef = match from.data_type() {
        ArrowType::Timestamp(TimeUnit::Nanosecond, _) => {
            let cut = from
                .as_primitive::<TimestampNanosecondType>()
                .unary::<_, TimestampMicrosecondType>(|ns| ns.div_euclid(1000));
            Arc::new(cut)
        }
        ArrowType::Timestamp(_, Some(zone)) => {
            cast(from, &ArrowType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone))))?
        }
        _ => cast(from, &ArrowType::Timestamp(TimeUnit::Microsecond, None))?,
    };
    let micros: PrimitiveArray<TimestampMicrosecondType> = plain.as_primitive().clone();
    Ok(Arc::new(micros.with_timezone_opt(zoned.then_some("UTC"))))
}

/// Texts by the parser of the column, a stretch at a time.
fn texts(from: &ArrayRef, column: &Column, bad: &mut BadRows) -> Result<ArrayRef, ArrowError> {
    const STRETCH: usize = 1 << 30;
    let strings = cast(from, &ArrowType::LargeUtf8)?;
    let strings = strings.as_string::<i64>();
    let mut values = Values::new(&column.parser, strings.len(), strings.len() * 16);
    let mut row = 0;
    while row < strings.len() {
        let (first, mut text, mut cells) = (row, String::new(), Vec::new());
        while row < strings.len() && (cells.is_empty() || text.len() < STRETCH) {
            let start = text.len() as u32;
            let writing = if strings.is_valid(row) { Writing::Quoted } else { Writing::Plain };
            if strings.is_valid(row) {
                text.push_str(strings.value(row));
            }
            cells.push(Cell { start, end: text.len() as u32, writing });
            row += 1;
        }
        let mut found = BadRows::new();
        let chunk = Chunk { text: &text, cells: &cells, width: 1, quoting: Quoting::NONE, nulls: Nulls::DEFAULT };
        values.fill(&chunk, 0, &column.reading, &mut found);
        bad.extend(found.into_iter().map(|(row, why)| (first + row, why)));
    }
    Ok(values.finish(&column.field()))
}

fn uuids(from: &FixedSizeBinaryArray) -> ArrayRef {
    let text = |bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match (hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)) {
            (Some(a), Some(b), Some(c), Some(d), Some(e)) => format!("{a}-{b}-{c}-{d}-{e}"),
            _ => hex,
        }
    };
    Arc::new(StringArray::from_iter(from.iter().map(|bytes| bytes.map(text))))
}

fn list(
    from: &ListArray,
    (inner, element): (&Convert, &Tree),
    to: &ArrowType,
    bad: &mut BadRows,
) -> Result<ArrayRef, ArrowError> {
    let ArrowType::List(field) = to else { return Err(ArrowError::SchemaError("no list".to_owned())) };
    let mut inside = BadRows::new();
    let values = inner.apply(from.values(), element, &mut inside)?;
    raise(from.offsets(), from.nulls(), inside, bad);
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), from.offsets().clone(), values, from.nulls().cloned())?))
}

/// What is bad inside of lists makes their rows bad, if a row shows it.
fn raise(offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>, mut inside: BadRows, bad: &mut BadRows) {
    let shown =
        offsets.first().copied().unwrap_or_default() as usize..offsets.last().copied().unwrap_or_default() as usize;
    inside.retain(|(position, _)| shown.contains(position));
    let mut rows = BadRows::new();
    above(offsets, &inside, &mut rows);
    rows.retain(|(row, _)| nulls.is_none_or(|nulls| nulls.is_valid(*row)));
    bad.extend(rows);
}

type Part<'a> = (&'a Convert, &'a Tree);

fn map(
    from: &ArrayRef,
    (key, value): (Part<'_>, Part<'_>),
    to: &ArrowType,
    bad: &mut BadRows,
) -> Result<ArrayRef, ArrowError> {
    let ArrowType::Map(field, _) = to else { return Err(ArrowError::SchemaError("no map".to_owned())) };
    let from = from.as_map();
    let (mut bad_keys, mut bad_values) = (BadRows::new(), BadRows::new());
    let keys = key.0.apply(from.keys(), key.1, &mut bad_keys)?;
    let values = value.0.apply(from.values(), value.1, &mut bad_values)?;
    bad_keys.extend((0..keys.len()).filter(|row| keys.is_null(*row)).map(|row| (row, Bad::NoValue)));
    raise(from.offsets(), from.nulls(), bad_keys, bad);
    raise(from.offsets(), from.nulls(), bad_values, bad);
    let valid = from.nulls().cloned().unwrap_or_else(|| NullBuffer::new_valid(from.len()));
    map_array(field, (keys, values), from.offsets().clone(), valid)
}

fn structure(
    from: &StructArray,
    (fields, children): (&[FieldOf], &[(String, Tree)]),
    to: &ArrowType,
    bad: &mut BadRows,
) -> Result<ArrayRef, ArrowError> {
    let ArrowType::Struct(wanted) = to else { return Err(ArrowError::SchemaError("no struct".to_owned())) };
    let mut arrays = Vec::with_capacity(children.len());
    let mut inside = BadRows::new();
    for (field, (_, tree)) in fields.iter().zip(children) {
        arrays.push(match field {
            Some((number, how)) => how.apply(from.column(*number), tree, &mut inside)?,
            None => new_null_array(&tree.data_type, from.len()),
        });
    }
    inside.retain(|(row, _)| from.is_valid(*row));
    bad.extend(inside);
    Ok(Arc::new(StructArray::try_new(wanted.clone(), arrays, from.nulls().cloned())?))
}

/// Each row by the member that it is of.
fn union(
    from: &ArrayRef,
    members: &[(i8, Option<Convert>)],
    to: &Tree,
    bad: &mut BadRows,
) -> Result<ArrayRef, ArrowError> {
    let from: &UnionArray = from.as_union();
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(members.len());
    let mut bad_inside = Vec::with_capacity(members.len());
    for (id, how) in members {
        let child = from.child(*id);
        let mut found = BadRows::new();
        arrays.push(match how {
            Some(how) => how.apply(child, to, &mut found)?,
            None => {
                found.extend((0..child.len()).filter(|row| child.is_valid(*row)).map(|row| (row, Bad::NoValue)));
                new_null_array(&to.data_type, child.len())
            }
        });
        bad_inside.push(found.into_iter().collect::<std::collections::BTreeMap<_, _>>());
    }
    let mut places = Vec::with_capacity(from.len());
    for row in 0..from.len() {
        let id = from.type_id(row);
        let Some(member) = members.iter().position(|(known, _)| *known == id) else {
            return Err(ArrowError::InvalidArgumentError(format!("a union has no member {id}")));
        };
        let place = from.value_offset(row);
        bad.extend(bad_inside[member].get(&place).map(|why| (row, *why)));
        places.push((member, place));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    interleave(&arrays, &places)
}
