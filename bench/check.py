"""Prints one line of JSON about the Parquet files of each folder: rows, sum of amounts, earliest start.

Every tool must have written the same rows, or its time is worth nothing.
"""

import json
import sys

import duckdb

for folder in sys.argv[1:]:
    rows, amount, first = duckdb.sql(
        f"SELECT count(*), sum(total_amount), min(rental_start_time)::VARCHAR "
        f"FROM read_parquet('{folder}/**/*.parquet', hive_partitioning=false)"
    ).fetchall()[0]
    # A zone is shown as +00: the same instant.
    print(json.dumps({"rows": rows, "amount": str(amount), "first": first[:19]}))
