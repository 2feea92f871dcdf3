"""Search for the training params with the lowest validation RMSE: `make tune`.

A trial trains on the train part and measures the RMSE on validation, as the train stage does before
its refit. Optuna keeps the trials in a journal, so a search that was stopped or killed resumes, and
gives the same result as one that was not interrupted.
"""

from __future__ import annotations

import os
import re
import sys
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from movierec.core import (
    atomic,
    console,
    manifests,
    paths,
    program,
    random_streams,
    reporting,
    result_files,
    stage,
)
from movierec.core.errors import MovierecError
from movierec.core.params import Params, TrainParams, load_params
from movierec.core.text import count
from movierec.data import parquet_tables
from movierec.metrics.measures import Errors
from movierec.training import checkpoint, loading, rating_model
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
SPACE: dict[str, Space] = {  # by train.model; on a logarithmic scale
    "damped_biases": BIASES,
    "biases": BIASES,
    "mf": FACTORS | BIASES,
    "genre_mf": FACTORS | BIASES | FEATURES,
    "svdpp": FACTORS | BIASES | FEATURES,
}

Space = dict[str, tuple[float, float]]
Values = dict[str, int | float]  # of params of training, by their names


def hide_test(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: files that hold test ratings cannot be opened."""
    if event == "open" and str(args[0]).endswith(HIDDEN):
        raise MovierecError(f"{args[0]}: contains test ratings, which tuning must not read")


def search_space(params: TrainParams, n_factors_allowed: int) -> Space:
    """The params that matter to the model and method in use, each with its range.

    A range includes the value in use; a param that is 0 is switched off and not searched. Gibbs
    sampling learns all precisions by itself.
    """
    space = {}
    for name, (low, high) in SPACE[params.model].items():
        value = getattr(params, name)
        if value > 0 and name not in (OF_ALS if params.method == "gibbs" else OF_GIBBS):
            limit = n_factors_allowed if name == "n_factors" else float("inf")
            space[name] = min(low, value, limit), min(max(high, value), limit)
    if not space:
        raise MovierecError(
            f"train.model {params.model} by train.method {params.method} has no params to tune"
        )
    return space


def read_data(params: Params) -> InMemoryData:
    """The data to train on, with validation ratings."""
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    manifests.check_files(paths.SPLIT, manifest, "split", *parquet_tables.TRAINING_FILES)
    if params.train.model == "genre_mf":
        manifests.check_files(paths.INDEX, manifest, "index", "items.parquet")
    data = loading.load_in_memory(params.train, refit=False)
    if not data.judge.n_validation:
        raise MovierecError("no validation ratings to tune on; raise split.validation_fraction")
    scale = params.data.scale
    rating_model.make_trainer(data, params.train, params.seed, scale)  # checks n_factors
    return data


def validation_rmse(data: InMemoryData, params: Params, values: Values) -> float:
    """The RMSE on validation of the model trained with these values of params."""
    scale, train = params.data.scale, params.train.model_copy(update=values)
    fit = rating_model.fit(data, train, params.seed, scale)
    return cast(Errors, fit.validation).rmse


def open_study(params: Params, space: Space) -> optuna.Study:
    """The study of this data, this code and all params but those searched, with its trials."""
    fixed = params.train.model_dump(exclude=set(space))
    manifest = manifests.read_manifest(paths.SPLIT, params.dataset)
    data = params.data.scale, manifest["split"]["sha256"]
    settings = [params.seed, fixed, *data, manifests.versions()]
    key = checkpoint.make_key(settings, [*checkpoint.code_files("train"), Path(__file__)])
    return open_journal(paths.CHECKPOINTS / f"tune-{key[:16]}.log", key)


def open_journal(path: Path, name: str, direction: str = "minimize") -> optuna.Study:
    """The study in a journal file, which is created if missing."""
    optuna = _optuna()
    path.parent.mkdir(exist_ok=True)
    path.touch()
    Path(f"{path}.lock").unlink(missing_ok=True)  # of a search that was killed: there is no other
    os.truncate(path, path.read_bytes().rfind(b"\n") + 1)  # what a full disk may have left
    try:
        journal = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(journal)
        options = {"study_name": name, "storage": storage, "direction": direction}
        return optuna.create_study(load_if_exists=True, **options)
    except (ValueError, KeyError) as error:
        raise MovierecError(f"{path}: damaged journal ({error}); delete it") from None


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def search(params: Params, n_trials: int) -> pd.DataFrame:
    """Run trials until there are n_trials; a row each: `trial`, its params, `validation_rmse`.

    The first trial has the params in use.
    """
    data = read_data(params)
    space = search_space(params.train, min(data.by_user.n_rows, data.by_item.n_rows))
    study = open_study(params, space)
    n_finished = len(trials_table(study))
    if n_finished:
        reporting.say(f"resuming after {count(n_finished, 'trial')}", "tune")
    else:
        in_use = {name: getattr(params.train, name) for name in space}
        study.enqueue_trial(in_use, user_attrs={"params": in_use})

    def objective(trial: optuna.Trial) -> float:
        suggested = suggest(trial, space)
        values = trial.user_attrs.get("params", suggested)
        trial.set_user_attr("params", values)
        try:
            return validation_rmse(data, params, values)
        except MovierecError as error:
            trial.set_user_attr("error", str(error))
            raise _optuna().TrialPruned from None

    with reporting.progress("tune", n_trials, n_finished) as advance:

        def after_trial(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            reporting.say(describe_trial(trials_table(study), trial), "tune")
            advance()
            seed_sampler(study, params.seed, len(trials_table(study)))

        seed_sampler(study, params.seed, n_finished)
        study.optimize(objective, n_trials - n_finished, callbacks=[after_trial])
    return trials_table(study)


def seed_sampler(study: optuna.Study, seed: int, number: int, multivariate: bool = False) -> None:
    """Give trial `number` a random stream of its own, so that an interruption changes nothing."""
    seed = int(random_streams.stream(seed, f"tune/{number}").integers(2**32))
    options = {"constant_liar": False, "multivariate": multivariate}
    study.sampler = _optuna().samplers.TPESampler(seed=seed, **options)


def suggest(trial: optuna.Trial, space: Space) -> Values:
    """Values sampled for this trial, floats rounded to 3 significant digits."""
    values: Values = {}
    for name, (low, high) in space.items():
        if name == "n_factors":
            values[name] = trial.suggest_int(name, int(low), int(high), log=True)
        else:
            values[name] = float(f"{trial.suggest_float(name, low, high, log=True):.3g}")
    return values


def trials_table(study: optuna.Study) -> pd.DataFrame:
    """The trials that have finished, in order; those that failed have no RMSE."""
    finished = [trial for trial in study.trials if trial.state.is_finished()]
    rows = [{**trial.user_attrs["params"], "validation_rmse": trial.value} for trial in finished]
    frame = pd.DataFrame({"trial": range(1, len(rows) + 1)}).join(pd.DataFrame(rows))
    return frame.astype({"validation_rmse": float}) if rows else frame


def best_trial(rows: pd.DataFrame) -> tuple[int, Values, float]:
    """The number of the trial with the lowest RMSE (the first of equals), its params, its RMSE."""
    if rows["validation_rmse"].isna().all():
        raise MovierecError("every trial failed; see the lines above")
    number, *values, rmse = next(rows.nsmallest(1, "validation_rmse").itertuples(index=False))
    return number, dict(zip(rows.columns[1:-1], values, strict=True)), rmse


def describe_trial(rows: pd.DataFrame, trial: optuna.trial.FrozenTrial) -> str:
    """The result of the last trial, and its params if they are the best so far."""
    if trial.value is None:
        return f"trial {len(rows):3d}   failed: {trial.user_attrs['error']}"
    number, values, best = best_trial(rows)
    text = f"trial {len(rows):3d}   validation RMSE {trial.value:.4f}"
    if number < len(rows):
        return f"{text}   best {best:.4f} (trial {number})"
    return f"{text}   best so far: " + ", ".join(f"{key} {values[key]:g}" for key in values)


def set_train_params(text: str, values: Values) -> str:
    """The text of params.yaml with these values in its `train` block; all else stays as it is."""
    lines = text.splitlines(keepends=True)
    train = YAML().load(text)["train"]
    for name, value in values.items():
        row, column = train.lc.value(name)
        line = lines[row]
        number = np.format_float_positional(value, trim="0") if isinstance(value, float) else value
        lines[row] = line[:column] + re.sub(r"[^\s#,}]+", str(number), line[column:], count=1)
    return "".join(lines)


def make_patch(values: Values) -> str:
    """A patch for `git apply` that sets these params; empty if they are those in use."""
    path = Path("params.yaml")
    text = path.read_text(encoding="utf-8")
    before, after = (
        version.splitlines(keepends=True) for version in (text, set_train_params(text, values))
    )
    return "".join(unified_diff(before, after, f"a/{path}", f"b/{path}"))


def tune(n_trials: int) -> None:
    """Search, then write the patch, the table and the figure."""
    from movierec.plotting.tuning import draw_trials

    sys.addaudithook(hide_test)
    params = load_params()
    with checkpoint.stoppable(
        "stopped; run the same command to resume after the last finished trial"
    ):
        rows = search(params, n_trials)
    number, values, best = best_trial(rows)
    result_files.write_plot(TABLE, rows)
    draw_trials(PLOT, rows)
    best_line = f"best of {len(rows)} trials: {number}, validation RMSE {best:.4f}"
    console.lines("", best_line, f"all trials: {PLOT}, {TABLE}", "")
    if values == {name: getattr(params.train, name) for name in values}:
        PATCH.unlink(missing_ok=True)
        console.lines("params.yaml already has these params")
        return
    patch = make_patch(values)
    with atomic.atomic_file(PATCH) as partial_path:
        partial_path.write_text(patch, encoding="utf-8")
    console.lines(*patch.split("\n"), f"to set them in params.yaml, run git apply {PATCH}")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--trials",
    default=60,
    show_default=True,
    type=click.IntRange(1),
    help="Number of trials in total.",
)
def main(trials: int) -> None:
    """Search for the training params with the lowest validation RMSE.

    Run it in the project's folder. After Ctrl-C, the same command resumes the search.
    """
    stage.run_exclusively("tune", partial(tune, trials))


if __name__ == "__main__":
    program.run_command(main, "python -m movierec.experiments.tuning")
