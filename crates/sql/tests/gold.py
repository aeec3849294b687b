"""Writes spark_gold.txt: what Spark 4 answers to each line of cases.txt, under ANSI and in UTC.

    python -m venv /tmp/pyspark && /tmp/pyspark/bin/pip install pyspark==4.2.1
    /tmp/pyspark/bin/python crates/sql/tests/gold.py

A line is the case, the types of its columns, and its rows (`;` between them, `|` between columns), separated by tabs. A case that begins
with `select`, `with` or `values` is a query, any other an expression. In place of the types stands `error` when Spark
refuses the query, and a `!` after them says that it fails as it runs; the value is then Spark's error condition.
"""

import datetime
import decimal
import json
import pathlib
import re

from pyspark.sql import Row, SparkSession

HERE = pathlib.Path(__file__).parent


def show(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Row):
        return "{" + ", ".join(f"{name}: {show(item)}" for name, item in value.asDict().items()) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)} -> {show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value) + "]"
    return str(value)


def condition(error):
    found = re.search(r"\[([A-Z_.]+)\]", str(error))
    return found.group(1) if found else type(error).__name__


def answer(spark, case):
    query = case if re.match(r"(?i)(select|with|values)\b", case) else f"select {case}"
    try:
        frame = spark.sql(query)
        data_type = "|".join(field.dataType.simpleString() for field in frame.schema.fields)
    except Exception as error:
        return "error", condition(error)
    try:
        return data_type, ";".join("|".join(show(cell) for cell in row) for row in frame.collect())
    except Exception as error:
        return data_type + "!", condition(error)


def main():
    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    lines = []
    for case in (HERE / "cases.txt").read_text().splitlines():
        if case and not case.startswith("#"):
            data_type, value = answer(spark, case)
            lines.append("\t".join([case, data_type, value]))
    (HERE / "spark_gold.txt").write_text("\n".join(lines) + "\n")


main()
