"""Implicit: who watches what, factorised for ranking; stopped by validation, then refitted."""

from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd

from movierec import artifacts, checkpoint, implicit, model_file, outputs, reports, stage
from movierec.als import Fit
from movierec.implicit import Epoch
from movierec.metrics import Ranking
from movierec.params import Params, load_params
from movierec.sparse import Csr

CURVE = Path("plots/implicit.csv")
KINDS = (Epoch, Ranking)
NDCG = f"ndcg@{implicit.TOP_N}"


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.SPLIT, params.dataset)
    outputs.check_files(outputs.SPLIT, manifest, "split", *artifacts.TRAINED_ON)
    hashes = [manifest["split"]["sha256"][name] for name in artifacts.TRAINED_ON]
    settings = [params.seed, params.implicit.model_dump(), hashes]
    code = [Path(__file__), *sorted(Path("src").rglob("*.py"))]
    names = ("implicit_search", "implicit_refit")
    with checkpoint.kept(names, settings, code, KINDS) as (searched, refitted):
        return train(params, manifest, searched, refitted)


def train(
    params: Params,
    manifest: outputs.Manifest,
    searched: checkpoint.Checkpoint,
    refitted: checkpoint.Checkpoint,
) -> stage.Facts:
    by_user, by_item = artifacts.read_train()
    n_items = by_item.n_rows
    fit = search(params, (by_user, by_item), searched)
    result = {
        "best_epoch": fit.best_epoch,
        "validation": fit.validation and {NDCG: fit.validation.ndcg},
        "refit": params.implicit.refit and fit.validation is not None,
    }
    if result["refit"]:
        del by_user, by_item  # for the memory
        both = artifacts.read_train_and_validation()
        fit = refit(params, (both, both.transpose(n_items)), fit.best_epoch, refitted)
    made_with = params.model_dump(include={"seed", "implicit"})
    entry = outputs.entry(made_with, model_file.hashes_of(fit.model), result)
    model = replace(fit.model, manifest={**manifest, "implicit": entry})
    model_file.write_model(outputs.IMPLICIT, model)
    objective = fit.epochs[fit.best_epoch - 1].objective
    metrics = {"best_epoch": fit.best_epoch, "objective": objective}
    facts = {
        "model": f"{fit.model.n_factors:,} factors",
        "best epoch": f"{fit.best_epoch:,} of at most {params.implicit.n_epochs:,}",
    }
    if result["validation"]:
        metrics["validation"] = result["validation"]
        facts["validation"] = f"{NDCG.upper()} {result['validation'][NDCG]:.4f}"
    reports.write_metrics("metrics/implicit.json", metrics)
    return facts | {"fitted": "on train and validation" if result["refit"] else "on train"}


def search(params: Params, ratings: tuple[Csr, Csr], saved: checkpoint.Checkpoint) -> Fit:
    """Find the best number of epochs; the curve on disk grows with each."""

    def write_curve(fit: Fit) -> None:
        reports.write_plot(CURVE, pd.DataFrame([asdict(epoch) for epoch in fit.epochs]))

    validation = artifacts.read_ratings(outputs.SPLIT / "validation.parquet")
    so_far, settings = saved.load(), params.implicit
    if so_far:
        write_curve(so_far)
    with saved.following("implicit", settings.n_epochs, so_far, line, write_curve) as on_epoch:
        held_out = validation if len(validation) else None
        return implicit.fit(ratings, settings, params.seed, held_out, on_epoch, so_far)


def line(epoch: Epoch) -> str:
    if epoch.validation_ndcg is None:
        return ""
    return f"  {NDCG.upper()} {epoch.validation_ndcg:.4f} validation"


def refit(
    params: Params, ratings: tuple[Csr, Csr], n_epochs: int, saved: checkpoint.Checkpoint
) -> Fit:
    """Train again from the start on train and validation together, for as many epochs."""
    so_far = saved.load()
    settings = params.implicit.model_copy(update={"max_epochs": n_epochs})
    with saved.following("refit", n_epochs, so_far, line) as on_epoch:
        return implicit.fit(ratings, settings, params.seed, on_epoch=on_epoch, so_far=so_far)


if __name__ == "__main__":
    stage.run("implicit", main)
