"""Fit the item regression, measure it on validation, then fit it to train and validation."""

from dataclasses import replace
from typing import Any

from movierec.core import manifests, result_files, stage
from movierec.core.params import load_params
from movierec.core.paths import ITEM_REGRESSION
from movierec.engine import factory
from movierec.model import model_file
from movierec.training import item_regression, search
from movierec.training.implicit_als import TOP_N

NDCG = f"ndcg@{TOP_N}"


def main() -> stage.Summary:
    params = load_params()
    manifest, _ = search.read_inputs(params)
    with factory.opened(params.engine) as engine:
        fitted = item_regression.fit_and_refit(engine, params)
    regression, ndcg = fitted.regression, fitted.validation and fitted.validation.ndcg
    measured: dict[str, Any] = {"n_items": len(regression.items), "validation": {NDCG: ndcg}}
    made_with = params.model_dump(include={"seed", "item_regression"})
    record = manifests.make_record(
        made_with, model_file.hash_arrays(regression), measured | {"refit": fitted.refit}
    )
    manifest = {**manifest, "item_regression": record}
    model_file.write_model(ITEM_REGRESSION, replace(regression, manifest=manifest))
    result_files.write_details("item_regression", params, measured)
    n_movies, n_weights = regression.weights.shape
    summary = {"movies": f"{n_movies:,} of {regression.n_items:,}, with {n_weights:,} weights each"}
    if ndcg is not None:
        summary["validation"] = f"{NDCG.upper()} {ndcg:.4f}"
    return summary


if __name__ == "__main__":
    stage.run("item_regression", main)
