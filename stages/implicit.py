"""Implicit: who watches what, factorised for ranking; stopped by validation, then refitted."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from movierec import (
    artifacts,
    checkpoint,
    engine,
    engines,
    implicit,
    model_file,
    outputs,
    reports,
    stage,
    training_data,
)
from movierec.als import Fit
from movierec.implicit import Epoch
from movierec.metrics import Ranking
from movierec.model import Model
from movierec.params import Params, load_params

CURVE = Path("plots/implicit.csv")
NAMES = ("implicit_search", "implicit_refit")
KINDS = (Epoch, Ranking)
NDCG = f"ndcg@{implicit.TOP_N}"


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    outputs.check_files(outputs.SPLIT, manifest, "split", *artifacts.TRAINED_ON)
    hashes = [manifest["split"]["sha256"][name] for name in artifacts.TRAINED_ON]
    settings, names = [params.seed, params.implicit.model_dump(), hashes], NAMES
    of_model = training_data.model_of(params.engine, params.implicit)
    with (
        checkpoint.kept(names, settings, Path(__file__), KINDS, of_model) as saved,
        engines.opened(params.engine) as workers,
    ):
        return train(params, manifest, workers, *saved)


def train(
    params: Params,
    manifest: outputs.Manifest,
    workers: engine.Engine,
    searched: checkpoint.Checkpoint,
    refitted: checkpoint.Checkpoint,
) -> stage.Facts:
    fit, model = search(params, workers, searched)
    result = {
        "best_epoch": fit.best_epoch,
        "validation": fit.validation and {NDCG: fit.validation.ndcg},
        "refit": model is None,
    }
    if model is None:
        fit, model = refit(params, workers, fit.best_epoch, refitted)
    made_with = params.model_dump(include={"seed", "implicit"})
    entry = outputs.entry(made_with, model_file.hashes_of(model), result)
    model = replace(model, manifest={**manifest, "implicit": entry})
    model_file.write_model(outputs.IMPLICIT, model)
    objective = fit.epochs[fit.best_epoch - 1].objective
    metrics = {"best_epoch": fit.best_epoch, "objective": objective}
    facts = {
        "model": f"{model.n_factors:,} factors",
        "best epoch": f"{fit.best_epoch:,} of at most {params.implicit.n_epochs:,}",
    }
    if result["validation"]:
        metrics["validation"] = result["validation"]
        facts["validation"] = f"{NDCG.upper()} {result['validation'][NDCG]:.4f}"
    reports.write_metrics("metrics/implicit.json", metrics)
    return facts | {"fitted": "on train and validation" if result["refit"] else "on train"}


def search(
    params: Params, workers: engine.Engine, saved: checkpoint.Checkpoint
) -> tuple[Fit, Model | None]:
    """Find the best number of epochs; the curve on disk grows with each. No model if that is to be
    trained again."""
    data, validation = training_data.data_for(workers, params.implicit, False, saved.folder)
    so_far, settings = saved.load(), params.implicit

    def write_curve(fit: Fit) -> None:
        reports.write_plot(CURVE, pd.DataFrame([asdict(epoch) for epoch in fit.epochs]))
        data.forget(fit.model, fit.last)

    if so_far:
        write_curve(so_far)
    n_epochs = settings.n_epochs
    following = saved.following("implicit", n_epochs, so_far, line, write_curve, workers.traffic)
    with following as on_epoch:
        fit = implicit.fit(data, settings, params.seed, validation, on_epoch, so_far)
    is_final = not params.implicit.refit or fit.validation is None
    return fit, data.whole(fit.model) if is_final else None


def line(epoch: Epoch) -> str:
    if epoch.validation_ndcg is None:
        return ""
    return f"  {NDCG.upper()} {epoch.validation_ndcg:.4f} validation"


def refit(
    params: Params, workers: engine.Engine, n_epochs: int, saved: checkpoint.Checkpoint
) -> tuple[Fit, Model]:
    """Train again from the start on train and validation together, for as many epochs."""
    data, _ = training_data.data_for(workers, params.implicit, True, saved.folder)
    so_far, settings = saved.load(), params.implicit.model_copy(update={"max_epochs": n_epochs})

    def forget(fit: Fit) -> None:
        data.forget(fit.model, fit.last)

    if so_far:
        forget(so_far)
    following = saved.following("refit", n_epochs, so_far, line, forget, workers.traffic)
    with following as on_epoch:
        fit = implicit.fit(data, settings, params.seed, on_epoch=on_epoch, so_far=so_far)
    return fit, data.whole(fit.model)


if __name__ == "__main__":
    stage.run("implicit", main)
