"""readers.py LAKE SEEN: compares the lake's tables, as two other readers read them, with SEEN/<schema>.<table>.csv.

`deltalake` reads log and files; DuckDB reads the files that the log names. Prints the rows of each table as JSON; every
difference goes to standard error and makes the exit code 1.
"""

import csv
import datetime
import decimal
import json
import pathlib
import sys

import duckdb
from deltalake import DeltaTable, QueryBuilder

lake, seen = map(pathlib.Path, sys.argv[1:])


def parsed(cell, like):
    """A cell of the CSV as the type of the other readers' value."""
    if isinstance(like, bool):
        return {"true": True, "false": False}[cell]
    if isinstance(like, (int, float)):
        return type(like)(cell)
    if isinstance(like, decimal.Decimal):
        return decimal.Decimal(cell)
    if isinstance(like, datetime.datetime):
        value = datetime.datetime.fromisoformat(cell)
        return value.replace(tzinfo=value.tzinfo or datetime.timezone.utc)
    if isinstance(like, datetime.date):
        return datetime.date.fromisoformat(cell)
    return cell


def in_utc(row):
    return tuple(v.astimezone(datetime.timezone.utc) if isinstance(v, datetime.datetime) else v for v in row)


def in_order(rows):
    return sorted(rows, key=lambda row: tuple(str(value) for value in row))


duckdb.sql("SET TimeZone = 'UTC'")
differences = []
counts = {}
for file in sorted(seen.glob("*.csv")):
    name = file.stem
    schema, table = name.split(".")
    delta = DeltaTable(str(lake / schema / table))
    protocol = delta.protocol()
    if (protocol.min_reader_version, protocol.min_writer_version) != (1, 2):
        differences.append(f"{name}: protocol {protocol}, expected reader 1 and writer 2")
    by_delta = QueryBuilder().register("t", delta).execute("SELECT * FROM t").read_all()
    by_delta = in_order(in_utc(row) for row in duckdb.sql("SELECT * FROM by_delta").fetchall())
    by_duckdb = in_order(in_utc(row) for row in duckdb.read_parquet(delta.file_uris()).fetchall())
    if by_delta != by_duckdb:
        differences.append(f"{name}: deltalake and duckdb read different rows")

    with open(file, newline="") as text:
        header, *rows = csv.reader(text)
    columns = [field.name for field in delta.schema().fields]
    if header != columns:
        differences.append(f"{name}: headwater has columns {header}, the table {columns}")
        continue
    counts[name] = len(rows)
    # An empty cell is null; a column that is null in one row has its type from another.
    types = [next((row[i] for row in by_delta if row[i] is not None), "") for i in range(len(columns))]
    by_headwater = in_order(
        tuple(None if cell == "" else parsed(cell, like) for cell, like in zip(row, types)) for row in rows
    )
    if len(by_headwater) != len(by_delta):
        differences.append(f"{name}: headwater reads {len(by_headwater)} rows, deltalake {len(by_delta)}")
    for ours, theirs in zip(by_headwater, by_delta):
        if ours != theirs:
            differences.append(f"{name}: headwater reads {ours}, deltalake {theirs}")
            break

print(json.dumps(counts))
if differences:
    sys.exit("\n".join(differences))
