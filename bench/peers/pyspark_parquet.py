import sys

from pyspark.sql import SparkSession

source, target = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.log.level", "ERROR")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
schema = (
    "rental_id STRING, user_id STRING, vehicle_id STRING, rental_start_time TIMESTAMP, rental_end_time TIMESTAMP, "
    "pickup_location INT, dropoff_location INT, total_amount DECIMAL(12,2)"
)
rentals = spark.read.csv(
    source, schema=schema, header=True, mode="FAILFAST", timestampFormat="yyyy-MM-dd HH:mm:ss", escape='"'
)
rentals.write.mode("append").parquet(target, compression="snappy")
spark.stop()
