"""Search for the params of training that predict validation best: `make tune`.

A trial trains on the train part and is judged on validation, as the train stage does before its
refit. Trials are kept in a journal, so a search that was stopped or killed goes on, and comes to
what an undisturbed one does.
"""

from __future__ import annotations

import os
import re
import sys
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pandas as pd

from movierec.core import atomic, manifests, paths, random_streams, reporting, stage
from movierec.core.errors import MovierecError
from movierec.core.params import Params, TrainParams, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Ratings
from movierec.metrics.measures import errors_of
from movierec.training import checkpoint, rating_model
from movierec.training.in_memory import InMemoryData

if TYPE_CHECKING:
    import optuna

PATCH, PLOT, TABLE = (Path("plots") / f"tuning.{kind}" for kind in ("patch", "png", "csv"))
HIDDEN = ("test.parquet", "ratings_by_user.parquet", "ratings_by_item.parquet")

BIASES = {"bias_precision": (0.1, 50.0)}
FACTORS = {
    "n_factors": (2, 64),
    "factor_precision": (0.5, 50.0),
    "factor_precision_per_rating": (0.001, 1.0),
}
FEATURES = {"feature_ridge": (0.3, 30.0), "gibbs_feature_ridge": (0.05, 10.0)}
OF_ALS = {"feature_ridge", *(name for name in FACTORS | BIASES if "precision" in name)}
OF_GIBBS = {"gibbs_feature_ridge"}
SPACE: dict[str, dict[str, tuple[float, float]]] = {  # by train.model; on a logarithmic scale
    "damped_biases": BIASES,
    "biases": BIASES,
    "mf": FACTORS | BIASES,
    "genre_mf": FACTORS | BIASES | FEATURES,
    "svdpp": FACTORS | BIASES | FEATURES,
}

Chosen = dict[str, int | float]


def hide_test(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: files that hold test ratings cannot be opened."""
    if event == "open" and str(args[0]).endswith(HIDDEN):
        raise MovierecError(f"{args[0]}: holds test ratings, which no search may read")


def space_of(params: TrainParams, n_factors_allowed: int) -> dict[str, tuple[float, float]]:
    """The params that matter to the model and method in use, from and to.

    What params say lies within; what they set to 0 stays switched off. Gibbs sampling learns all
    precisions by itself.
    """
    space = {}
    for name, (low, high) in SPACE[params.model].items():
        now = getattr(params, name)
        if now > 0 and name not in (OF_ALS if params.method == "gibbs" else OF_GIBBS):
            space[name] = min(low, now), max(high, now)
    if "n_factors" in space:
        low, high = space["n_factors"]
        space["n_factors"] = min(low, n_factors_allowed), min(high, n_factors_allowed)
    if not space:
        raise MovierecError(
            f"train.model {params.model} by train.method {params.method} has nothing to tune"
        )
    return space


def read(params: Params) -> tuple[InMemoryData, Ratings]:
    """What to train on, and validation."""
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    manifests.check_files(paths.SPLIT, manifest, "split", *parquet_tables.TRAINING_FILES)
    validation = parquet_tables.read_ratings(paths.SPLIT / "validation.parquet")
    if not len(validation):
        raise MovierecError("no validation ratings to judge by: raise split.validation_fraction")
    genres = None
    if params.train.model == "genre_mf":
        manifests.check_files(paths.INDEX, manifest, "index", "items.parquet")
        genres = parquet_tables.read_genres()
    data = InMemoryData.from_params(*parquet_tables.read_train(), params.train, genres, validation)
    scale = params.data.rating_min, params.data.rating_max
    rating_model.make_trainer(data, params.train, params.seed, scale)  # checks n_factors
    return data, validation


def measure(data: InMemoryData, validation: Ratings, params: Params, chosen: Chosen) -> float:
    """The RMSE on validation of the model trained with the params chosen."""
    scale = params.data.rating_min, params.data.rating_max
    changed = params.train.model_copy(update=chosen)
    fit = rating_model.fit(data, changed, params.seed, scale)
    return errors_of(fit.model, validation, scale).rmse


def open_study(params: Params, space: dict[str, tuple[float, float]]) -> optuna.Study:
    """The search of this data, code and all params but those searched, as far as it has come."""
    optuna = _optuna()
    fixed = params.train.model_dump(exclude=set(space))
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    settings = [params.seed, fixed, manifest["split"]["sha256"], manifests.versions()]
    key = checkpoint.make_key(settings, [*checkpoint.code_files("train"), Path(__file__)])
    path = paths.CHECKPOINTS / f"tune-{key[:16]}.log"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    Path(f"{path}.lock").unlink(missing_ok=True)  # of a search that was killed: there is no other
    os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # what a full disk may have left
    try:
        journal = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(journal)
        return optuna.create_study(study_name=key, storage=storage, load_if_exists=True)
    except (ValueError, KeyError) as error:
        raise MovierecError(f"{path}: not a whole journal ({error}); delete it") from None


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise MovierecError("Optuna is not installed: run make env") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def ask(
    study: optuna.Study, params: Params, space: dict[str, tuple[float, float]], number: int
) -> tuple[optuna.Trial, Chosen]:
    """The next trial and its params; the first one's are those in use.

    Each is drawn from a stream of its own, so that an interruption changes nothing.
    """
    optuna = _optuna()
    seed = int(random_streams.stream(params.seed, f"tune/{number}").integers(2**32))
    study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=False)
    now = {name: getattr(params.train, name) for name in space}
    if number == 0:
        study.enqueue_trial(now)
    ranges: dict[str, Any] = {
        name: optuna.distributions.FloatDistribution(low, high, log=True)
        for name, (low, high) in space.items()
    }
    if "n_factors" in space:
        low, high = space["n_factors"]
        ranges["n_factors"] = optuna.distributions.IntDistribution(int(low), int(high), log=True)
    trial = study.ask(ranges)
    chosen = {
        name: value if isinstance(value, int) else float(f"{value:.3g}")
        for name, value in trial.params.items()
    }
    return trial, chosen if number else now


def search(params: Params, n_trials: int) -> pd.DataFrame:
    """Go on until there are n_trials trials; a row each: `trial`, its params, `validation_rmse`."""
    data, validation = read(params)
    space = space_of(params.train, min(data.by_user.n_rows, data.by_item.n_rows))
    study = open_study(params, space)
    rows = table(study)
    if len(rows):
        reporting.say(f"going on after {len(rows)} trials", "tune")
    with reporting.progress("tune", n_trials, len(rows)) as advance:
        for number in range(len(rows), n_trials):
            trial, chosen = ask(study, params, space, number)
            trial.set_user_attr("params", chosen)
            try:
                study.tell(trial, measure(data, validation, params, chosen))
            except MovierecError as error:
                study.tell(trial, state=_optuna().trial.TrialState.PRUNED)
                reporting.say(f"trial {number + 1:3d}   failed: {error}", "tune")
            else:
                reporting.say(line(table(study)), "tune")
            advance()
    return table(study)


def table(study: optuna.Study) -> pd.DataFrame:
    """The trials that have ended, in order; those that failed have no RMSE."""
    ended = [trial for trial in study.trials if trial.state.is_finished()]
    rows = [{**trial.user_attrs["params"], "validation_rmse": trial.value} for trial in ended]
    frame = pd.DataFrame({"trial": range(1, len(rows) + 1)}).join(pd.DataFrame(rows))
    return frame.astype({"validation_rmse": float}) if rows else frame


def best_of(rows: pd.DataFrame) -> tuple[int, Chosen, float]:
    """The trial of least RMSE, its params, its RMSE."""
    if rows["validation_rmse"].isna().all():
        raise MovierecError("every trial failed: see the lines above")
    number, *values, rmse = next(rows.nsmallest(1, "validation_rmse").itertuples(index=False))
    return number, dict(zip(rows.columns[1:-1], values, strict=True)), rmse


def line(rows: pd.DataFrame) -> str:
    """What the last trial came to, and its params where they are the best so far."""
    number, chosen, best = best_of(rows)
    now = rows["validation_rmse"].iloc[-1]
    text = f"trial {len(rows):3d}   validation RMSE {now:.4f}"
    if number < len(rows):
        return f"{text}   best {best:.4f} (trial {number})"
    return f"{text}   best so far: " + ", ".join(f"{key} {chosen[key]:g}" for key in chosen)


def changed(text: str, chosen: Chosen) -> str:
    """params.yaml with other values in its `train` block; comments and all else as they were."""
    block = re.search(r"^train:\n.*?(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL)
    train = block[0] if block else ""
    for name, value in chosen.items():
        said = np.format_float_positional(value, trim="0") if isinstance(value, float) else value
        train, found = re.subn(rf"(?m)^( +{name}: +)[^\s#]+", rf"\g<1>{said}", train)
        if not found:
            raise MovierecError(f"params.yaml: no line of train.{name}; set it to {said} by hand")
    return text.replace(block[0], train) if block else text


def patch_of(chosen: Chosen) -> str:
    """What `git apply` takes to set the params chosen; empty if they are those in use."""
    path = Path("params.yaml")
    text = path.read_text(encoding="utf-8")
    before, after = (part.splitlines(keepends=True) for part in (text, changed(text, chosen)))
    return "".join(unified_diff(before, after, f"a/{path}", f"b/{path}"))


def tune(n_trials: int) -> None:
    """Search, then write the patch, the table and the picture."""
    from movierec.plotting.tuning import draw_trials

    sys.addaudithook(hide_test)
    params = load_params()
    with checkpoint.stoppable("stopped; the same command goes on after the last finished trial"):
        rows = search(params, n_trials)
    number, chosen, best = best_of(rows)
    reporting.write_plot(TABLE, rows)
    draw_trials(PLOT, rows)
    reporting.say(f"\nbest of {len(rows)} trials: {number}, validation RMSE {best:.4f}")
    reporting.say(f"{PLOT} shows what was tried, {TABLE} lists it\n")
    now = {name: getattr(params.train, name) for name in chosen}
    if chosen == now:
        PATCH.unlink(missing_ok=True)
        reporting.say("params.yaml has these params: nothing to change")
        return
    patch = patch_of(chosen)
    with atomic.atomic_file(PATCH) as partial_path:
        partial_path.write_text(patch, encoding="utf-8")
    reporting.say(f"{patch}\ngit apply {PATCH} sets them")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--trials", default=60, show_default=True, type=click.IntRange(1), help="How many in all."
)
def main(trials: int) -> None:
    """Search for the params of training that predict validation best.

    Run it in the project's folder. Ctrl-C stops it, the same command goes on.
    """
    stage.alone("tune", partial(tune, trials))


if __name__ == "__main__":
    main()
