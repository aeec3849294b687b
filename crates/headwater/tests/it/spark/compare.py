"""compare.py LAKE OTHER [COLUMN...]: every table of one lake beside that of the other, row for row, as `deltalake` reads
them; the named columns, which tell of the run, are left out.

The order of rows is free, decimals are exact, floating-point numbers may differ by 1e-9 of their size. Prints the rows
of each table as JSON; every difference goes to standard error and makes the exit code 1.
"""

import datetime
import decimal
import json
import math
import pathlib
import sys

import duckdb
from deltalake import DeltaTable, QueryBuilder

lake, other = map(pathlib.Path, sys.argv[1:3])
left_out = set(sys.argv[3:])
duckdb.sql("SET TimeZone = 'UTC'")


def tables(lake):
    logs = lake.glob("*/*/_delta_log")
    return {".".join(log.parent.parts[-2:]) for log in logs if log.parent.parts[-2] != "_headwater"}


def rows(lake, name):
    delta = DeltaTable(str(lake.joinpath(*name.split("."))))
    protocol = delta.protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2), (name, protocol)
    columns = [field.name for field in delta.schema().fields]
    types = [str(field.type) for field in delta.schema().fields]
    batch = QueryBuilder().register("t", delta).execute("SELECT * FROM t").read_all()
    kept = [column for column in columns if column not in left_out]
    listed = ", ".join('"%s"' % column for column in kept) or "1"
    found = duckdb.sql("SELECT %s FROM batch" % listed).fetchall()
    return list(zip(columns, types)), sorted((tuple(map(plain, row)) for row in found), key=rank)


def plain(value):
    return value.astimezone(datetime.timezone.utc) if isinstance(value, datetime.datetime) and value.tzinfo else value


def rank(row):
    """An order in which rows that differ by a rounding stand side by side."""
    return tuple("%.6g" % value if isinstance(value, float) else str(value) for value in row)


def same(one, two):
    if isinstance(one, float) and isinstance(two, float):
        return one == two or math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-12) or (one != one and two != two)
    if isinstance(one, decimal.Decimal) and isinstance(two, decimal.Decimal):
        return one.as_tuple() == two.as_tuple()
    return type(one) is type(two) and one == two


differences = []
if tables(lake) != tables(other):
    differences.append("tables on one side only: %s" % sorted(tables(lake) ^ tables(other)))
counts = {}
for name in sorted(tables(lake) & tables(other)):
    (columns, here), (other_columns, there) = rows(lake, name), rows(other, name)
    counts[name] = len(here)
    if columns != other_columns:
        differences.append("%s: columns %s, and %s" % (name, columns, other_columns))
    elif len(here) != len(there):
        differences.append("%s: %d rows, and %d" % (name, len(here), len(there)))
    else:
        apart = [(a, b) for a, b in zip(here, there) if not all(map(same, a, b))]
        if apart:
            differences.append("%s: %d rows differ, first %s and %s" % (name, len(apart), *apart[0]))
print(json.dumps(counts))
for difference in differences:
    print(difference, file=sys.stderr)
sys.exit(1 if differences else 0)
