"""Train the implicit model with early stopping on validation, then refit."""

from functools import partial
from pathlib import Path
from typing import Any

from movierec.core import result_files, stage
from movierec.core.params import load_params
from movierec.core.paths import IMPLICIT_MODEL
from movierec.training import search
from movierec.training.implicit_als import TOP_N, ImplicitEpoch, ImplicitTrainer
from movierec.training.search import TrainingTask

NDCG = f"ndcg@{TOP_N}"


def main() -> stage.Summary:
    params = load_params()
    manifest, hashes = search.read_inputs(params)
    task = TrainingTask(
        stage="implicit",
        settings=params.implicit,
        inputs=[hashes],
        make_trainer=partial(ImplicitTrainer, seed=params.seed, scale=params.data.scale),
        describe=describe,
        report=lambda quality: {NDCG: quality.ndcg},
        path=IMPLICIT_MODEL,
        curve=Path("plots/implicit/implicit.csv"),
    )
    trained = search.search_and_refit(task, params)
    search.write_model(task, trained, params, manifest)
    quality, objective = trained.validation, trained.last_epoch.objective
    measured: dict[str, Any] = {"best_epoch": trained.best_epoch, "objective": objective}
    summary = {
        "model": f"{trained.model.n_factors:,} factors",
        "best epoch": f"{trained.best_epoch:,} of at most {params.implicit.n_epochs:,}",
    }
    if quality:
        measured["validation"] = task.report(quality)
        summary["validation"] = f"{NDCG.upper()} {quality.ndcg:.4f}"
    result_files.write_details("implicit", params, measured)
    return summary | {"fitted": f"on {trained.fitted_on}"}


def describe(epoch: ImplicitEpoch) -> str:
    if epoch.validation_ndcg is None:
        return ""
    return f"  {NDCG.upper()} {epoch.validation_ndcg:.4f} validation"


if __name__ == "__main__":
    stage.run("implicit", main)
