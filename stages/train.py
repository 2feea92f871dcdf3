"""Train: alternating least squares, stopped early by validation, then refitted on all of train."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from movierec import als, artifacts, errors, model_file, outputs, reports
from movierec.params import Params, load_params
from movierec.sparse import Csr, Ratings

CURVE = Path("plots/training.csv")


def main() -> None:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    by_user, by_item = artifacts.read_train()
    validation = artifacts.read_ratings(outputs.SPLIT / "validation.parquet")
    fit = search(params, by_user, by_item, validation)
    result = {
        "best_epoch": fit.best_epoch,
        "n_epochs": len(fit.epochs),
        "validation": fit.validation.summary if fit.validation else None,
        "refit": params.train.refit and len(validation) > 0,
    }
    if result["refit"]:
        n_items = by_item.n_rows
        del by_user, by_item  # for the memory: the refit reads its own
        fit = refit(params, artifacts.read_train_and_validation(), n_items, fit.best_epoch)
    last = fit.epochs[fit.best_epoch - 1]
    entry = {**params.train.model_dump(), "seed": params.seed, "result": result}
    model = replace(fit.model, manifest={**manifest, "train": entry})
    model_file.write_model(outputs.MODEL, model)
    metrics = {
        "best_epoch": result["best_epoch"],
        "objective": last.objective,
        "train": {"rmse": last.train_rmse},
    }
    if result["validation"]:
        metrics["validation"] = {"rmse": result["validation"]["rmse"]}
    reports.write_metrics("metrics/train.json", metrics)


def search(params: Params, by_user: Csr, by_item: Csr, validation: Ratings) -> als.Fit:
    """Find the best number of epochs; the curve on disk grows with each."""
    rows: list[dict[str, float]] = []
    with reports.progress("train", params.train.max_epochs) as advance:

        def on_epoch(epoch: als.Epoch) -> None:
            rows.append(asdict(epoch))
            reports.write_plot(CURVE, pd.DataFrame(rows))
            report("train", epoch)
            advance()

        return als.fit(
            by_user,
            by_item,
            params.train,
            params.seed,
            (params.data.rating_min, params.data.rating_max),
            validation if len(validation) else None,
            on_epoch,
        )


def refit(params: Params, by_user: Csr, n_items: int, n_epochs: int) -> als.Fit:
    """Train again from the start on train and validation together, for as many epochs."""
    with reports.progress("refit", n_epochs) as advance:

        def on_epoch(epoch: als.Epoch) -> None:
            report("refit", epoch)
            advance()

        return als.fit(
            by_user,
            by_user.transpose(n_items),
            params.train.model_copy(update={"max_epochs": n_epochs}),
            params.seed,
            (params.data.rating_min, params.data.rating_max),
            on_epoch=on_epoch,
        )


def report(phase: str, epoch: als.Epoch) -> None:
    line = f"{phase}      epoch {epoch.epoch:3d}   objective {epoch.objective:.6g}"
    line += f"   train RMSE {epoch.train_rmse:.4f}"
    if epoch.validation_rmse is not None:
        line += f"   validation RMSE {epoch.validation_rmse:.4f}"
    reports.say(line)


if __name__ == "__main__":
    errors.run(main)
