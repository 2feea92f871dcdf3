"""Train: stopped early by validation, then refitted on all ratings that are not test."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from movierec import artifacts, checkpoint, model_file, outputs, reports, stage, training
from movierec.als import Data, Epoch, Fit
from movierec.params import Params, load_params
from movierec.sparse import Csr, Ratings

CURVE = Path("plots/training.csv")


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    outputs.check_files(outputs.SPLIT, manifest, "split", *artifacts.TRAINED_ON)
    outputs.check_files(outputs.INDEX, manifest, "index", "items.parquet")
    hashes = [manifest["split"]["sha256"][name] for name in artifacts.TRAINED_ON]
    settings = [params.seed, params.data.model_dump(), params.train.model_dump(), hashes]
    code = [Path(__file__), *sorted(Path("src").rglob("*.py"))]
    with checkpoint.kept(("search", "refit"), settings, code) as (searched, refitted):
        return train(params, manifest, searched, refitted)


def train(
    params: Params,
    manifest: outputs.Manifest,
    searched: checkpoint.Checkpoint,
    refitted: checkpoint.Checkpoint,
) -> stage.Facts:
    by_user, by_item = artifacts.read_train()
    validation = artifacts.read_ratings(outputs.SPLIT / "validation.parquet")
    n_items = by_item.n_rows
    fit = search(params, by_user, by_item, validation, searched)
    result = {
        "best_epoch": fit.best_epoch,
        "validation": fit.validation and {"rmse": fit.validation.rmse, "mae": fit.validation.mae},
        "refit": params.train.refit and len(validation) > 0,
    }
    if result["refit"]:
        del by_user, by_item, fit  # for the memory: the refit has its own
        both = artifacts.read_train_and_validation()
        fit = refit(params, both, n_items, result["best_epoch"], refitted)
    made_with = params.model_dump(include={"seed", "train"})
    entry = outputs.entry(made_with, model_file.hashes_of(fit.model), result)
    model = replace(fit.model, manifest={**manifest, "train": entry})
    model_file.write_model(outputs.MODEL, model)
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
    reports.write_metrics("metrics/train.json", metrics)
    fitted_on = "train and validation" if result["refit"] else "train"
    return facts | {"fitted": f"RMSE {last.train_rmse:.4f} on {fitted_on}"}


def search(
    params: Params,
    by_user: Csr,
    by_item: Csr,
    validation: Ratings,
    saved: checkpoint.Checkpoint,
) -> Fit:
    """Find the best number of epochs; the curve on disk grows with each."""

    def write_curve(fit: Fit) -> None:
        reports.write_plot(CURVE, pd.DataFrame([asdict(epoch) for epoch in fit.epochs]))

    so_far = saved.load()
    if so_far:
        write_curve(so_far)
    n_epochs = params.train.n_epochs
    with saved.following("train", n_epochs, so_far, line, write_curve) as on_epoch:
        return training.fit(
            data_of(by_user, by_item, params),
            params.train,
            params.seed,
            (params.data.rating_min, params.data.rating_max),
            validation if len(validation) else None,
            on_epoch,
            so_far,
        )


def data_of(by_user: Csr, by_item: Csr, params: Params) -> Data:
    genres = artifacts.read_genres() if params.train.model == "genre_mf" else None
    return Data.of(by_user, by_item, params.train, genres)


def line(epoch: Epoch) -> str:
    text = f"  RMSE {epoch.train_rmse:.4f} train"
    if epoch.validation_rmse is not None:
        text += f", {epoch.validation_rmse:.4f} validation"
    return text


def refit(
    params: Params, by_user: Csr, n_items: int, n_epochs: int, saved: checkpoint.Checkpoint
) -> Fit:
    """Train again from the start on train and validation together, for as many epochs."""
    so_far = saved.load()
    data = data_of(by_user, by_user.transpose(n_items), params)
    with saved.following("refit", n_epochs, so_far, line) as on_epoch:
        return training.fit(
            data,
            params.train.model_copy(update={"max_epochs": n_epochs}),
            params.seed,
            (params.data.rating_min, params.data.rating_max),
            on_epoch=on_epoch,
            so_far=so_far,
        )


if __name__ == "__main__":
    stage.run("train", main)
