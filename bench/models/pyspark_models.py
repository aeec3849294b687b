"""The models of a project by Spark: from a lake's Parquet files to Parquet files, with the SQL of the project."""

import sys

from project import Project
from pyspark.sql import SparkSession


def view(schema, name):
    # Temporary views have no schema.
    return f"{schema}__{name}"


def main():
    folder, lake, target = sys.argv[1:]
    project = Project(folder, view)
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "8g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .config("spark.sql.session.timeZone", "UTC")
        # 200 by default, which costs time on two cores.
        .config("spark.sql.shuffle.partitions", "8")
        .getOrCreate()
    )
    for schema, name in project.sources.values():
        spark.read.parquet(f"{lake}/{schema}/{name}").createOrReplaceTempView(view(schema, name))
    for name, file in project.seeds.items():
        seed = spark.read.csv(str(file), header=True, inferSchema=True)
        seed.createOrReplaceTempView(view("seeds", name))
    for model in project.models():
        rows = spark.sql(model.sql)
        if model.materialized == "table":
            path = f"{target}/{model.schema}/{model.name}"
            rows.write.parquet(path, compression="snappy")
            rows = spark.read.parquet(path)
        rows.createOrReplaceTempView(view(model.schema, model.name))
    spark.stop()


main()
