"""Rows of a Parquet file into a table of a DuckDB database, by MERGE."""

import sys

import duckdb

database, changes = sys.argv[1:]
connection = duckdb.connect(database)
connection.execute("SET TimeZone = 'UTC'")
connection.execute(f"""
    MERGE INTO balances AS target
    USING (FROM read_parquet('{changes}')) AS source
    ON target.part = source.part AND target.id = source.id
    WHEN MATCHED THEN UPDATE SET amount = source.amount, status = source.status, updated_at = source.updated_at
    WHEN NOT MATCHED THEN INSERT (part, id, amount, status, updated_at)
        VALUES (source.part, source.id, source.amount, source.status, source.updated_at)
""")
connection.close()
