"""Prints one line of JSON about the tables that a tool made of a project's models: rows, and a figure for each column.

Numbers are summed, of texts the lengths are, of everything else the values that are there are counted. A tool that differs
has not done the same work, and its time is worth nothing.
"""

import json
import sys
from pathlib import Path

import duckdb
from project import Project

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


def main():
    folder, made = sys.argv[1:]
    project = Project(folder, lambda schema, name: name)
    database = Path(made) / "models.duckdb"
    connection = duckdb.connect(str(database), read_only=True) if database.exists() else duckdb.connect()
    tables = {}
    for model in project.models():
        if model.materialized != "table":
            continue
        rows = f"read_parquet('{made}/{model.schema}/{model.name}/**/*.parquet', hive_partitioning = false)"
        if database.exists():
            rows = f'"{model.schema}"."{model.name}"'
        figures = ["count(*) AS row_count"]
        for column, kind, *_ in connection.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall():
            if kind.startswith(NUMBERS):
                figure = f'sum("{column}")::DOUBLE'
            elif kind == "VARCHAR":
                figure = f'sum(length("{column}"))::DOUBLE'
            else:
                figure = f'count("{column}")::DOUBLE'
            figures.append(f'coalesce({figure}, 0) AS "{column}"')
        answer = connection.sql(f"SELECT {', '.join(figures)} FROM {rows}")
        tables[model.name] = dict(zip(answer.columns, map(float, answer.fetchall()[0])))
    print(json.dumps(tables))


main()
