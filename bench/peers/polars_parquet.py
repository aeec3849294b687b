import sys

import polars as pl

source, target = sys.argv[1:]
schema = {
    "rental_id": pl.String,
    "user_id": pl.String,
    "vehicle_id": pl.String,
    "rental_start_time": pl.String,
    "rental_end_time": pl.String,
    "pickup_location": pl.Int32,
    "dropoff_location": pl.Int32,
    "total_amount": pl.Decimal(12, 2),
}
times = pl.col("rental_start_time", "rental_end_time").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
pl.scan_csv(source, schema=schema).with_columns(times).sink_parquet(f"{target}/rentals.parquet", compression="snappy")
