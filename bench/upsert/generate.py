"""Parquet files of accounts in 32 partitions, or of changes to some of them.

generate.py FOLDER ROWS                        accounts.parquet: ids 0 to ROWS - 1, id modulo 32 the partition
generate.py FOLDER ROWS PARTITIONS CHANGES     changes.parquet: so many rows, in so many partitions; four of five are
                                               accounts with another amount, one of five is a new account
"""

import sys

import duckdb

PARTITIONS = 32
# What is made of an id: figures that look drawn, and are the same each time.
ROW = """
    id,
    ((hash(id + {salt}) % 100000000)::BIGINT / 100)::DECIMAL(12,2) AS amount,
    ['open', 'closed', 'blocked', 'dormant'][1 + (hash(id) % 4)::BIGINT] AS status,
    TIMESTAMPTZ '{begin} 00:00:00+00' + to_seconds((hash(id * 3) % 31536000)::BIGINT) AS updated_at
"""


def main():
    folder, rows, *changes = sys.argv[1:]
    rows = int(rows)
    if changes:
        partitions, count = map(int, changes)
        old = count * 4 // 5
        # Far apart from each other, so that no two lie in one row group.
        step = rows // PARTITIONS // (old // partitions + 1) * PARTITIONS
        ids = f"""
            SELECT n % {partitions} + CASE WHEN n < {old} THEN n // {partitions} * {step}
                ELSE ({rows} + {PARTITIONS} - 1) // {PARTITIONS} * {PARTITIONS} + n // {partitions} * {PARTITIONS} END AS id
            FROM range({count}) AS numbers(n)
        """
        row, name = ROW.format(salt=1, begin="2026-01-01"), "changes"
    else:
        ids = f"SELECT range AS id FROM range({rows})"
        row, name = ROW.format(salt=0, begin="2025-01-01"), "accounts"
    duckdb.execute("SET TimeZone = 'UTC'")
    duckdb.execute(f"""
        COPY (SELECT (id % {PARTITIONS})::INTEGER AS part, {row} FROM ({ids}))
        TO '{folder}/{name}.parquet' (FORMAT parquet, COMPRESSION snappy)
    """)


main()
