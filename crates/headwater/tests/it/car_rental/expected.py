"""expected.py INCOMING LAKE: computes the gold tables from the CSV files and compares the lake's with them.

Prints the rows of each table as JSON; every difference goes to standard error and makes the exit code 1. Decimals, whole
numbers, texts and days must be equal, doubles to 1e-9. The DataFrame API is used throughout, so that no line of the
project's SQL is shared.
"""

import datetime
import decimal
import json
import sys

import duckdb
from deltalake import DeltaTable
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

incoming, lake = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.log.level", "ERROR")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)


def csv(table):
    return spark.read.csv(f"{incoming}/{table}*.csv", header=True, escape='"', mode="FAILFAST")


def rounded_average(column):
    return F.round(F.avg(column), 2)


amount = F.col("total_amount")
users = csv("users").select("user_id", "first_name", "last_name", "email", (F.col("is_active") == "1").alias("is_active"))
vehicles = csv("vehicles").select("vehicle_id", "brand", "vehicle_type")
locations = csv("locations").select(F.col("location_id").cast("int"), "location_name", "city", "state")
rentals = (
    csv("rental_transactions")
    .withColumn("total_amount", amount.cast("decimal(12,2)"))
    .withColumn("start", F.to_timestamp("rental_start_time", "yyyy-MM-dd HH:mm:ss"))
    .withColumn("end", F.to_timestamp("rental_end_time", "yyyy-MM-dd HH:mm:ss"))
    .withColumn("hours", F.round((F.unix_timestamp("end") - F.unix_timestamp("start")) / 3600, 2))
    .cache()
)

pickups = rentals.groupBy(F.col("pickup_location").cast("int").alias("location_id")).agg(
    F.count("*").alias("total_pickups"),
    F.sum(amount).alias("pickup_revenue"),
    rounded_average(amount).alias("avg_transaction_amount"),
    F.max(amount).alias("max_transaction_amount"),
    F.min(amount).alias("min_transaction_amount"),
    F.countDistinct("vehicle_id").alias("unique_vehicles_picked_up"),
)
dropoffs = rentals.groupBy(F.col("dropoff_location").cast("int").alias("location_id")).agg(
    F.count("*").alias("total_dropoffs"),
    F.sum(amount).alias("dropoff_revenue"),
    F.countDistinct("vehicle_id").alias("unique_vehicles_dropped_off"),
)
counted = ["total_pickups", "total_dropoffs", "unique_vehicles_picked_up", "unique_vehicles_dropped_off"]
location_metrics = (
    pickups.join(dropoffs, "location_id", "outer")
    .na.fill(0, counted + ["pickup_revenue", "dropoff_revenue"])
    .join(locations, "location_id")
    .withColumn("total_transactions", F.col("total_pickups") + F.col("total_dropoffs"))
    .withColumn("total_revenue", F.col("pickup_revenue") + F.col("dropoff_revenue"))
    .withColumn("total_unique_vehicles", F.col("unique_vehicles_picked_up") + F.col("unique_vehicles_dropped_off"))
)

driven = rentals.join(vehicles, "vehicle_id")
vehicle_type_metrics = driven.groupBy("vehicle_type").agg(
    F.count("*").alias("total_rentals"),
    F.sum(amount).alias("total_revenue"),
    rounded_average(amount).alias("avg_rental_amount"),
    F.max(amount).alias("max_rental_amount"),
    F.min(amount).alias("min_rental_amount"),
    rounded_average("hours").alias("avg_rental_duration_hours"),
    F.max("hours").alias("max_rental_duration_hours"),
    F.min("hours").alias("min_rental_duration_hours"),
    F.countDistinct("vehicle_id").alias("unique_vehicles"),
)
brand_metrics = driven.groupBy("brand").agg(
    F.count("*").alias("total_rentals"),
    F.sum(amount).alias("total_revenue"),
    rounded_average(amount).alias("avg_rental_amount"),
    F.countDistinct("vehicle_id").alias("unique_vehicles"),
)

transactions = [
    F.count("*").alias("total_transactions"),
    F.sum(amount).alias("total_revenue"),
    rounded_average(amount).alias("avg_transaction_amount"),
]
daily_metrics = rentals.groupBy(F.to_date("start").alias("rental_date")).agg(
    *transactions,
    F.max(amount).alias("max_transaction_amount"),
    F.min(amount).alias("min_transaction_amount"),
    F.countDistinct("user_id").alias("unique_users"),
    F.countDistinct("vehicle_id").alias("unique_vehicles"),
)
hourly_metrics = rentals.groupBy(F.hour("start").alias("hour_of_day")).agg(*transactions)
day_names = F.array(*(F.lit(day) for day in "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()))
day_of_week_metrics = rentals.groupBy(day_names[F.weekday("start")].alias("day_of_week")).agg(*transactions)

percentile = F.col("spending_percentile")
user_metrics = (
    rentals.groupBy("user_id")
    .agg(
        F.count("*").alias("total_rentals"),
        F.sum(amount).alias("total_spent"),
        rounded_average(amount).alias("avg_rental_amount"),
        F.max(amount).alias("max_rental_amount"),
        F.min(amount).alias("min_rental_amount"),
        rounded_average("hours").alias("avg_rental_duration_hours"),
        F.sum("hours").alias("total_rental_hours"),
        F.countDistinct("vehicle_id").alias("unique_vehicles_rented"),
    )
    .join(users, "user_id")
    .withColumn("spending_percentile", F.round(F.percent_rank().over(Window.orderBy("total_spent")) * 100, 2))
    .withColumn(
        "spending_category",
        F.when(percentile >= 90, "Top Spender")
        .when(percentile >= 75, "High Spender")
        .when(percentile >= 50, "Medium Spender")
        .when(percentile >= 25, "Low Spender")
        .otherwise("Occasional Spender"),
    )
)

# Each table with its key and its columns in order.
TABLES = {
    "location_metrics": (
        location_metrics,
        "location_id location_name city state total_pickups total_dropoffs total_transactions pickup_revenue "
        "dropoff_revenue total_revenue avg_transaction_amount max_transaction_amount min_transaction_amount "
        "unique_vehicles_picked_up unique_vehicles_dropped_off total_unique_vehicles",
    ),
    "vehicle_type_metrics": (
        vehicle_type_metrics,
        "vehicle_type total_rentals total_revenue avg_rental_amount max_rental_amount min_rental_amount "
        "avg_rental_duration_hours max_rental_duration_hours min_rental_duration_hours unique_vehicles",
    ),
    "brand_metrics": (brand_metrics, "brand total_rentals total_revenue avg_rental_amount unique_vehicles"),
    "daily_metrics": (
        daily_metrics,
        "rental_date total_transactions total_revenue avg_transaction_amount max_transaction_amount "
        "min_transaction_amount unique_users unique_vehicles",
    ),
    "user_metrics": (
        user_metrics,
        "user_id total_rentals total_spent avg_rental_amount max_rental_amount min_rental_amount "
        "avg_rental_duration_hours total_rental_hours unique_vehicles_rented first_name last_name email is_active "
        "spending_percentile spending_category",
    ),
    "hourly_metrics": (hourly_metrics, "hour_of_day total_transactions total_revenue avg_transaction_amount"),
    "day_of_week_metrics": (day_of_week_metrics, "day_of_week total_transactions total_revenue avg_transaction_amount"),
}


def equal(expected, found):
    if expected is None or found is None:
        return expected is found
    if isinstance(expected, float) or isinstance(found, float):
        return abs(float(expected) - float(found)) <= 1e-9 * max(1.0, abs(float(expected)))
    if isinstance(expected, (str, bool, datetime.date)):
        return type(expected) is type(found) and expected == found
    return isinstance(found, (int, decimal.Decimal)) and not isinstance(found, bool) and expected == found


differences = []
counts = {}
for name, (frame, columns) in TABLES.items():
    columns = columns.split()
    table = DeltaTable(f"{lake}/gold/{name}")
    names = [field.name for field in table.schema().fields]
    if names != columns:
        differences.append(f"{name}: columns {names}, expected {columns}")
        continue
    files = table.file_uris()
    found = sorted(duckdb.read_parquet(files).fetchall(), key=lambda row: row[0])
    expected = sorted((tuple(row) for row in frame.select(*columns).collect()), key=lambda row: row[0])
    counts[name] = len(found)
    if len(found) != len(expected):
        differences.append(f"{name}: {len(found)} rows, expected {len(expected)}")
        continue
    for want, have in zip(expected, found):
        for column, wanted, had in zip(columns, want, have):
            if not equal(wanted, had):
                differences.append(f"{name} {want[0]}: {column} is {had!r}, expected {wanted!r}")

spark.stop()
print(json.dumps(counts))
if differences:
    sys.exit("\n".join([f"{len(differences)} differences", *differences[:50]]))
