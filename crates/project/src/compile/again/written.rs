//! Pieces as bytes. What cannot be a piece is read as nothing at all.

use std::collections::HashMap;

use headwater_plan::{DataType, Field, Location, NodeId, NodeKind, Schema, TableName};

use super::super::item::{Index, Kept};
use super::super::settings::Materialized;
use super::bytes::{Reader, Writer};
use super::pieces::{Fixed, Piece, Pieces, Single};

const KINDS: [NodeKind; 7] = [
    NodeKind::Source,
    NodeKind::Seed,
    NodeKind::Model,
    NodeKind::Snapshot,
    NodeKind::Test,
    NodeKind::UnitTest,
    NodeKind::Operation,
];
const BODIES: [Kept; 5] = [Kept::Ingest, Kept::External, Kept::Quarantine, Kept::Seed, Kept::Model];
const MATERIALIZED: [Materialized; 5] = [
    Materialized::Table,
    Materialized::View,
    Materialized::Ephemeral,
    Materialized::Incremental,
    Materialized::Snapshot,
];
/// The types that are one word.
const PLAIN: [DataType; 13] = [
    DataType::Boolean,
    DataType::Byte,
    DataType::Short,
    DataType::Int,
    DataType::Long,
    DataType::Float,
    DataType::Double,
    DataType::String,
    DataType::Binary,
    DataType::Date,
    DataType::Timestamp,
    DataType::TimestampNtz,
    DataType::Null,
];

/// One of a list, by its place.
fn put<T: PartialEq>(to: &mut Writer, known: &[T], value: &T) {
    let place = known.iter().position(|known| known == value).unwrap_or(known.len());
    to.byte(u8::try_from(place).unwrap_or(u8::MAX));
}

fn taken<T: Clone>(from: &mut Reader<'_>, known: &[T]) -> Option<T> {
    known.get(usize::from(from.byte()?)).cloned()
}

pub(super) fn put_kind(to: &mut Writer, kind: NodeKind) {
    put(to, &KINDS, &kind);
}

pub(super) fn take_kind(from: &mut Reader<'_>) -> Option<NodeKind> {
    taken(from, &KINDS)
}

impl Pieces {
    /// Writes them; `false` if a path is no text.
    pub(super) fn write(&self, to: &mut Writer) -> bool {
        let mut whole = true;
        to.list(&self.packages, |to, package| to.text(package));
        // Many tables have the same columns.
        let mut schemas: Vec<&Schema> = Vec::new();
        let mut numbers: HashMap<&[Field], usize> = HashMap::new();
        for schema in self.items.iter().filter_map(|item| item.schema.as_ref()) {
            numbers.entry(&schema.fields).or_insert_with(|| {
                schemas.push(schema);
                schemas.len() - 1
            });
        }
        to.list(&schemas, |to, schema| put_fields(to, &schema.fields));
        let number = |piece: &Piece| piece.schema.as_ref().and_then(|schema| numbers.get(schema.fields.as_slice()));
        to.list(&self.items, |to, piece| whole &= piece.write(to, number(piece).copied()));
        to.list(&self.singles, |to, single| whole &= single.write(to));
        whole
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let packages = from.list(|from| Some(from.text()?.to_owned()))?;
        let schemas = from.list(|from| Some(Schema::new(take_fields(from)?)))?;
        let items: Vec<Piece> = from.list(|from| Piece::read(from, &schemas))?;
        let singles = from.list(Single::read)?;
        let count = items.len();
        let are_there = |reads: &[Index]| reads.iter().all(|read| *read < count);
        let sound = items
            .iter()
            .all(|item| item.package < packages.len() && are_there(&item.reads) && are_there(&item.test_reads));
        let sound = sound && singles.iter().all(|single: &Single| are_there(&single.reads));
        sound.then_some(Self { packages, items, singles })
    }
}

impl Piece {
    fn write(&self, to: &mut Writer, schema: Option<usize>) -> bool {
        to.text(&self.id.0);
        to.text(&self.name);
        to.count(self.package);
        put_kind(to, self.kind);
        put(to, &BODIES, &self.body);
        let whole = to.path(&self.location.file);
        to.number(self.location.line);
        to.number(u64::from(self.location.column));
        to.number(u64::from(self.location.length));
        let mut described = true;
        to.maybe(self.patch.as_ref(), |to, patch| described = to.path(patch));
        let Fixed { relation, enabled, materialized, event_time } = &self.fixed;
        to.text(&relation.schema);
        to.text(&relation.name);
        to.flag(*enabled);
        put(to, &MATERIALIZED, materialized);
        to.maybe(event_time.as_ref(), |to, column| to.text(column));
        put_places(to, &self.reads);
        to.maybe(schema, Writer::count);
        to.number(self.tests);
        put_places(to, &self.test_reads);
        whole && described
    }

    fn read(from: &mut Reader<'_>, schemas: &[Schema]) -> Option<Self> {
        let small = |from: &mut Reader<'_>| u32::try_from(from.number()?).ok();
        Some(Self {
            id: NodeId(from.text()?.to_owned()),
            name: from.text()?.to_owned(),
            package: usize::try_from(from.number()?).ok()?,
            kind: take_kind(from)?,
            body: taken(from, &BODIES)?,
            location: Location {
                file: from.path()?,
                line: from.number()?,
                column: small(from)?,
                length: small(from)?,
                text: None,
            },
            patch: from.maybe(Reader::path)?,
            fixed: Fixed {
                relation: TableName { schema: from.text()?.to_owned(), name: from.text()?.to_owned() },
                enabled: from.flag()?,
                materialized: taken(from, &MATERIALIZED)?,
                event_time: from.maybe(|from| Some(from.text()?.to_owned()))?,
            },
            reads: take_places(from)?,
            schema: match from.maybe(Reader::number)? {
                Some(number) => Some(schemas.get(usize::try_from(number).ok()?)?.clone()),
                None => None,
            },
            tests: from.number()?,
            test_reads: take_places(from)?,
        })
    }
}

impl Single {
    fn write(&self, to: &mut Writer) -> bool {
        to.text(&self.id.0);
        put_kind(to, self.kind);
        let whole = to.path(&self.file);
        let mut described = true;
        to.maybe(self.patch.as_ref(), |to, patch| described = to.path(patch));
        put_places(to, &self.reads);
        whole && described
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            id: NodeId(from.text()?.to_owned()),
            kind: take_kind(from)?,
            file: from.path()?,
            patch: from.maybe(Reader::path)?,
            reads: take_places(from)?,
        })
    }
}

fn put_places(to: &mut Writer, places: &[Index]) {
    to.list(places, |to, place| to.count(*place));
}

fn take_places(from: &mut Reader<'_>) -> Option<Vec<Index>> {
    from.list(|from| usize::try_from(from.number()?).ok())
}

fn put_fields(to: &mut Writer, fields: &[Field]) {
    to.list(fields, |to, field| {
        to.text(&field.name);
        to.flag(field.nullable);
        put_type(to, &field.data_type);
    });
}

fn take_fields(from: &mut Reader<'_>) -> Option<Vec<Field>> {
    from.list(|from| {
        let (name, nullable) = (from.text()?.to_owned(), from.flag()?);
        Some(Field { name, nullable, data_type: take_type(from)? })
    })
}

/// What is more than one word, after the plain ones.
const DECIMAL: u8 = 100;
const ARRAY: u8 = 101;
const MAP: u8 = 102;
const STRUCT: u8 = 103;

fn put_type(to: &mut Writer, data_type: &DataType) {
    match data_type {
        DataType::Decimal { precision, scale } => {
            [DECIMAL, *precision, *scale].into_iter().for_each(|byte| to.byte(byte))
        }
        DataType::Array(element) => {
            to.byte(ARRAY);
            put_type(to, element);
        }
        DataType::Map(key, value) => {
            to.byte(MAP);
            put_type(to, key);
            put_type(to, value);
        }
        DataType::Struct(fields) => {
            to.byte(STRUCT);
            put_fields(to, fields);
        }
        plain => put(to, &PLAIN, plain),
    }
}

fn take_type(from: &mut Reader<'_>) -> Option<DataType> {
    Some(match from.byte()? {
        DECIMAL => DataType::Decimal { precision: from.byte()?, scale: from.byte()? },
        ARRAY => DataType::Array(Box::new(take_type(from)?)),
        MAP => DataType::Map(Box::new(take_type(from)?), Box::new(take_type(from)?)),
        STRUCT => DataType::Struct(take_fields(from)?),
        plain => PLAIN.get(usize::from(plain))?.clone(),
    })
}
