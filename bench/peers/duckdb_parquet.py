import sys

import duckdb

source, target = sys.argv[1:]
duckdb.sql(f"""
    COPY (
        SELECT * FROM read_csv('{source}', header = true, auto_detect = false, delim = ',', quote = '"', columns = {{
            'rental_id': 'VARCHAR', 'user_id': 'VARCHAR', 'vehicle_id': 'VARCHAR',
            'rental_start_time': 'TIMESTAMP', 'rental_end_time': 'TIMESTAMP',
            'pickup_location': 'INTEGER', 'dropoff_location': 'INTEGER', 'total_amount': 'DECIMAL(12,2)'
        }})
    ) TO '{target}/rentals.parquet' (FORMAT parquet, COMPRESSION snappy)
""")
