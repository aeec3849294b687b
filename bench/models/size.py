"""Prints one line of JSON about a lake's Parquet files: rows and bytes of all tables."""

import json
import sys
from pathlib import Path

import pyarrow.parquet

# What is set aside is no input, and a folder with an underscore is Delta's or Headwater's own.
files = [
    file
    for file in Path(sys.argv[1]).glob("[!_]*/*/**/*.parquet")
    if not file.parts[len(Path(sys.argv[1]).parts) + 1].endswith("_quarantine") and "_delta_log" not in file.parts
]
rows = sum(pyarrow.parquet.read_metadata(file).num_rows for file in files)
print(json.dumps([rows, sum(file.stat().st_size for file in files)]))
