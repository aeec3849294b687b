import sys

from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

source, target = sys.argv[1:]
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
_, port = server.listening_address
spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
schema = (
    "rental_id STRING, user_id STRING, vehicle_id STRING, rental_start_time TIMESTAMP, rental_end_time TIMESTAMP, "
    "pickup_location INT, dropoff_location INT, total_amount DECIMAL(12,2)"
)
rentals = spark.read.csv(source, schema=schema, header=True)
rentals.write.format("delta").mode("append").save(target)
spark.stop()
server.stop()
