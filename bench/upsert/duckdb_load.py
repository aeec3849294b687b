"""The rows of a Delta table into a DuckDB database of its own format, not timed; its partitions lie together."""

import sys

import duckdb

table, database = sys.argv[1:]
connection = duckdb.connect(database)
connection.execute("SET TimeZone = 'UTC'")
connection.execute(f"""
    CREATE TABLE balances AS
    SELECT part::INTEGER AS part, id, amount, status, updated_at
    FROM read_parquet('{table}/**/*.parquet', hive_partitioning = true)
    ORDER BY part
""")
connection.close()
