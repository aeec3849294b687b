#!/usr/bin/env python3
"""Executes a bundle of Headwater inside Spark.

    runner.py --bundle URI --result URI [--progress URI]

One file; Python 3.9 or later, its standard library and PySpark (3.5 or 4) only. It decides nothing that the bundle does
not say, and falls back to nothing: a statement that fails is told with Spark's own words. The result is written whatever
happens. Words for the user are put together by whoever reads the result.
"""

import argparse
import contextlib
import datetime
import decimal
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

BUNDLE_VERSION = 1
# How many commits of others are looked through for one of Headwater's, as in crates/lake/src/provenance.rs.
LOOK_BACK = 100
# A log is replayed here up to so many bytes; beyond, Spark is asked.
REPLAY_BYTES = 64 << 20
# Files below this size are small, as for a load of the embedded engine.
SMALL_BYTES = 16 << 20
OWED = " without its post-hooks"
UNFINISHED = " unfinished"
MOST_SPANS = 100_000
MOST_UNIT_TEST_ROWS = 100_000
SAMPLE_WIDTH = 300
# How long running statements may take to end once they are cancelled.
GRACE_SECONDS = 12
# The numbers that a step's turn has, as crates/lake/src/write/mod.rs gives them out.
TURN = 1 << 17
UTC = datetime.timezone.utc


# --- what can go wrong ------------------------------------------------------------------------------------------------


class Refused(Exception):
    """The runner refuses, as every engine does; the refusal is worded by whoever reads the result."""

    def __init__(self, refusal):
        super().__init__(json.dumps(refusal))
        self.refusal = refusal


class Stopped(Exception):
    """Somebody asked the job to stop."""


class NotStarted(Exception):
    """Spark did not start, or lacks Delta."""

    def __init__(self, message, error_class=None):
        super().__init__(message)
        self.error_class = error_class


class Failing:
    """What is being done right now, so that a failure can name it. One for each node."""

    def __init__(self):
        self.purpose = None
        self.statement = None
        self.number = None

    def doing(self, purpose, statement=None, number=None):
        self.purpose, self.statement, self.number = purpose, statement, number


def failure(kind, message, error_class=None, failing=None, refusal=None):
    return {
        "kind": kind,
        "class": error_class,
        "message": message,
        "purpose": failing.purpose if failing else None,
        "statement": failing.statement if failing else None,
        "number": failing.number if failing else None,
        "refusal": refusal,
    }


def java_cause(error):
    """The innermost exception of Spark's that names its class, as (class, message)."""
    found = None
    seen = 0
    while error is not None and seen < 20:
        seen += 1
        for name in ("getCondition", "getErrorClass"):
            try:
                condition = getattr(error, name)()
            except Exception:  # the method is not there, or the JVM is gone
                continue
            if condition:
                found = (condition, error.getMessage())
                break
        try:
            error = error.getCause()
        except Exception:
            break
    return found


def told_by(error):
    """The class and the message of an exception, without stacks."""
    error_class = None
    for name in ("getCondition", "getErrorClass"):
        method = getattr(error, name, None)
        try:
            error_class = method() if method else None
        except Exception:
            error_class = None
        if error_class:
            break
    message = getattr(error, "desc", None) or str(error)
    origin = getattr(error, "_origin", None) or getattr(error, "java_exception", None)
    if not error_class and origin is not None:
        cause = java_cause(origin)
        if cause:
            error_class, message = cause
        else:
            try:
                root = origin
                while root.getCause() is not None:
                    root = root.getCause()
                error_class = root.getClass().getSimpleName()
                message = root.getMessage() or root.toString()
            except Exception:
                pass
    return error_class or type(error).__name__, clean(message or type(error).__name__)


def clean(message):
    """A message up to where a stack begins."""
    lines = []
    for line in message.splitlines():
        if line.startswith(("JVM stacktrace", "Driver stacktrace", "\tat ", "    at ")):
            break
        lines.append(line.rstrip())
    return "\n".join(lines).strip()


def is_lost(error):
    """Whether an exception says that there is no JVM any more."""
    seen = 0
    while error is not None and seen < 20:
        seen += 1
        if isinstance(error, (ConnectionError, EOFError)) or type(error).__name__ == "Py4JNetworkError":
            return True
        error = error.__cause__ or error.__context__
    return False


def failure_of(error, failing, stopping):
    if isinstance(error, Refused):
        return failure("refused", "refused", failing=failing, refusal=error.refusal)
    if isinstance(error, Stopped) or stopping:
        return failure("cancelled", "stopped before it was done", failing=failing)
    if isinstance(error, NotStarted):
        return failure("start", clean(str(error)), error.error_class)
    if is_lost(error):
        return failure("lost", "Spark's Java is gone", failing=failing)
    if isinstance(error, OSError) and error.errno is not None:
        return failure("system", "%s: %s" % (error.strerror, error.filename or "?"), type(error).__name__, failing)
    if type(error).__module__.startswith(("pyspark", "py4j")):
        error_class, message = told_by(error)
        return failure("spark", message, error_class, failing)
    told = "%s: %s\n%s" % (type(error).__name__, error, traceback.format_exc())
    return failure("runner", told, type(error).__name__, failing)


# --- files, on whatever file system Spark has -------------------------------------------------------------------------


def local_path(uri):
    """The path of a file of this machine, or None."""
    if uri.startswith("file:"):
        return "/" + uri[len("file:"):].lstrip("/")
    return uri if "://" not in uri else None


class Files:
    """Reads and writes by URI: files of this machine by themselves, so that a result can be written when Java is gone,
    and all others through Hadoop."""

    def __init__(self):
        self.context = None

    def _hadoop(self, uri):
        from pyspark import SparkContext

        if self.context is None:
            SparkContext._ensure_initialized()
        jvm = SparkContext._jvm
        conf = self.context._jsc.hadoopConfiguration() if self.context else jvm.org.apache.hadoop.conf.Configuration()
        path = jvm.org.apache.hadoop.fs.Path(uri)
        return jvm, path.getFileSystem(conf), path

    def read(self, uri):
        """The bytes of a file; None if it is not there."""
        path = local_path(uri)
        if path is not None:
            try:
                with open(path, "rb") as file:
                    return file.read()
            except FileNotFoundError:
                return None
        jvm, system, path = self._hadoop(uri)
        if not system.exists(path):
            return None
        stream = system.open(path)
        try:
            return bytes(jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()

    def write(self, uri, text):
        path = local_path(uri)
        if path is not None:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            aside = path + ".part"
            with open(aside, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
            return
        _, system, path = self._hadoop(uri)
        stream = system.create(path, True)
        stream.write(bytearray(text.encode("utf-8")))
        stream.close()

    def names(self, uri):
        """The names of the files in a folder, with their sizes; none if it is not there."""
        path = local_path(uri)
        if path is not None:
            try:
                with os.scandir(path) as entries:
                    return dict(found for found in map(self._size, entries) if found)
            except (FileNotFoundError, NotADirectoryError):
                return {}
        _, system, path = self._hadoop(uri)
        if not system.exists(path):
            return {}
        return {status.getPath().getName(): status.getLen() for status in system.listStatus(path) if status.isFile()}

    @staticmethod
    def _size(entry):
        """A file's name and size; None for what is none, or is gone by now, as a writer's temporary file may be."""
        try:
            return (entry.name, entry.stat().st_size) if entry.is_file() else None
        except FileNotFoundError:
            return None

    def delete(self, uri):
        """Removes a file, or a folder with all that is in it."""
        path = local_path(uri)
        if path is not None:
            if os.path.isdir(path):
                import shutil

                shutil.rmtree(path)
            elif os.path.exists(path):
                os.remove(path)
            return
        _, system, path = self._hadoop(uri)
        system.delete(path, True)


class Progress:
    """A line for each node as it ends."""

    def __init__(self, files, uri):
        self.files, self.uri = files, uri
        self.lock = threading.Lock()
        self.count = 0
        path = local_path(uri)
        if path is not None:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            open(path, "w", encoding="utf-8").close()

    def add(self, line):
        text = json.dumps(line, ensure_ascii=False) + "\n"
        path = local_path(self.uri)
        with self.lock:
            self.count += 1
            if path is None:
                self.files.write("%s/%08d.json" % (self.uri, self.count), text)
                return
            with open(path, "a", encoding="utf-8") as file:
                file.write(text)


# --- the log of a Delta table -----------------------------------------------------------------------------------------


class Commit:
    """An entry of a log: what it says of itself, and what it changes."""

    def __init__(self, text):
        self.info, self.txns, self.adds, self.removes, self.metadata = {}, {}, [], [], None
        self.changes_nothing = True
        rearranges = True
        for line in text.splitlines():
            if not line.strip():
                continue
            action = json.loads(line)
            if "commitInfo" in action:
                self.info = action["commitInfo"]
            elif "txn" in action:
                self.txns[action["txn"]["appId"]] = action["txn"]["version"]
            elif "add" in action:
                self.adds.append(action["add"])
                self.changes_nothing = False
                rearranges = rearranges and not action["add"].get("dataChange", True)
            elif "remove" in action:
                self.removes.append(action["remove"]["path"])
                self.changes_nothing = False
                rearranges = rearranges and not action["remove"].get("dataChange", True)
            elif "metaData" in action:
                self.metadata = action["metaData"]
                self.changes_nothing = rearranges = False
            elif "protocol" in action or "cdc" in action:
                self.changes_nothing = rearranges = False
        if not self.changes_nothing and self.info.get("operation") == "OPTIMIZE" and rearranges:
            self.changes_nothing = True

    def provenance(self):
        """What Headwater wrote beside the rows, by either engine."""
        found = self.info.get("headwater")
        if found is None and isinstance(self.info.get("userMetadata"), str):
            try:
                found = json.loads(self.info["userMetadata"]).get("headwater")
            except (ValueError, AttributeError):
                found = None
        return found if isinstance(found, dict) and found.get("version") == "1" else None

    def metric(self, name):
        try:
            return int(self.info.get("operationMetrics", {}).get(name, 0))
        except (TypeError, ValueError):
            return 0


class Table:
    """A Delta table as its log tells it, read on as the log grows."""

    ENTRY = re.compile(r"^(\d{20})\.json$")

    def __init__(self, files, location):
        self.files, self.location = files, location
        self.lock = threading.Lock()
        self.version = -1
        self._forget()

    def _forget(self):
        self.commits, self.parts, self.txns, self.metadata, self.whole = {}, {}, {}, None, True

    def commit(self, version):
        if version not in self.commits:
            data = self.files.read("%s/_delta_log/%020d.json" % (self.location, version))
            if data is None:
                return None
            self.commits[version] = Commit(data.decode("utf-8"))
        return self.commits[version]

    def refresh(self):
        """Reads what is new. Gives itself."""
        with self.lock:
            names = self.files.names(self.location + "/_delta_log")
            entries = {int(match.group(1)): names[name] for name, match in
                       ((name, self.ENTRY.match(name)) for name in names) if match}
            newest = max(entries, default=-1)
            if newest < self.version:
                self.version = -1
                self._forget()
            behind = [version for version in sorted(entries) if version > self.version]
            first = self.version < 0
            if first and behind and (behind[0] != 0 or sum(entries[it] for it in behind) > REPLAY_BYTES):
                self.whole = False
            for version in behind if self.whole else behind[-LOOK_BACK:]:
                self._apply(version)
            self.version = newest
            for old in [version for version in self.commits if version <= newest - LOOK_BACK]:
                del self.commits[old]
        return self

    def _apply(self, version):
        commit = self.commit(version)
        if commit is None:
            self.whole = False
            return
        self.txns.update(commit.txns)
        self.metadata = commit.metadata or self.metadata
        for path in commit.removes:
            self.parts.pop(path, None)
        for add in commit.adds:
            try:
                rows = json.loads(add.get("stats") or "{}").get("numRecords")
            except ValueError:
                rows = None
            self.parts[add["path"]] = (add.get("size", 0), rows, json.dumps(add.get("partitionValues"), sort_keys=True))
        # Kept only as long as provenance may be asked for; the actions are not needed again.
        commit.adds, commit.removes = [], []

    @property
    def is_there(self):
        return self.version >= 0

    def past(self):
        """The provenance of the newest commit of Headwater's, and the newest version that changed anything."""
        provenance, content = None, None
        for version in range(self.version, max(-1, self.version - LOOK_BACK), -1):
            commit = self.commit(version)
            if commit is None:
                break
            provenance = provenance or commit.provenance()
            if content is None and not commit.changes_nothing:
                content = version
            if provenance is not None and content is not None:
                break
        return provenance, self.version if content is None else content

    def built(self):
        provenance, _ = self.past()
        return (provenance or {}).get("built")

    def column_names(self):
        schema = json.loads((self.metadata or {}).get("schemaString") or '{"fields": []}')
        return [field["name"] for field in schema["fields"]]


# --- values as JSON, and as messages show them ------------------------------------------------------------------------


def shortest_float(value):
    """A 32-bit number by its own digits."""
    for digits in range(1, 10):
        text = "%.*g" % (digits, value)
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return float(text)
    return value


def json_number(value):
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def json_decimal(value):
    """A number where one holds exactly these digits, else the digits; as crates/embedded/src/json.rs has it."""
    digits = format(value, "f")
    if "." not in digits and -(2 ** 63) <= int(digits) < 2 ** 63:
        return int(digits)
    plain = digits.rstrip("0").rstrip(".") if "." in digits else digits
    number = float(plain)
    if decimal.Decimal(repr(number)) == decimal.Decimal(plain) and len(plain.lstrip("-").replace(".", "")) <= 17:
        return number
    return digits


def json_value(value, kind):
    """A cell as JSON, by its Spark type."""
    name = kind.typeName()
    if value is None:
        return None
    if name == "float":
        return json_number(shortest_float(value))
    if name == "double":
        return json_number(value)
    if name.startswith("decimal"):
        return json_decimal(value)
    if name == "date":
        return value.isoformat()
    if name in ("timestamp", "timestamp_ntz"):
        text = value.strftime("%Y-%m-%d %H:%M:%S")
        return text + (".%06d" % value.microsecond).rstrip("0") if value.microsecond else text
    if name == "binary":
        return bytes(value).hex()
    if name == "array":
        return [json_value(each, kind.elementType) for each in value]
    if name == "map":
        def key(each):
            told = json_value(each, kind.keyType)
            return told if isinstance(told, str) else json.dumps(told)

        return {key(one): json_value(other, kind.valueType) for one, other in value.items()}
    if name == "struct":
        return {field.name: json_value(value[field.name], field.dataType) for field in kind.fields}
    return value


def shown(value):
    """A cell as messages show it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.isoformat() + "Z"
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (shown(one), shown(other)) for one, other in value.items())
    if hasattr(value, "asDict"):
        return "{%s}" % ", ".join("%s: %s" % (one, shown(other)) for one, other in value.asDict().items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(shown(each) for each in value)
    return str(value)


def shown_row(row):
    """A row as `column = value, …`."""
    text = ", ".join("%s = %s" % (name, shown(value)) for name, value in zip(row.__fields__, row))
    return text if len(text) <= SAMPLE_WIDTH else text[:SAMPLE_WIDTH] + " …"


def quoted(name):
    return "`%s`" % name.replace("`", "``")


def quoted_table(name):
    schema, table = name.split(".", 1)
    return "%s.%s" % (quoted(schema), quoted(table))


def instant(text):
    """An instant as the bundle has it."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def written(at):
    """An instant as the result has it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


# --- the columns of an increment beside those of its table ------------------------------------------------------------


def find(fields, name):
    """The column of that name, without regard to case: (name, type), or None."""
    for field in fields:
        if field[0].lower() == name.lower():
            return field
    return None


def fields_of(schema):
    return [(field.name, field.dataType.simpleString()) for field in schema.fields]


RANKS = {"tinyint": 1, "smallint": 2, "int": 3, "bigint": 4}
DECIMAL = re.compile(r"^decimal\((\d+),(\d+)\)$")


def holds(wide, narrow):
    """Whether a column of a type holds every value of another as it is."""
    if narrow == "void" or wide == narrow or (wide, narrow) == ("double", "float"):
        return True
    one, other = DECIMAL.match(wide), DECIMAL.match(narrow)
    if one and other:
        (precision, scale), (digits, point) = map(int, one.groups()), map(int, other.groups())
        return scale >= point and precision - scale >= digits - point
    return wide in RANKS and narrow in RANKS and RANKS[wide] > RANKS[narrow]


def may_hold(column, found):
    """Whether a column takes values of another type on writing, as a snapshot lets it."""
    numbers = lambda kind: kind in RANKS or kind in ("float", "double") or kind.startswith("decimal")
    times = lambda kind: kind in ("date", "timestamp", "timestamp_ntz")
    if column == found or found == "void":
        return True
    if column == "string":
        return numbers(found) or times(found) or found == "boolean"
    return (numbers(column) and numbers(found)) or (times(column) and times(found))


class Fitted:
    """How a query's columns and a table's go together; dbt's meaning of `on_schema_change`."""

    def __init__(self, target, table, query, on_change):
        added = [field for field in query if not find(table, field[0])]
        missing = [field for field in table if not find(query, field[0])]
        wrong = []
        for name, kind in table:
            given = find(query, name)
            if given and not holds(kind, given[1]):
                wrong.append("`%s` is `%s`, not `%s`" % (name, kind, given[1]))
        if wrong:
            raise refused_increment("types_changed", table=target, differences=wrong)
        if on_change == "fail" and (added or missing):
            wrong = ["`%s` is new" % name for name, _ in added] + ["`%s` is missing" % name for name, _ in missing]
            raise refused_increment("columns_differ", table=target, differences=wrong)
        if on_change == "ignore" and missing:
            raise refused_increment("columns_gone", table=target, columns=[name for name, _ in missing])
        self.table, self.query = table, query
        self.added = added if on_change in ("append_new_columns", "sync_all_columns") else []
        self.dropped = [name for name, _ in missing] if on_change == "sync_all_columns" else []
        self.ignored = [name for name, _ in added] if on_change == "ignore" else []
        self.fields = [field for field in table if field[0] not in self.dropped] + self.added
        self.given = [name for name, _ in self.fields if find(query, name)]

    def expressions(self):
        """The query's columns as those of the table."""
        made = []
        for name, kind in self.fields:
            given = find(self.query, name)
            if given is None:
                made.append("cast(null as %s) as %s" % (kind, quoted(name)))
            elif given[1] == kind:
                made.append("%s as %s" % (quoted(given[0]), quoted(name)))
            else:
                made.append("cast(%s as %s) as %s" % (quoted(given[0]), kind, quoted(name)))
        return made

    def column(self, setting, name, target, known):
        """A column that a setting names: one that the query gives, and one of `known`."""
        for column in known:
            if column.lower() == name.lower() and column in self.given:
                return column
        import difflib

        near = difflib.get_close_matches(name.lower(), [each.lower() for each in self.given], 1)
        meant = next((each for each in self.given if near and each.lower() == near[0]), None)
        raise refused_increment("no_column", setting=setting, column=name, table=target, meant=meant)


def refused_increment(what, **details):
    return Refused({"increment": {what: details}})


def differences(declared, found, surplus):
    """What is declared and not so, in words."""
    wrong = []
    for column in declared:
        other = find(found, column["name"])
        if other is None:
            wrong.append("`%s` is missing" % column["name"])
        elif other[1] != column["type"]:
            wrong.append("`%s` is `%s`, not `%s`" % (column["name"], other[1], column["type"]))
    if surplus:
        names = [(column["name"], None) for column in declared]
        wrong += ["`%s` is new" % name for name, _ in found if not find(names, name)]
    return wrong


# --- spans of event time ----------------------------------------------------------------------------------------------


def span_floor(size, at):
    """The beginning of the span that an instant lies in."""
    at = at.replace(minute=0, second=0, microsecond=0)
    if size == "hour":
        return at
    at = at.replace(hour=0)
    if size == "day":
        return at
    return at.replace(day=1) if size == "month" else at.replace(month=1, day=1)


def span_moved(size, at, spans):
    if size == "hour":
        return at + datetime.timedelta(hours=spans)
    if size == "day":
        return at + datetime.timedelta(days=spans)
    months = at.year * 12 + at.month - 1 + spans * (12 if size == "year" else 1)
    return at.replace(year=months // 12, month=months % 12 + 1)


def spans_between(size, start, end):
    spans, at = [], span_floor(size, start)
    while at < end:
        after = span_moved(size, at, 1)
        spans.append((at, after))
        if len(spans) > MOST_SPANS:
            hours = {"hour": 1, "day": 24, "month": 730, "year": 8760}[size]
            count = int((end - start).total_seconds() // 3600 // hours)
            raise refused_increment("too_many_spans", spans=count, most=MOST_SPANS,
                                    **{"from": written(start), "to": written(end)})
        at = after
    return spans


def span_condition(column, kind, span):
    """The condition that a column lies in a span; its own type is compared where that is a time, so that files are
    skipped."""
    midnight = all((at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0) for at in span)
    if kind == "date" and midnight:
        start, end = ("DATE '%s'" % at.strftime("%Y-%m-%d") for at in span)
    else:
        start, end = ("TIMESTAMP '%s'" % at.strftime("%Y-%m-%d %H:%M:%S") for at in span)
        if kind != "timestamp":
            column = "CAST(%s AS timestamp)" % column
    return "(%s >= %s AND %s < %s)" % (column, start, column, end)


# --- the relations of the lake, as Spark's catalog knows them ---------------------------------------------------------


class Relations:
    """Tables and views, made known to Spark when they are needed. The catalog is the job's own, and shared by all of its
    sessions; a view is made anew when a table may have changed below it, since Spark fixes its columns."""

    def __init__(self, files, bundle):
        self.files = files
        self.entries = {entry["name"]: entry for entry in bundle["relations"]}
        self.views = {name: entry["view"] for name, entry in self.entries.items() if entry.get("view")}
        self.tables = {name: Table(files, entry["location"]) for name, entry in self.entries.items()}
        self.known = {}
        self.schemas = set()
        self.changes = {}
        self.lock = threading.RLock()
        # Spark may put an entry into a log in the place of one that another process just put there. So while a program
        # of ours writes a table, no statement does.
        self.writing = {name: threading.Lock() for name in self.entries}

    def table(self, name):
        """The table of that name as it is now, whether a view hides it or not."""
        return self.tables[name].refresh()

    def is_table(self, name):
        return name not in self.views and self.table(name).is_there

    def is_empty_quarantine(self, name):
        empty = self.entries[name].get("empty")
        if not empty or empty["of"] not in self.entries or not self.is_table(empty["of"]):
            return False
        return "_source_file" in self.described(empty["of"])["columns"]

    def closure(self, names):
        """Names with those that the views among them read, each after what it reads."""
        ordered, seen = [], set()

        def add(name):
            if name in seen:
                return
            seen.add(name)
            if name in self.views:
                for read in self.views[name]["reads"]:
                    add(read)
            ordered.append(name)

        for name in names:
            add(name)
        return ordered

    def make_schema(self, session, name):
        schema = name.split(".", 1)[0]
        if schema not in self.schemas:
            session.sql("CREATE DATABASE IF NOT EXISTS %s" % quoted(schema))
            self.schemas.add(schema)

    def make_known(self, session, names, required=True):
        """Lets Spark find relations and what they read."""
        with self.lock:
            for name in self.closure(names):
                if not self._make_known(session, name) and required:
                    raise Refused({"missing_input": {"missing": name}})

    def _make_known(self, session, name):
        entry = self.entries.get(name)
        if entry is None:
            return False
        self.make_schema(session, name)
        if name in self.views:
            changes = tuple(self.changes.get(each, 0) for each in self.closure([name]))
            wanted = ("view", self.views[name]["sql"], changes)
            # Replacing drops the view for a moment, in which another node may look for it.
            is_view = (self.known.get(name) or (None,))[0] == "view"
            verb = "ALTER VIEW" if is_view else "CREATE OR REPLACE VIEW"
            statement = "%s %s AS\n%s" % (verb, quoted_table(name), self.views[name]["sql"])
        elif self.table(name).is_there:
            wanted = ("table",)
            location = entry["location"].replace("\\", "\\\\").replace("'", "\\'")
            statement = "CREATE TABLE IF NOT EXISTS %s USING delta LOCATION '%s'" % (quoted_table(name), location)
        elif self.is_empty_quarantine(name):
            wanted = ("empty",)
            columns = ", ".join("cast(null as %s) AS %s" % (column["type"], quoted(column["name"]))
                                for column in entry["empty"]["columns"])
            statement = "CREATE OR REPLACE VIEW %s AS\nSELECT %s WHERE false" % (quoted_table(name), columns)
        else:
            return False
        if self.known.get(name) != wanted:
            self.forget(session, name, unless=wanted[0])
            session.sql(statement)
            self.known[name] = wanted
        return True

    def forget(self, session, name, unless=None):
        """Takes a name out of Spark's catalog, unless it is of the wanted kind."""
        kind = (self.known.get(name) or (None,))[0]
        if kind is None or kind == unless:
            return
        what = "TABLE" if kind == "table" else "VIEW"
        session.sql("DROP %s IF EXISTS %s" % (what, quoted_table(name)))
        del self.known[name]

    def count_change(self, name):
        self.changes[name] = self.changes.get(name, 0) + 1

    def changed(self, name):
        """A table has been written."""
        with self.lock:
            self.count_change(name)
            if name not in self.known:
                self.known[name] = ("table",)

    def versions(self, names):
        """The version of each relation and of what views read, as what is built from them records it."""
        found = {}
        for name in self.closure(names):
            if name in self.views:
                found[name] = {"id": self.views[name]["fingerprint"], "version": 0}
            elif self.table(name).is_there:
                found[name] = self.version(name)
            elif self.is_empty_quarantine(name):
                found[name] = {"id": "empty", "version": 0}
            else:
                raise Refused({"missing_input": {"missing": name}})
        return found

    def version(self, name):
        _, content = self.table(name).past()
        return {"id": self.described(name)["id"], "version": content}

    def spans(self, name):
        """How far a table is that is built span by span, as every commit to it must go on saying."""
        provenance, _ = self.table(name).past()
        return (provenance or {}).get("spans")

    def described(self, name):
        """The id, the columns and the partition columns of a table: from its log, or from Spark where that is too long to
        be replayed here."""
        table = self.table(name)
        if table.metadata is not None:
            return {"id": table.metadata["id"], "columns": table.column_names(),
                    "partition_by": table.metadata.get("partitionColumns") or []}
        from pyspark.sql import SparkSession

        frame = SparkSession.active().read.format("delta").load(self.entries[name]["location"])
        detail = self._detail(name)
        return {"id": detail["id"], "columns": frame.columns, "partition_by": list(detail["partitionColumns"])}

    def _detail(self, name):
        from pyspark.sql import SparkSession

        return SparkSession.active().sql("DESCRIBE DETAIL delta.`%s`" % self.entries[name]["location"]).collect()[0]

    def sizes(self, names):
        """The rows and stored bytes of the tables, each counted once."""
        rows, size = 0, 0
        for name in self.closure(names):
            if name in self.views or not self.table(name).is_there:
                continue
            table = self.table(name)
            if table.whole:
                rows += sum(part[1] or 0 for part in table.parts.values())
                size += sum(part[0] for part in table.parts.values())
            else:
                from pyspark.sql import SparkSession

                location = self.entries[name]["location"]
                rows += SparkSession.active().sql("SELECT count(*) FROM delta.`%s`" % location).collect()[0][0]
                size += self._detail(name)["sizeInBytes"]
        return rows, size


# --- a node -----------------------------------------------------------------------------------------------------------


class Run:
    """A node that is being executed, in a session of its own: settings and temporary views are nobody else's."""

    def __init__(self, job, node):
        self.job, self.node = job, node
        self.relations = job.relations
        self.failing = Failing()
        self.session = None
        self.target = node.get("relation")
        self.rows = {"read": 0, "written": 0, "quarantined": 0}
        self.bytes = 0
        self.inputs = {}
        self.version = None
        self.spans = None
        self.found = None
        self.notes = []
        self.native = None
        self.kept = []
        self.now = instant(job.bundle["now"]) if job.bundle.get("now") else datetime.datetime.now(UTC)
        self.owes = any(action["do"] == "settle" for action in node["actions"])
        self.skips_step = False

    def fingerprint(self):
        return self.node["fingerprint"] + (OWED if self.owes else "")

    def execute(self):
        """Does all actions; gives the status."""
        self.job.check()
        self.session = self.job.new_session(self.node)
        try:
            self.relations.make_known(self.session, self.node["hooks_read"], required=False)
            actions = self.node["actions"]
            hooks = [action for action in actions if action["purpose"] == "pre_hook"]
            self._look_at_inputs(required=not hooks)
            self.skips_step = self._is_done_before()
            self._do(hooks)
            if hooks and not self.skips_step:
                # They may have written what the step reads.
                self._look_at_inputs()
            self._do(action for action in actions if action["purpose"] != "pre_hook")
            if self.target and self.version is None and self.node["step"] in ("table", "incremental"):
                self.version = self.relations.version(self.target)
        finally:
            for kept in self.kept:
                try:
                    kept.unpersist()
                except Exception:  # the JVM is gone: nothing to give back
                    pass
        return self._status()

    def _do(self, actions):
        for action in actions:
            self.job.check()
            if self._is_due(action):
                getattr(self, "do_" + action["do"])(action)

    def _look_at_inputs(self, required=True):
        # What runs natively looks for itself, and what makes a view reads nothing.
        if self.node.get("native") or self.node["step"] == "external":
            return
        self.failing.doing("look")
        if self.node["step"] == "view":
            self.relations.make_known(self.session, self.node["reads"], required=False)
            return
        try:
            self.relations.make_known(self.session, self.node["reads"])
            self.inputs = self.relations.versions(self.node["reads"])
        except Refused:
            if required:
                raise
            return
        self.rows["read"], self.bytes = self.relations.sizes(self.node["reads"])
        if self.target:
            self.relations.make_known(self.session, [self.target], required=False)

    def _is_done_before(self):
        """Whether the step was committed, by an earlier try of this very run or by a run that did not get to the
        statements after it."""
        if self.target is None or not self.relations.is_table(self.target):
            return False
        table = self.relations.table(self.target)
        for action in self.node["actions"]:
            transaction = action.get("transaction")
            own = action["do"] in ("build", "increment", "snapshot")
            if own and transaction and table.txns.get(transaction["app_id"]) == transaction["version"]:
                return True
        if not self.owes or self.job.bundle["full_refresh"] or self.node["step"] == "snapshot":
            return False
        built = table.built()
        if not built or built["fingerprint"] != self.fingerprint():
            return False
        spans = next((action for action in self.node["actions"] if action["do"] == "spans"), None)
        if spans is not None:
            # What was owed when a span began must not stand in the way of that span.
            newest = self._span_state(table).get("newest")
            if newest is None or newest < self.now.timestamp():
                return False
        others = {name: version for name, version in built["inputs"].items() if name != self.target}
        return others == {name: version for name, version in self.inputs.items() if name != self.target}

    def _is_due(self, action):
        if self.skips_step and action["purpose"] not in ("post_hook", "settle"):
            return False
        if action["when"] == "always":
            return True
        # Seen once: what an action of this node makes is not there for the next one of its own.
        if not hasattr(self, "was_there"):
            self.was_there = self.relations.is_table(self.target)
        if action["do"] == "compact":
            return self.relations.is_table(self.target)
        return self.was_there == (action["when"] == "table_present")

    def _status(self):
        if self.native is not None:
            if "error" in self.native:
                return "cancelled" if self.native["error"].get("code") == "cancelled" else "failed"
            told = self.native["report"].get("diagnostics", [])
            return "failed" if any(each["severity"] == "error" for each in told) else "success"
        if not self.found:
            return "success"
        if "difference" in self.found:
            either = self.found["difference"]
            return "failed" if either["missing"] or either["unexpected"] else "success"
        return self.verdict

    def result(self, status, started, failed=None):
        return {
            "id": self.node["id"],
            "status": status,
            "started_at": written(started),
            "duration_ms": int((datetime.datetime.now(UTC) - started).total_seconds() * 1000),
            "rows": self.rows,
            "bytes": self.bytes,
            "version": self.version,
            "inputs": self.inputs,
            "spans": self.spans,
            "found": self.found,
            "notes": self.notes,
            "failure": failed,
            "native": self.native,
        }

    # statements

    def sql(self, statement, purpose, number=None):
        self.job.check()
        self.failing.doing(purpose, statement, number)
        return self.session.sql(statement)

    def one(self, statement, purpose):
        """The only row of a query."""
        return self.sql(statement, purpose).collect()[0]

    def fill(self, text, **values):
        values.setdefault("now", "timestamp '%sZ'" % self.now.strftime("%Y-%m-%d %H:%M:%S.%f"))
        for name, value in values.items():
            text = text.replace("{headwater:%s}" % name, value)
        return text

    def keep(self, frame, view):
        """Lets a query's rows be computed once, under a name of this session."""
        from pyspark import StorageLevel

        frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
        self.kept.append(frame)
        frame.createOrReplaceTempView(view)
        return frame

    def built(self, fingerprint=None):
        return {"fingerprint": fingerprint or self.fingerprint(), "inputs": self.inputs}

    def write(self, purpose, statement, target, transaction=None, built=None, spans=None, settings=None, number=None):
        """Executes a statement that writes, and looks whether it committed: Delta skips a transaction that it has seen
        without a word. Gives the commit; None if nothing was to be written."""
        provenance = {"version": "1", "run_id": self.job.bundle["run_id"], "built": built}
        if spans:
            provenance["spans"] = spans
        metadata = json.dumps({"headwater": provenance}, sort_keys=True, separators=(",", ":"))
        conf = {"spark.databricks.delta.commitInfo.userMetadata": metadata, **(settings or {})}
        if transaction:
            conf["spark.databricks.delta.write.txnAppId"] = transaction["app_id"]
            conf["spark.databricks.delta.write.txnVersion"] = str(transaction["version"])
        before = self.relations.table(target).version
        self.job.check()
        self.failing.doing(purpose, statement, number)
        restored = {name: self.session.conf.get(name, None) for name in conf}
        for name, value in conf.items():
            self.session.conf.set(name, value)
        try:
            with self.relations.writing[target]:
                self.job.check()
                self.session.sql(statement)
        except Exception as error:
            # Another run's transaction of the same name came while this one was written.
            if transaction and told_by(error)[0] == "DELTA_CONCURRENT_TRANSACTION":
                raise Refused({"overtaken": {"table": target}}) from error
            raise
        finally:
            for name, value in restored.items():
                if value is None:
                    self.session.conf.unset(name)
                else:
                    self.session.conf.set(name, value)
        self.relations.changed(target)
        table = self.relations.table(target)
        for version in range(table.version, before, -1):
            commit = table.commit(version)
            if commit is not None and commit.info.get("userMetadata") == metadata and (
                    not transaction or commit.txns.get(transaction["app_id"]) == transaction["version"]):
                return commit
        if transaction and table.txns.get(transaction["app_id"], -1) > transaction["version"]:
            raise Refused({"overtaken": {"table": target}})
        return None

    # the kinds of actions, each by the name that the bundle has for it

    def begin_turn(self, transaction):
        """Sees to it that no earlier run can commit to the table any more, before anything is computed from it. Spark's
        SQL cannot insist on the version of a table that it read; but Delta refuses a transaction that is behind."""
        name = quoted_table(self.target)
        about = {"app_id": transaction["app_id"], "version": transaction["version"] - 1}
        self.write("look", "INSERT INTO %s\nSELECT * FROM %s WHERE false" % (name, name), self.target, about,
                   self.relations.table(self.target).built(), self.relations.spans(self.target))

    def do_look(self, action):
        self.failing.doing("look")
        name = self.target
        self.relations.make_known(self.session, [name], required=False)
        if name in self.relations.views or self.relations.is_table(name):
            found = fields_of(self.session.table(quoted_table(name)).schema)
            wrong = differences(action["columns"], found, surplus=False)
            if wrong:
                raise Refused({"declared_columns": {"table": name, "differences": wrong}})
        elif not self.relations.is_empty_quarantine(name):
            raise Refused({"missing_table": {"table": name}})
        self.version = self.relations.versions([name])[name]

    def do_native(self, action):
        answer = os.path.join(self.job.scratch, "%d.json" % self.job.next_number())
        command = self.job.bundle["native"] + ["--bundle", self.job.local_bundle(), "--node", self.node["id"],
                                               "--answer", answer]
        # Without what the user passed, which may be secret.
        self.failing.doing(action["purpose"], " ".join(command[:2]))
        if not self.job.bundle["native"]:
            raise NotStarted("the bundle names no program that loads files")
        writing = [self.relations.writing[name] for name in sorted({*action["writes"], *self.node["hooks_read"]})
                   if name in self.relations.writing]
        with contextlib.ExitStack() as held:
            for lock in writing:
                held.enter_context(lock)
            output = self.job.run_program(command)
        try:
            with open(answer, encoding="utf-8") as file:
                self.native = json.load(file)
        except (OSError, ValueError):
            raise NotStarted("`%s` left no answer:\n%s" % (command[0], output)) from None
        with self.relations.lock:
            for name in action["writes"]:
                self.relations.views.pop(name, None)
                self.relations.count_change(name)
        report = self.native.get("report") or {}
        self.rows = report.get("rows") or self.rows
        self.version = report.get("version")

    def do_view(self, action):
        table = self.relations.table(self.target)
        if self.target not in self.relations.views and table.is_there and table.past()[0] is None:
            raise Refused({"foreign_table": {"table": self.target}})
        self.failing.doing(action["purpose"], action["sql"])
        view = {"sql": action["sql"], "reads": action["reads"], "fingerprint": self.node["fingerprint"]}
        with self.relations.lock:
            self.relations.views[self.target] = view
            self.relations.count_change(self.target)
            # Known to Spark when something reads it, if all that it reads is there by then.
            self.relations.make_known(self.session, [self.target], required=False)
        self.version = {"id": view["fingerprint"], "version": 0}

    def _build(self, purpose, target, build, query, built, spans=None):
        """A table as a whole."""
        frame = self.sql(query, purpose)
        if build["columns"]:
            wrong = differences(build["columns"], fields_of(frame.schema), surplus=True)
            if wrong:
                raise Refused({"columns_changed": {"differences": wrong}})
        with self.relations.lock:
            self.relations.make_schema(self.session, target)
            if target in self.relations.views:
                self.relations.forget(self.session, target)
        commit = self.write(purpose, "%s\n%s" % (build["head"], query), target, build.get("transaction"), built, spans)
        with self.relations.lock:
            # The table takes the view's place now that it is there.
            if self.relations.views.pop(target, None):
                self.relations.files.delete(self.relations.entries[target]["view_file"])
            self.relations.known[target] = ("table",)
        return commit.metric("numOutputRows") if commit else 0

    def do_build(self, action):
        self.rows["written"] = self._build(action["purpose"], self.target, action, action["query"], self.built())

    def _check_partitions(self, wanted):
        there = self.relations.described(self.target)["partition_by"]
        if [each.lower() for each in there] != [each.lower() for each in wanted]:
            raise Refused({"other_partitions": {"table": self.target, "there": there, "wanted": wanted}})
        return there

    def _fit(self, frame, on_schema_change, partition_by):
        """Brings the table's columns beside those of a query."""
        there = self._check_partitions(partition_by)
        table = fields_of(self.session.table(quoted_table(self.target)).schema)
        fitted = Fitted(self.target, table, fields_of(frame.schema), on_schema_change)
        gone = [name for name in there if name in fitted.dropped]
        if gone:
            raise refused_increment("partition_gone", table=self.target, column=gone[0])
        base = self.relations.table(self.target).built()
        if fitted.dropped:
            files = len(self.relations.table(self.target).parts)
            self._drop_columns([name for name, _ in table if name not in fitted.dropped], there, base)
            self.notes.append({"increment": {"dropped": {
                "table": self.target, "columns": fitted.dropped, "files": files}}})
        if fitted.added:
            columns = ", ".join("%s %s" % (quoted(name), kind) for name, kind in fitted.added)
            self.write("alter", "ALTER TABLE %s ADD COLUMNS (%s)" % (quoted_table(self.target), columns), self.target,
                       built=base, spans=self.relations.spans(self.target))
        if fitted.ignored:
            note = {"increment": {"ignored": {"table": self.target, "columns": fitted.ignored}}}
            if note not in self.notes:
                self.notes.append(note)
        return fitted

    def _drop_columns(self, kept, partition_by, base):
        """Without column mapping, a column leaves a table only if all files are written anew."""
        partitioned = "PARTITIONED BY (%s)\n" % ", ".join(map(quoted, partition_by)) if partition_by else ""
        location = self.relations.entries[self.target]["location"].replace("\\", "\\\\").replace("'", "\\'")
        self.write("alter", "CREATE OR REPLACE TABLE %s\nUSING delta\n%sLOCATION '%s'\nAS SELECT %s FROM %s" % (
            quoted_table(self.target), partitioned, location, ", ".join(map(quoted, kept)),
            quoted_table(self.target)), self.target, built=base, spans=self.relations.spans(self.target))

    def do_increment(self, action):
        self.begin_turn(action["transaction"])
        frame = self.sql(action["query"], "compute")
        fitted = self._fit(frame, action["on_schema_change"], action["partition_by"])
        if fitted.dropped:
            frame = self.sql(action["query"], "compute")
        columns = [name for name, _ in fitted.fields]
        keys = [fitted.column("unique_key", key, self.target, [name for name, _ in fitted.table])
                for key in action["unique_key"]]
        updated = self._updated(action, fitted)
        shaped = frame.selectExpr(*fitted.expressions())
        if keys:
            # Read several times.
            self.keep(shaped, "headwater_increment")
        else:
            shaped.createOrReplaceTempView("headwater_increment")
        if action["keys_are_unique"]:
            self._check_keys(keys)
        source = ["DBT_INTERNAL_SOURCE.%s" % quoted(name) for name in columns]
        statement = action["statement"] if updated or not action.get("without_updates") else action["without_updates"]
        statement = self.fill(
            statement,
            columns=", ".join(map(quoted, columns)),
            row_columns=", ".join("DBT_INTERNAL_SOURCE.__headwater_row.%s" % quoted(name) for name in columns),
            source_columns=", ".join(source),
            updates=", ".join("%s = DBT_INTERNAL_SOURCE.%s" % (quoted(name), quoted(name)) for name in updated),
        )
        commit = self.write(action["purpose"], statement, self.target, action["transaction"], self.built(),
                            settings=action["settings"])
        if commit is None:
            return
        if commit.info.get("operation") == "MERGE":
            self.rows["written"] = commit.metric("numTargetRowsInserted") + commit.metric("numTargetRowsUpdated")
        else:
            self.rows["written"] = commit.metric("numOutputRows")

    def _updated(self, action, fitted):
        if action["update_columns"] is not None:
            return [fitted.column("merge_update_columns", name, self.target, fitted.given)
                    for name in action["update_columns"]]
        left = [fitted.column("merge_exclude_columns", name, self.target, fitted.given)
                for name in action["exclude_columns"]]
        return [name for name in fitted.given if name not in left]

    def _check_keys(self, keys):
        """Refuses rows that share a key."""
        columns = ", ".join(map(quoted, keys))
        there = " AND ".join("%s IS NOT NULL" % quoted(key) for key in keys)
        shown_key = "concat_ws(', ', %s)" % ", ".join(
            "concat('`%s` = ', cast(%s as string))" % (key.replace("\\", "\\\\").replace("'", "\\'"), quoted(key))
            for key in keys)
        found = self.sql(
            "SELECT %s AS shown, count(*) AS rows, count(*) OVER () AS keys FROM headwater_increment\nWHERE %s\n"
            "GROUP BY %s\nHAVING count(*) > 1\nORDER BY rows DESC, shown\nLIMIT 1" % (shown_key, there, columns),
            "check").collect()
        if found:
            raise refused_increment("duplicate_keys", key=found[0]["shown"], rows=found[0]["rows"],
                                    keys=found[0]["keys"], columns=keys)

    def do_spans(self, action):
        table = self.relations.table(self.target)
        is_new = action["rebuild"] or not self.relations.is_table(self.target)
        if not is_new:
            self._check_partitions(action["partition_by"])
        if not is_new:
            self.begin_turn(action["transaction"])
        progress = self._progress(action, None if is_new else table)
        query = action["full"] if is_new else action["increment"]
        spans = progress["spans"]
        for position, span in enumerate(spans):
            self._filter_inputs(action, span)
            is_last = position + 1 == len(spans)
            fingerprint = self.fingerprint() + ("" if is_last else UNFINISHED)
            state = {"newest": max(progress["newest"] or 0, int(span[1].timestamp())),
                     "from": int(progress["from"].timestamp()), "done": int(span[1].timestamp())}
            progress["newest"] = state["newest"]
            if is_new and position == 0:
                self._begin_spans(action, query, span, fingerprint, state)
            else:
                self._replace_span(action, query, span, fingerprint, state, is_last)
        if spans:
            self.spans = {"count": len(spans), "from": written(spans[0][0]), "to": written(spans[-1][1]),
                          "done_before": progress["done_before"]}

    def _progress(self, action, table):
        """Which spans are to be computed; as crates/embedded/src/incremental/microbatch/progress.rs has it."""
        size, begin = action["batch_size"], span_floor(action["batch_size"], instant(action["begin"]))
        state = self._span_state(table) if table else {}
        newest = state.get("newest")
        if table and newest is None:
            newest = self._newest_row(action)
        if action["asked"]:
            spans = spans_between(size, *map(instant, action["asked"]))
        elif newest is None:
            spans = spans_between(size, begin, max(self.now, begin + datetime.timedelta(microseconds=1)))
        else:
            end = datetime.datetime.fromtimestamp(newest, UTC)
            start = max(span_moved(size, end, -(action["lookback"] + 1)), begin)
            spans = spans_between(size, start, max(self.now, end))
        start, done_before = (spans[0][0] if spans else begin), 0
        built = table.built() if table else None
        if built and built["fingerprint"] == self.fingerprint() + UNFINISHED and built["inputs"] == self.inputs and \
                state.get("from") is not None and state.get("done") is not None:
            began, done = (datetime.datetime.fromtimestamp(state[name], UTC) for name in ("from", "done"))
            # The last one is computed in any case: with it the model is built.
            left = [span for span in spans[:-1] if not (span[0] >= began and span[1] <= done)] + spans[-1:]
            done_before = len(spans) - len(left)
            spans = left
            if done_before:
                start = min(start, began)
        return {"spans": spans, "from": start, "newest": newest, "done_before": done_before}

    def _span_state(self, table):
        """How far the table is: as the newest commit of Headwater's says, else as its transactions do."""
        provenance, _ = table.past()
        if provenance and provenance.get("spans"):
            return provenance["spans"]
        names = {"newest": "headwater:spans:newest", "from": "headwater:spans:from", "done": "headwater:spans:done"}
        if table.whole:
            return {name: table.txns.get(app) for name, app in names.items()}
        return {name: self._transaction(table, app) for name, app in names.items()}

    def _transaction(self, table, app):
        """A transaction of a table whose log is too long to be replayed here."""
        jvm = self.session._jvm
        log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self.session._jsparkSession, table.location)
        found = log.unsafeVolatileSnapshot().transactions().get(app)
        return found.get() if found.isDefined() else None

    def _newest_row(self, action):
        """The end of the span of the newest row, for a table that something else wrote. A row of the future does not
        count."""
        column = "CAST(%s AS timestamp)" % quoted(action["event_time"])
        found = self.one("SELECT max(%s) FROM %s" % (column, quoted_table(self.target)), "look")[0]
        if found is None:
            return None
        newest = min(found.replace(tzinfo=UTC), self.now)
        size = action["batch_size"]
        return int(span_moved(size, span_floor(size, newest), 1).timestamp())

    def _filter_inputs(self, action, span):
        for entry in action["filtered"]:
            frame = self.session.table(quoted_table(entry["input"]))
            field = find(fields_of(frame.schema), entry["column"])
            condition = span_condition(quoted(entry["column"]), field[1] if field else None, span)
            with self.relations.lock:
                self.relations.make_schema(self.session, entry["view"])
            self.sql("CREATE OR REPLACE VIEW %s AS\nSELECT * FROM %s WHERE %s" % (
                quoted_table(entry["view"]), quoted_table(entry["input"]), condition), "compute")

    def _event_time(self, action, fields):
        field = find(fields, action["event_time"])
        if field is None or field[1] not in ("timestamp", "date"):
            found = "no column of the query" if field is None else field[1]
            raise refused_increment("not_a_time", column=action["event_time"], found=found)
        return field

    def _span_rows(self, action, frame, field, span):
        """Keeps the rows of a span, and gives their number; refused if one does not belong to it."""
        condition = span_condition(quoted(field[0]), field[1], span)
        self.keep(frame, "headwater_increment")
        counted = self.one("SELECT count(*) AS rows, count_if(NOT coalesce(%s, false)) AS outside\n"
                           "FROM headwater_increment" % condition, "check")
        if counted["outside"]:
            raise refused_increment("outside_span", rows=counted["outside"], column=field[0],
                                    **{"from": written(span[0]), "to": written(span[1])})
        return condition, counted["rows"]

    def _begin_spans(self, action, query, span, fingerprint, state):
        frame = self.sql(query, "compute")
        wrong = differences(action["columns"], fields_of(frame.schema), surplus=True)
        if wrong:
            raise Refused({"columns_changed": {"differences": wrong}})
        self._span_rows(action, frame, self._event_time(action, fields_of(frame.schema)), span)
        build = {"head": action["head"], "columns": [], "transaction": self._next_of_turn(action)}
        self.rows["written"] += self._build("build", self.target, build, "SELECT * FROM headwater_increment",
                                            self.built(fingerprint), state)
        self._release()

    def _next_of_turn(self, action):
        """The transaction of the next span: its number is above those of the spans before, also of an earlier try."""
        own = action["transaction"]
        app, first = own["app_id"], own["version"]
        table = self.relations.table(self.target)
        stands = (table.txns.get(app) if table.whole else self._transaction(table, app)) or 0
        if stands >= first - 1 + TURN:
            raise Refused({"overtaken": {"table": self.target}})
        return {"app_id": app, "version": max(stands + 1, first)}

    def _replace_span(self, action, query, span, fingerprint, state, is_last):
        frame = self.sql(query, "compute")
        fitted = self._fit(frame, action["on_schema_change"], action["partition_by"])
        if fitted.dropped:
            frame = self.sql(query, "compute")
        field = self._event_time(action, fitted.fields)
        shaped = frame.selectExpr(*fitted.expressions())
        condition, rows = self._span_rows(action, shaped, field, span)
        columns = ", ".join(quoted(name) for name, _ in fitted.fields)
        # Without rows, before and after, there is nothing to say but at the end.
        if rows or is_last or fitted.added or self._has_rows(condition):
            self.write(action["purpose"], self.fill(action["statement"], columns=columns, span=condition), self.target,
                       self._next_of_turn(action), built=self.built(fingerprint), spans=state)
        self.rows["written"] += rows
        self._release()

    def _has_rows(self, condition):
        return bool(self.sql("SELECT 1 FROM %s WHERE %s LIMIT 1" % (quoted_table(self.target), condition), "look").collect())

    def _release(self):
        while self.kept:
            self.kept.pop().unpersist()

    def do_snapshot(self, action):
        source = self.fill(action["source"])
        if not self.relations.is_table(self.target):
            if self.target in self.relations.views:
                raise refused_snapshot("other_table", table=self.target, wrong=["it is a view"])
            self.keep(self.sql(source, "compute"), "headwater_source")
            self._check_shared_keys(action)
            build = {"head": action["head"], "columns": [], "transaction": action["transaction"]}
            self.rows["written"] = self._build("build", self.target, build, self.fill(action["first"]), self.built())
            self.version = self.relations.version(self.target)
            return
        self.begin_turn(action["transaction"])
        frame = self.keep(self.sql(source, "compute"), "headwater_source")
        self._check_shared_keys(action)
        new = self._beside(action, frame)
        compared = {name.lower() for name in action["compared"]}
        has_new = str(any(name.lower() in compared for name, _ in new)).lower()
        self.keep(self.sql(self.fill(action["changed"], new_columns=has_new), "compute"), "headwater_changed")
        if action.get("standing"):
            rows, example = self.one(action["standing"], "check")
            if rows:
                raise refused_snapshot("stands", updated_at=action["updated_at"], rows=rows, example=example or "")
        built = self.relations.table(self.target).built()
        pending = self.one(action["pending"], "check")[0]
        if not pending and not new and built and built["fingerprint"] == self.fingerprint():
            return
        known = self.one(action["known"], "check")[0]
        if known:
            self.notes.append({"known_versions": {"rows": known}})
        commit = self.write(action["purpose"], self.fill(action["statement"]), self.target, action["transaction"],
                            self.built())
        if commit:
            self.rows["written"] = commit.metric("numTargetRowsInserted") + commit.metric("numTargetRowsUpdated")
        self.version = self.relations.version(self.target)

    def _check_shared_keys(self, action):
        keys, example = self.one(action["shared_keys"], "check")
        if keys:
            raise refused_snapshot("keys", key=action["unique_key"], keys=keys, example=example or "")

    def _beside(self, action, frame):
        """Adds the query's columns that the table has not; gives them."""
        table = fields_of(self.session.table(quoted_table(self.target)).schema)
        query = [field for field in fields_of(frame.schema) if not field[0].startswith("__headwater_")]
        missing = ["`%s`" % name for name in action["added_columns"] if not find(table, name)]
        wrong = ["it lacks %s" % ", ".join(missing)] if missing else []
        new = []
        for name, kind in query:
            there = find(table, name)
            if there is None:
                new.append((name, kind))
            elif not may_hold(there[1], kind):
                wrong.append("`%s` is `%s` there, and `%s` now" % (there[0], there[1], kind))
        if wrong:
            raise refused_snapshot("other_table", table=self.target, wrong=wrong)
        if new:
            columns = ", ".join("%s %s" % (quoted(name), kind) for name, kind in new)
            self.write("alter", "ALTER TABLE %s ADD COLUMNS (%s)" % (quoted_table(self.target), columns), self.target,
                       built=self.relations.table(self.target).built())
        return new

    def do_test(self, action):
        if action.get("keep"):
            kept = action["kept"]
            self.relations.make_known(self.session, [kept], required=False)
            self.rows["written"] = self._build(action["purpose"], kept, action["keep"], action["keep"]["query"], None)
        count = self.one(action["count"], action["purpose"])[0]
        self.verdict = "success"
        sample = []
        if count is not None:
            told = verdict(action, count)
            # A warning about no rows is told, and is no warning of the run.
            self.verdict = "failed" if told == "error" else "warned" if told and count > 0 else "success"
            if told:
                sample = [shown_row(row) for row in self.sql(action["sample"], action["purpose"]).collect()]
        else:
            self.verdict = "failed"
        self.found = {"rows": {"count": count, "sample": sample}}

    def do_unit_test(self, action):
        sides = []
        for name in ("actual", "expected"):
            frame = self.sql(action[name], action["purpose"])
            rows = frame.limit(MOST_UNIT_TEST_ROWS + 1).collect()
            if len(rows) > MOST_UNIT_TEST_ROWS:
                raise RuntimeError("a side of a unit test has more than %d rows" % MOST_UNIT_TEST_ROWS)
            kinds = [field.dataType for field in frame.schema.fields]
            sides.append([[json_value(cell, kind) for cell, kind in zip(row, kinds)] for row in rows])
        self.rows["read"] = len(sides[0])
        missing, unexpected = bags_apart(sides[1], sides[0])
        self.found = {"difference": {"missing": missing, "unexpected": unexpected}}

    def do_statement(self, action):
        number = action["number"]
        target = action.get("writes")
        # What it reads may have been made since the node began, by the node's own step.
        self.relations.make_known(self.session, self.node["hooks_read"], required=False)
        if target is None:
            self.sql(action["sql"], action["purpose"], number).write.format("noop").mode("overwrite").save()
            return
        if not self.relations.is_table(target):
            self.failing.doing(action["purpose"], action["sql"], number)
            raise Refused({"missing_table": {"table": target}})
        self.relations.make_known(self.session, [target])
        built = self.relations.table(target).built()
        commit = self.write(action["purpose"], action["sql"], target, action["transaction"], built,
                            self.relations.spans(target), number=number)
        if commit and self.node["step"] == "statement":
            rows = ("numOutputRows", "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted",
                    "numUpdatedRows", "numDeletedRows")
            if commit.info.get("operation") == "MERGE":
                rows = rows[1:4]
            self.rows["written"] = sum(commit.metric(name) for name in rows)

    def do_drop(self, action):
        name = action["relation"]
        self.failing.doing(action["purpose"], "drop `%s`" % name)
        entry = self.relations.entries[name]
        with self.relations.lock:
            self.relations.forget(self.session, name)
            if self.relations.views.pop(name, None):
                self.relations.files.delete(entry["view_file"])
            self.relations.count_change(name)
        # Its log first, from the newest entry on, so that what a process leaves that dies here is an earlier version.
        log = entry["location"] + "/_delta_log"
        names = self.relations.files.names(log)
        for file in sorted((name for name in names if not name.startswith("_")), reverse=True):
            self.relations.files.delete("%s/%s" % (log, file))
        self.relations.files.delete(entry["location"])
        self.relations.tables[name] = Table(self.relations.files, entry["location"])
        jvm = self.session._jvm
        jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()

    def do_settle(self, action):
        """Nothing is owed any more: said in a commit without rows."""
        if not self.target or not self.relations.is_table(self.target):
            return
        built = self.relations.table(self.target).built()
        # Built by another run meanwhile: what that one owes is not ours to settle.
        if not built or built["fingerprint"] != self.node["fingerprint"] + OWED:
            return
        name = quoted_table(self.target)
        settled = {"fingerprint": self.node["fingerprint"], "inputs": built["inputs"]}
        self.write(action["purpose"], "INSERT INTO %s\nSELECT * FROM %s WHERE false" % (name, name), self.target,
                   built=settled, spans=self.relations.spans(self.target))
        self.version = self.relations.version(self.target)

    def do_compact(self, action):
        table = self.relations.table(self.target)
        small = {}
        for size, _, partition in table.parts.values():
            if size < SMALL_BYTES:
                small[partition] = small.get(partition, 0) + 1
        if max(small.values(), default=0) < action["at_least"]:
            return
        settings = {"spark.databricks.delta.optimize.minFileSize": str(SMALL_BYTES)}
        try:
            self.write(action["purpose"], action["sql"], self.target, built=table.built(),
                       spans=self.relations.spans(self.target), settings=settings)
        except Exception as error:  # the rows are there with or without it
            self.notes.append({"not_compacted": {"why": failure_of(error, self.failing, self.job.is_stopping())}})


def refused_snapshot(what, **details):
    return Refused({"snapshot": {what: details}})


def verdict(test, count):
    """What a count means, as dbt has it: with severity `warning` it is never an error."""
    if test["severity"] == "error" and is_met(test["error_if"], count):
        return "error"
    return "warning" if is_met(test["warn_if"], count) else None


def is_met(threshold, count):
    wanted = threshold["count"]
    return {"equal": count == wanted, "not_equal": count != wanted, "less": count < wanted,
            "less_or_equal": count <= wanted, "greater": count > wanted,
            "greater_or_equal": count >= wanted}[threshold["comparison"]]


def bags_apart(expected, actual):
    """The rows that are on one side only, each as often as it is there."""
    balance = {}
    for rows, step in ((expected, 1), (actual, -1)):
        for row in rows:
            entry = balance.setdefault(json.dumps(row, sort_keys=True), [row, 0])
            entry[1] += step
    missing = [row for row, times in balance.values() for _ in range(times)]
    unexpected = [row for row, times in balance.values() for _ in range(-times)]
    return missing, unexpected


# --- the job ----------------------------------------------------------------------------------------------------------


class Job:
    """All nodes, each after those that it needs."""

    def __init__(self, bundle, bundle_uri, files, progress):
        self.bundle, self.bundle_uri, self.files, self.progress = bundle, bundle_uri, files, progress
        self.relations = Relations(files, bundle)
        self.spark = None
        self.start_failure = None
        self.stop = threading.Event()
        self.lock = threading.Condition()
        self.programs = set()
        self.numbers = 0
        self.scratch = tempfile.mkdtemp(prefix="headwater-")
        self.results = []
        by_id = {node["id"]: node for node in bundle["nodes"]}
        self.waits = {id: {each for each in node["after"] if each in by_id} for id, node in by_id.items()}
        self.nodes = by_id
        self.blocked = {}
        self.first_failure = None
        self.unheard = None
        self.running = {}

    def check(self):
        if self.stop.is_set():
            raise Stopped()
        if self.start_failure:
            raise self.start_failure

    def is_stopping(self):
        return self.stop.is_set()

    def next_number(self):
        with self.lock:
            self.numbers += 1
            return self.numbers

    def local_bundle(self):
        """The bundle as a file of this machine."""
        path = local_path(self.bundle_uri)
        if path is not None:
            return path
        path = os.path.join(self.scratch, "bundle.json")
        with self.lock:
            if not os.path.exists(path):
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(self.bundle, file)
        return path

    def run_program(self, command):
        """Runs a program to its end; gives what it said last. It is stopped with the job."""
        log = os.path.join(self.scratch, "%d.log" % self.next_number())
        with open(log, "wb") as output:
            try:
                program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            except OSError as error:
                raise NotStarted("`%s` cannot be started: %s" % (command[0], error)) from None
            with self.lock:
                self.programs.add(program)
            try:
                if self.stop.is_set():
                    program.terminate()
                program.wait()
            finally:
                with self.lock:
                    self.programs.discard(program)
        with open(log, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def start(self):
        """Starts Spark, and looks that Delta is there."""
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.appName("headwater %s %s" % (self.bundle["project"], self.bundle["run_id"]))
        settings = dict(self.bundle["settings"])
        # Databases have a folder each, in which nothing is ever written.
        settings.setdefault("spark.sql.warehouse.dir", "file://" + os.path.join(self.scratch, "warehouse"))
        for name, value in sorted(settings.items()):
            builder = builder.config(name, value)
        self.spark = builder.getOrCreate()
        self.files.context = self.spark.sparkContext
        self.settings = settings
        try:
            self.spark._jvm.java.lang.Class.forName("io.delta.sql.DeltaSparkSessionExtension", True,
                                                    self.spark._jvm.java.lang.Thread.currentThread()
                                                    .getContextClassLoader())
        except Exception as error:
            raise NotStarted("Delta Lake is not there, or of another version than Spark's: %s" % told_by(error)[1])
        self.spark.sql("SELECT 1").collect()

    def new_session(self, node):
        session = self.spark.newSession()
        for name, value in self.settings.items():
            if name.startswith("spark.sql.") or name.startswith("spark.databricks."):
                if session.conf.isModifiable(name):
                    session.conf.set(name, value)
        session.sparkContext.setJobGroup(node["id"], node["name"], True)
        return session

    # the graph

    def run(self):
        """Executes all nodes; returns when each has ended."""
        pool = ThreadPoolExecutor(max_workers=max(1, self.bundle["threads"]))
        stopped_at = None
        while True:
            with self.lock:
                self._settle()
                self._begin(pool)
                if not self.running and not self.waits:
                    break
                if self.stop.is_set():
                    stopped_at = stopped_at or time.monotonic()
                    if time.monotonic() - stopped_at > GRACE_SECONDS:
                        self._abandon()
                        break
                # Wakes up by itself, so that Python sees signals.
                self.lock.wait(0.2)
        # Nothing is waited for that did not end in time.
        pool.shutdown(wait=False)

    def _ready(self):
        return [id for id in self.nodes if id in self.waits and not self.waits[id]]

    def _settle(self):
        """Ends every ready node that has nothing to execute."""
        while True:
            for id in self._ready():
                node = self.nodes[id]
                blocker = self.blocked.get(id) or (None if node["always"] else self.first_failure)
                if self.stop.is_set():
                    self._end_without(id, "cancelled", failure("cancelled", "not begun when the run was stopped"))
                elif blocker:
                    message = "left out, because `%s` failed" % blocker
                    self._end_without(id, "skipped", failure("upstream", message))
                else:
                    continue
                break
            else:
                return

    def _end_without(self, id, status, failed):
        del self.waits[id]
        self._end(id, {"id": id, "status": status, "started_at": None, "duration_ms": 0, "failure": failed})

    def _begin(self, pool):
        for id in self._ready():
            if len(self.running) >= max(1, self.bundle["threads"]) or self.stop.is_set():
                return
            del self.waits[id]
            self.running[id] = datetime.datetime.now(UTC)
            pool.submit(self._node, id)

    def _node(self, id):
        started = self.running[id]
        run = Run(self, self.nodes[id])
        failed = None
        try:
            status = run.execute()
        except BaseException as error:
            failed = failure_of(error, run.failing, self.stop.is_set())
            status = "cancelled" if failed["kind"] == "cancelled" else "failed"
        with self.lock:
            if self.running.pop(id, None) is not None:
                self._end(id, run.result(status, started, failed))
            self.lock.notify_all()

    def _abandon(self):
        """Ends what does not come to an end although it was cancelled."""
        for id, started in list(self.running.items()):
            del self.running[id]
            run = Run(self, self.nodes[id])
            self._end(id, run.result("cancelled", started, failure("cancelled", "stopped before it was done")))

    def _end(self, id, result):
        node = self.nodes[id]
        self.results.append(result)
        try:
            self.progress.add(result)
        except Exception as error:  # nobody would hear of what comes after it
            self.unheard = self.unheard or error
            self.cancel()
        blocker = node["name"] if result["status"] == "failed" else self.blocked.get(id)
        if result["status"] == "failed" and self.bundle["fail_fast"] and self.first_failure is None:
            self.first_failure = node["name"]
        for other, waits in self.waits.items():
            if id not in waits:
                continue
            waits.discard(id)
            # What runs after everything else runs however that ended.
            if blocker and (node["always"] or not self.nodes[other]["always"]):
                self.blocked.setdefault(other, blocker)

    def cancel(self, *_):
        """Asks everything to stop."""
        if self.stop.is_set():
            return
        self.stop.set()
        # Not here: a signal may come while a lock is held.
        threading.Thread(target=self._cancel, daemon=True).start()

    def _cancel(self):
        began = time.monotonic()
        # Again and again: a statement between two of its jobs has none to be cancelled.
        while self.running:
            late = time.monotonic() - began > GRACE_SECONDS / 2
            for program in list(self.programs):
                try:
                    program.kill() if late else program.terminate()
                except OSError:
                    pass
            try:
                if self.spark is not None:
                    self.spark.sparkContext.cancelAllJobs()
            except Exception:  # the JVM is gone, and its jobs with it
                return
            time.sleep(0.5)

    def status(self):
        ended = {result["status"] for result in self.results}
        return "cancelled" if "cancelled" in ended else "failed" if "failed" in ended else "success"


def read_bundle(files, uri):
    data = files.read(uri)
    if data is None:
        raise NotStarted("there is no bundle at `%s`" % uri)
    bundle = json.loads(data)
    if bundle.get("version") != BUNDLE_VERSION:
        raise NotStarted("the bundle is of version %s, and this runner reads version %d" % (
            bundle.get("version"), BUNDLE_VERSION))
    return bundle


def main(arguments):
    parser = argparse.ArgumentParser(description="executes a bundle of Headwater inside Spark")
    parser.add_argument("--bundle", required=True, help="where the bundle is")
    parser.add_argument("--result", required=True, help="where the result is to be written")
    parser.add_argument("--progress", help="where each node's line is to be written; beside the result by default")
    options = parser.parse_args(arguments)
    # Spark's instants come as times of this process.
    os.environ["TZ"] = "UTC"
    time.tzset()
    started, files, job = datetime.datetime.now(UTC), Files(), None
    result = {"version": BUNDLE_VERSION, "run_id": "", "attempt": 0, "spark_version": None,
              "started_at": written(started), "status": "failed", "failure": None, "nodes": []}
    try:
        bundle = read_bundle(files, options.bundle)
        result.update(run_id=bundle["run_id"], attempt=bundle["attempt"])
        job = Job(bundle, options.bundle, files, Progress(files, options.progress or options.result + ".progress"))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, job.cancel)
        try:
            job.start()
            result["spark_version"] = job.spark.version
        except Exception as error:
            if not isinstance(error, NotStarted):
                error_class, message = told_by(error)
                error = NotStarted(message, error_class)
            job.start_failure = error
            result["failure"] = failure_of(error, None, False)
        job.run()
        if job.unheard is not None:
            raise job.unheard
    except BaseException as error:
        result["failure"] = result["failure"] or failure_of(error, None, False)
    finally:
        if job is not None:
            result["nodes"] = list(job.results)
            stopped = job.stop.is_set() and job.unheard is None
            result["status"] = "failed" if result["failure"] and not stopped else job.status()
        result["finished_at"] = written(datetime.datetime.now(UTC))
        try:
            files.write(options.result, json.dumps(result, ensure_ascii=False, indent=1) + "\n")
        except Exception as error:  # told to the log, the only place that is left
            print("the result cannot be written: %s" % error, file=sys.stderr)
            result["status"] = "failed"
    return finish(job, 0 if result["status"] == "success" else 1)


def finish(job, code):
    """Lets Spark end, but waits for it no longer than it may take."""
    if job is not None:
        import shutil

        stopping = threading.Thread(target=job.spark.stop, daemon=True) if job.spark is not None else None
        if stopping is not None:
            stopping.start()
            stopping.join(GRACE_SECONDS)
        shutil.rmtree(job.scratch, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that hang in a JVM that is gone must not keep the process.
    os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
