"""Prints one line of JSON about a Delta table or a DuckDB database: rows, rows of 2026, sum of amounts."""

import json
import sys

import duckdb

made = sys.argv[1]
if made.endswith(".duckdb"):
    connection, rows = duckdb.connect(made, read_only=True), "balances"
else:
    from deltalake import DeltaTable

    # Files of earlier versions are there too: the table says which count.
    files = DeltaTable(made).file_uris()
    connection, rows = duckdb.connect(), f"read_parquet({files}, hive_partitioning = true)"
count, changed, amount = connection.execute(f"""
    SELECT count(*), count(*) FILTER (WHERE epoch_us(updated_at) >= epoch_us(TIMESTAMP '2026-01-01')), sum(amount)
    FROM {rows}
""").fetchall()[0]
print(json.dumps({"rows": count, "changed": changed, "amount": str(amount)}))
