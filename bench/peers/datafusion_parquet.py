import sys

from datafusion import SessionContext

source, target = sys.argv[1:]
context = SessionContext()
context.sql(f"""
    CREATE EXTERNAL TABLE rentals (
        rental_id VARCHAR, user_id VARCHAR, vehicle_id VARCHAR,
        rental_start_time TIMESTAMP, rental_end_time TIMESTAMP,
        pickup_location INT, dropoff_location INT, total_amount DECIMAL(12,2)
    ) STORED AS CSV LOCATION '{source}' OPTIONS ('format.has_header' 'true')
""").collect()
context.sql(
    f"COPY (SELECT * FROM rentals) TO '{target}/' STORED AS PARQUET OPTIONS ('format.compression' 'snappy')"
).collect()
