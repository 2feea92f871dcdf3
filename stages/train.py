"""Train the rating model with early stopping on validation, then refit on all but test."""

from functools import partial
from pathlib import Path
from typing import Any

from movierec.core import result_files, stage
from movierec.core.params import load_params
from movierec.core.paths import MODEL
from movierec.training import rating_model, search
from movierec.training.als import RatingEpoch
from movierec.training.search import TrainingTask


def main() -> stage.Summary:
    params = load_params()
    manifest, hashes = search.read_inputs(params, "items.parquet")
    task = TrainingTask(
        stage="train",
        settings=params.train,
        inputs=[params.data.model_dump(), hashes],
        make_trainer=partial(rating_model.make_trainer, seed=params.seed, scale=params.data.scale),
        describe=describe,
        report=lambda errors: {"rmse": errors.rmse, "mae": errors.mae},
        path=MODEL,
        curve=Path("plots/train/training.csv"),
    )
    trained = search.search_and_refit(task, params)
    search.write_model(task, trained, params, manifest)
    errors, last = trained.validation, trained.last_epoch
    measured: dict[str, Any] = {
        "best_epoch": trained.best_epoch,
        "objective": last.objective,
        "train": {"rmse": last.train_rmse},
        "validation": {"rmse": errors.rmse if errors else None},
    }
    summary = {
        "model": f"{params.train.model} by {params.train.method}",
        "best epoch": f"{trained.best_epoch:,} of at most {params.train.n_epochs:,}",
    }
    if errors:
        summary["validation"] = f"RMSE {errors.rmse:.4f}"
    result_files.write_details("train", params, measured)
    headline = {"epochs": trained.best_epoch, "rmse": last.train_rmse}
    result_files.write_metrics("train", {"validation": measured["validation"]} | headline)
    return summary | {"fitted": f"RMSE {last.train_rmse:.4f} on {trained.fitted_on}"}


def describe(epoch: RatingEpoch) -> str:
    text = f"  RMSE {epoch.train_rmse:.4f} train"
    if epoch.validation_rmse is not None:
        text += f", {epoch.validation_rmse:.4f} validation"
    return text


if __name__ == "__main__":
    stage.run("train", main)
