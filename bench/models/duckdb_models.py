"""The models of a project by DuckDB: from a lake's Parquet files into a database file of its own, with the SQL of the project.

What DuckDB calls otherwise than Spark is a macro here.
"""

import sys

import duckdb
from project import Project

MACROS = [
    "CREATE MACRO unix_timestamp(instant) AS epoch(instant)::BIGINT",
    # Only the names of days are asked for.
    "CREATE MACRO date_format(instant, pattern) AS dayname(instant)",
]


def quoted(schema, name):
    return f'"{schema}"."{name}"'


def main():
    folder, lake, target = sys.argv[1:]
    project = Project(folder, quoted)
    database = duckdb.connect(f"{target}/models.duckdb")
    database.execute("SET TimeZone = 'UTC'")
    # What each of the tools may have; it spills beside the database file.
    database.execute("SET memory_limit = '8GB'")
    for macro in MACROS:
        database.execute(macro)
    models = project.models()
    for schema in {schema for schema, _ in project.sources.values()} | {model.schema for model in models} | {"seeds"}:
        database.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    for schema, name in project.sources.values():
        files = f"read_parquet('{lake}/{schema}/{name}/**/*.parquet', hive_partitioning = false)"
        # Without a zone, as DuckDB works faster on those.
        zoned = [
            column
            for column, kind, *_ in database.sql(f"DESCRIBE SELECT * FROM {files}").fetchall()
            if kind == "TIMESTAMP WITH TIME ZONE"
        ]
        plain = ", ".join(f'make_timestamp(epoch_us("{column}")) AS "{column}"' for column in zoned)
        replace = f"REPLACE ({plain})" if plain else ""
        database.execute(f"CREATE VIEW {quoted(schema, name)} AS SELECT * {replace} FROM {files}")
    for name, file in project.seeds.items():
        database.execute(f"CREATE TABLE {quoted('seeds', name)} AS FROM read_csv('{file}')")
    for model in models:
        database.execute(f"CREATE {model.materialized} {quoted(model.schema, model.name)} AS {model.sql}")
    database.close()


main()
