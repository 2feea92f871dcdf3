"""Spark MLlib: alternating least squares, local[2]."""

import tempfile

from benchmarks import harness, peers
from movierec.data.rating_arrays import Csr


def time_epochs(by_user: Csr, n_items: int, n_factors: int, n: int) -> list[float]:
    from pyspark.ml.recommendation import ALS
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "12g")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    with tempfile.TemporaryDirectory() as folder:
        peers.to_frame(by_user, "user", "item").to_parquet(f"{folder}/ratings.parquet")
        frame = session.read.parquet(f"{folder}/ratings.parquet").cache()
        frame.count()

        def train(n_epochs: int) -> None:
            ALS(
                rank=n_factors,
                maxIter=n_epochs,
                regParam=0.05,
                userCol="user",
                itemCol="item",
                ratingCol="rating",
                numUserBlocks=2,
                numItemBlocks=2,
                seed=0,
            ).fit(frame)

        seconds = harness.time_by_difference(train, n)
    session.stop()
    return seconds
