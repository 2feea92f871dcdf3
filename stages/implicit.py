"""Implicit: the model of who rated what, with early stopping on validation, then refit."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from movierec.core import manifests, reporting, stage
from movierec.core.params import load_params
from movierec.core.paths import IMPLICIT_MODEL
from movierec.model import model_file
from movierec.training import implicit_als, search
from movierec.training.implicit_als import ImplicitEpoch, ImplicitTrainer
from movierec.training.search import TrainingTask

NDCG = f"ndcg@{implicit_als.TOP_N}"


def main() -> stage.Summary:
    params = load_params()
    manifest, hashes = search.read_inputs(params)
    task = TrainingTask(
        stage="implicit",
        settings=params.implicit,
        inputs=[hashes],
        make_trainer=partial(ImplicitTrainer, seed=params.seed),
        describe=describe,
        curve=Path("plots/implicit/implicit.csv"),
    )
    trained = search.search_and_refit(task, params)
    quality = trained.validation
    validation = quality and {NDCG: quality.ndcg}
    result = {
        "best_epoch": trained.best_epoch,
        "validation": validation,
        "refit": trained.refit,
    }
    made_with = params.model_dump(include={"seed", "implicit"})
    record = manifests.make_record(made_with, model_file.hash_arrays(trained.model), result)
    model = replace(trained.model, manifest={**manifest, "implicit": record})
    model_file.write_model(IMPLICIT_MODEL, model)
    metrics = {"best_epoch": trained.best_epoch, "objective": trained.last_epoch.objective}
    summary = {
        "model": f"{model.n_factors:,} factors",
        "best epoch": f"{trained.best_epoch:,} of at most {params.implicit.n_epochs:,}",
    }
    if quality:
        metrics["validation"] = validation
        summary["validation"] = f"{NDCG.upper()} {quality.ndcg:.4f}"
    reporting.write_metrics("metrics/implicit.json", metrics)
    return summary | {"fitted": "on train and validation" if trained.refit else "on train"}


def describe(epoch: ImplicitEpoch) -> str:
    if epoch.validation_ndcg is None:
        return ""
    return f"  {NDCG.upper()} {epoch.validation_ndcg:.4f} validation"


if __name__ == "__main__":
    stage.run("implicit", main)
