"""Recommend: the best unseen movies for every user."""

from functools import partial

import numpy as np

from movierec import artifacts, model_file, outputs, recommend, reports, stage
from movierec.params import Params, load_params


def main() -> None:
    params = load_params()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    model = model_file.read_model()
    outputs.check_same_origin(model.manifest, manifest, outputs.MODEL)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    outputs.check_files(outputs.INDEX, manifest, "index", *names)
    seen = artifacts.read_csr(
        outputs.INDEX / "ratings_by_user.parquet", outputs.INDEX / "users.parquet"
    )
    users, items = artifacts.read_users(), artifacts.read_items()
    eligible = items["n_ratings"].to_numpy() >= params.recommend.min_ratings
    lists, ratings = recommend.top_n(model, seen, params.recommend.top_n, eligible)
    predicted = np.clip(ratings, params.data.rating_min, params.data.rating_max)
    with outputs.output_file(outputs.EXPORT) as path:
        artifacts.write_recommendations(
            path, users, items, lists, ratings, predicted, partial(chain, params, model.manifest)
        )
    listed = lists[lists >= 0]
    metrics = {
        "n_users": len(users),
        "n_recommendations": len(listed),
        "coverage": len(np.unique(listed)) / len(items),
        "mean_predicted_rating": float(predicted[lists >= 0].mean()) if len(listed) else None,
        "median_n_ratings": float(np.median(items["n_ratings"].to_numpy()[listed]))
        if len(listed)
        else None,
    }
    reports.write_metrics("metrics/recommend.json", metrics)
    reports.say(
        f"recommend  {len(listed):,} recommendations for {len(users):,} users in {outputs.EXPORT}"
    )


def chain(params: Params, manifest: outputs.Manifest, data_hash: str) -> outputs.Manifest:
    """The manifest of the export."""
    entry = outputs.entry(params.model_dump(include={"recommend"}), {"data": data_hash})
    return {**manifest, "recommend": entry}


if __name__ == "__main__":
    stage.run("recommend", main)
