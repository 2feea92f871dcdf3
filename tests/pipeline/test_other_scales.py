"""The stages on ratings of another scale: the same lists, and metrics but for the unit."""

import numpy as np
import pandas as pd
import pytest
import yaml

from movierec.core import result_files
from tests.helpers.clone import STAGES as PIPELINE
from tests.helpers.random_data import random_model, random_ratings
from tests.helpers.small_project import run_stages, write_params

STAGES = PIPELINE[:-1]
FACTORS = {"n_factors": 4, "max_epochs": 15}
CHANGES = {"train": FACTORS, "implicit": FACTORS, "recommend": {"ranking": "lower_bound"}}


def run(folder, low, star):
    """Run the stages on planted ratings with this lowest one and unit; returns lists and report."""
    folder.mkdir()
    ratings, truth = random_ratings(5, 150, 60, 4000), random_model(5, 150, 60, 2)
    stars = 3 + 2 * (truth.predict(ratings.user_index, ratings.item_index) - truth.global_mean)
    columns = {
        "user_id": ratings.user_index,
        "movie_id": ratings.item_index,
        "rating": low + (stars.round().clip(1, 5) - 1) * star,
        "timestamp": ratings.timestamp,
    }
    pd.DataFrame(columns).to_csv(folder / "ratings.csv", index=False)
    write_params(folder, folder / "ratings.csv", "ratings_csv", **CHANGES)
    datasets = yaml.safe_load((folder / "datasets.yaml").read_text("utf-8"))
    datasets["local"] |= {"rating_min": low, "rating_max": low + 4 * star}
    (folder / "datasets.yaml").write_text(yaml.safe_dump(datasets), "utf-8")
    run_stages(folder, *STAGES)
    lists = pd.read_parquet(folder / "exports/recommendations.parquet")
    return lists, result_files.read_details("evaluate", folder), (folder / "exports/MODEL_CARD.md")


def test_stages_on_a_scale_of_0_to_10(tmp_path):
    one, on_stars, _ = run(tmp_path / "stars", 1.0, 1.0)
    two, on_tens, card = run(tmp_path / "tens", 0.0, 2.5)
    pd.testing.assert_frame_equal(one[["user_id", "movie_id"]], two[["user_id", "movie_id"]])
    for name in ("score", "predicted_rating"):
        np.testing.assert_allclose((one[name] - 1) * 2.5, two[name], rtol=1e-4, atol=1e-4)
    for of in ("test", "train", "validation"):
        assert on_tens[of]["rmse"] / 2.5 == pytest.approx(on_stars[of]["rmse"], rel=1e-5)
    assert on_tens["interval_coverage"] == on_stars["interval_coverage"]
    for name, metrics in on_stars["ranking"].items():
        hits = {key: value for key, value in metrics.items() if key.startswith("hit_rating")}
        expected = metrics | {key: (value - 1) * 2.5 for key, value in hits.items()}
        assert on_tens["ranking"][name] == pytest.approx(expected, rel=1e-4), name
    assert "test rating is at least 7.5" in card.read_text("utf-8")
