"""Train: stopped early by validation, then refitted on all ratings that are not test."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from movierec.core import manifests, paths, reporting, stage
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.engine import factory, local
from movierec.model import model_file
from movierec.model.biased_mf import Model
from movierec.training import checkpoint, loading, rating_model
from movierec.training.als import RatingEpoch, TrainingState

CURVE = Path("plots/train/training.csv")


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    manifests.check_files(paths.SPLIT, manifest, "split", *parquet_tables.TRAINING_FILES)
    manifests.check_files(paths.INDEX, manifest, "index", "items.parquet")
    hashes = [manifest["split"]["sha256"][name] for name in parquet_tables.TRAINING_FILES]
    hashes.append(manifest["index"]["sha256"]["items.parquet"])
    settings = [params.seed, params.data.model_dump(), params.train.model_dump(), hashes]
    names, of_model = ("search", "refit"), loading.model_of(params.engine, params.train)
    with (
        checkpoint.kept(names, settings, Path(__file__), of_model=of_model) as saved,
        factory.opened(params.engine) as workers,
    ):
        return train(params, manifest, workers, *saved)


def train(
    params: Params,
    manifest: manifests.Manifest,
    workers: local.Engine,
    searched: checkpoint.Checkpoint,
    refitted: checkpoint.Checkpoint,
) -> stage.Summary:
    fit, model = search(params, workers, searched)
    result = {
        "best_epoch": fit.best_epoch,
        "validation": fit.validation and {"rmse": fit.validation.rmse, "mae": fit.validation.mae},
        "refit": model is None,
    }
    if model is None:
        del fit  # for the memory
        fit, model = refit(params, workers, result["best_epoch"], refitted)
    made_with = params.model_dump(include={"seed", "train"})
    entry = manifests.make_record(made_with, model_file.hash_arrays(model), result)
    model = replace(model, manifest={**manifest, "train": entry})
    model_file.write_model(paths.MODEL, model)
    last = fit.epochs[fit.best_epoch - 1]
    metrics = {
        "best_epoch": result["best_epoch"],
        "objective": last.objective,
        "train": {"rmse": last.train_rmse},
    }
    facts = {
        "model": f"{params.train.model} by {params.train.method}",
        "best epoch": f"{result['best_epoch']:,} of at most {params.train.n_epochs:,}",
    }
    if result["validation"]:
        metrics["validation"] = {"rmse": result["validation"]["rmse"]}
        facts["validation"] = f"RMSE {result['validation']['rmse']:.4f}"
    reporting.write_metrics("metrics/train.json", metrics)
    fitted_on = "train and validation" if result["refit"] else "train"
    return facts | {"fitted": f"RMSE {last.train_rmse:.4f} on {fitted_on}"}


def search(
    params: Params, workers: local.Engine, saved: checkpoint.Checkpoint
) -> tuple[TrainingState, Model | None]:
    """Find the best number of epochs; the curve on disk grows with each. No model if that is to be
    trained again."""
    data, validation = loading.data_for(workers, params.train, False, saved.folder)
    so_far, n_epochs = saved.load(), params.train.n_epochs

    def write_curve(fit: TrainingState) -> None:
        reporting.write_plot(CURVE, pd.DataFrame([asdict(epoch) for epoch in fit.epochs]))
        data.forget(fit.model, fit.last, *fit.samples)

    if so_far:
        write_curve(so_far)
    following = saved.following("train", n_epochs, so_far, line, write_curve, workers.traffic)
    with following as on_epoch:
        scale = (params.data.rating_min, params.data.rating_max)
        fit = rating_model.fit(data, params.train, params.seed, scale, validation, on_epoch, so_far)
    is_final = not params.train.refit or fit.validation is None
    return fit, data.whole(fit.model) if is_final else None


def line(epoch: RatingEpoch) -> str:
    text = f"  RMSE {epoch.train_rmse:.4f} train"
    if epoch.validation_rmse is not None:
        text += f", {epoch.validation_rmse:.4f} validation"
    return text


def refit(
    params: Params, workers: local.Engine, n_epochs: int, saved: checkpoint.Checkpoint
) -> tuple[TrainingState, Model]:
    """Train again from the start on train and validation together, for as many epochs."""
    data, _ = loading.data_for(workers, params.train, True, saved.folder)
    so_far = saved.load()

    def forget(fit: TrainingState) -> None:
        data.forget(fit.model, fit.last, *fit.samples)

    if so_far:
        forget(so_far)
    following = saved.following("refit", n_epochs, so_far, line, forget, workers.traffic)
    with following as on_epoch:
        settings = params.train.model_copy(update={"max_epochs": n_epochs})
        scale = (params.data.rating_min, params.data.rating_max)
        fit = rating_model.fit(data, settings, params.seed, scale, on_epoch=on_epoch, so_far=so_far)
    return fit, data.whole(fit.model)


if __name__ == "__main__":
    stage.run("train", main)
