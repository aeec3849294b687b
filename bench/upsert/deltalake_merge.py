"""Rows of a Parquet file into a Delta table, by delta-rs' own MERGE."""

import sys

import pyarrow.parquet
from deltalake import DeltaTable

table, changes = sys.argv[1:]
(
    DeltaTable(table)
    .merge(
        source=pyarrow.parquet.read_table(changes),
        predicate="target.part = source.part AND target.id = source.id",
        source_alias="source",
        target_alias="target",
    )
    .when_matched_update_all()
    .when_not_matched_insert_all()
    .execute()
)
