"""Implicit: who watches what, factorised for ranking; stopped by validation, then refitted."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from movierec.core import manifests, paths, reporting, stage
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.engine import factory, local
from movierec.metrics.measures import Ranking
from movierec.model import model_file
from movierec.model.biased_mf import Model
from movierec.training import checkpoint, implicit_als, loading
from movierec.training.als import TrainingState
from movierec.training.implicit_als import ImplicitEpoch

CURVE = Path("plots/implicit/implicit.csv")
NAMES = ("implicit_search", "implicit_refit")
KINDS = (ImplicitEpoch, Ranking)
NDCG = f"ndcg@{implicit_als.TOP_N}"


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    manifests.check_files(paths.SPLIT, manifest, "split", *parquet_tables.TRAINING_FILES)
    hashes = [manifest["split"]["sha256"][name] for name in parquet_tables.TRAINING_FILES]
    settings, names = [params.seed, params.implicit.model_dump(), hashes], NAMES
    of_model = loading.model_of(params.engine, params.implicit)
    with (
        checkpoint.kept(names, settings, Path(__file__), KINDS, of_model) as saved,
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
        "validation": fit.validation and {NDCG: fit.validation.ndcg},
        "refit": model is None,
    }
    if model is None:
        fit, model = refit(params, workers, fit.best_epoch, refitted)
    made_with = params.model_dump(include={"seed", "implicit"})
    entry = manifests.make_record(made_with, model_file.hash_arrays(model), result)
    model = replace(model, manifest={**manifest, "implicit": entry})
    model_file.write_model(paths.IMPLICIT_MODEL, model)
    objective = fit.epochs[fit.best_epoch - 1].objective
    metrics = {"best_epoch": fit.best_epoch, "objective": objective}
    facts = {
        "model": f"{model.n_factors:,} factors",
        "best epoch": f"{fit.best_epoch:,} of at most {params.implicit.n_epochs:,}",
    }
    if result["validation"]:
        metrics["validation"] = result["validation"]
        facts["validation"] = f"{NDCG.upper()} {result['validation'][NDCG]:.4f}"
    reporting.write_metrics("metrics/implicit.json", metrics)
    return facts | {"fitted": "on train and validation" if result["refit"] else "on train"}


def search(
    params: Params, workers: local.Engine, saved: checkpoint.Checkpoint
) -> tuple[TrainingState, Model | None]:
    """Find the best number of epochs; the curve on disk grows with each. No model if that is to be
    trained again."""
    data, validation = loading.data_for(workers, params.implicit, False, saved.folder)
    so_far, settings = saved.load(), params.implicit

    def write_curve(fit: TrainingState) -> None:
        reporting.write_plot(CURVE, pd.DataFrame([asdict(epoch) for epoch in fit.epochs]))
        data.forget(fit.model, fit.last)

    if so_far:
        write_curve(so_far)
    n_epochs = settings.n_epochs
    following = saved.following("implicit", n_epochs, so_far, line, write_curve, workers.traffic)
    with following as on_epoch:
        fit = implicit_als.fit(data, settings, params.seed, validation, on_epoch, so_far)
    is_final = not params.implicit.refit or fit.validation is None
    return fit, data.whole(fit.model) if is_final else None


def line(epoch: ImplicitEpoch) -> str:
    if epoch.validation_ndcg is None:
        return ""
    return f"  {NDCG.upper()} {epoch.validation_ndcg:.4f} validation"


def refit(
    params: Params, workers: local.Engine, n_epochs: int, saved: checkpoint.Checkpoint
) -> tuple[TrainingState, Model]:
    """Train again from the start on train and validation together, for as many epochs."""
    data, _ = loading.data_for(workers, params.implicit, True, saved.folder)
    so_far, settings = saved.load(), params.implicit.model_copy(update={"max_epochs": n_epochs})

    def forget(fit: TrainingState) -> None:
        data.forget(fit.model, fit.last)

    if so_far:
        forget(so_far)
    following = saved.following("refit", n_epochs, so_far, line, forget, workers.traffic)
    with following as on_epoch:
        fit = implicit_als.fit(data, settings, params.seed, on_epoch=on_epoch, so_far=so_far)
    return fit, data.whole(fit.model)


if __name__ == "__main__":
    stage.run("implicit", main)
