"""The protocol for every contender of `make compare`: tune on validation, train, predict.

Every contender predicts the rating of each test pair and computes top-n lists, without seeing a
test rating. benchmarks/quality/run.py evaluates the results.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import memory_of
from movierec.core import random_streams
from movierec.core.params import Params
from movierec.core.rating_scale import Scale
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics import measures

Settings = dict[str, Any]
Space = dict[str, tuple[float, float] | list[Any]]  # from and to, logarithmic; or one of a list
BORDER = 0.03  # of a range's logarithm: settings this close to its end suggest a wider range


class Clock:
    """Measures time, and the memory that the process takes beyond an idle one."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
        self.idle, self.peak, self.seconds = memory_of("VmRSS"), 0, math.nan

    @contextmanager
    def timed(self) -> Iterator[None]:
        before = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - before
        self.peak = memory_of()


@dataclass(frozen=True)
class Known:
    """The ratings for training; validation: those by which settings are chosen."""

    by_user: Csr
    n_items: int
    params: Params
    threads: int
    clock: Clock
    validation: Ratings | None = None

    @property
    def n_users(self) -> int:
        return self.by_user.n_rows

    @property
    def ratings(self) -> Ratings:
        return self.by_user.ratings

    @property
    def scale(self) -> Scale:
        return self.params.data.scale


@dataclass(frozen=True)
class Trained:
    """A function of user_index and item_index that predicts, and settings found in training."""

    predict: Callable[[Array, Array], Array]
    found: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """A contender: its name, its package and module, how to train it, and what to tune.

    first: the settings tried first, the package's defaults. by: the validation metric by which
    settings are chosen: RMSE, or NDCG for a contender that does not predict ratings.
    """

    name: str
    train: Callable[[Known, Settings], Trained]
    space: Space = field(default_factory=dict)
    first: Settings = field(default_factory=dict)
    by: str = "rmse"
    package: str = "movierec"
    module: str = "movierec.training.rating_model"


def read(folder: Path, params: Params, threads: int, with_validation: bool) -> Known:
    """Read train and validation, together or, to choose settings, separately."""
    clock = Clock()
    by_user, by_item = parquet_tables.read_train(folder)
    validation = parquet_tables.read_ratings(folder / "validation.parquet")
    if with_validation:
        return Known(by_user, by_item.n_rows, params, threads, clock, validation)
    return Known(by_user.insert(validation), by_item.n_rows, params, threads, clock)


def tune(contender: Contender, known: Known, n_trials: int, say: Callable[[str], None]) -> Settings:
    """Find the best of n_trials settings by validation: `settings`, `validation`, `at_border` …"""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=known.params.seed, multivariate=True)
    lower = contender.by == "rmse"
    study = optuna.create_study(direction="minimize" if lower else "maximize", sampler=sampler)
    if contender.first:
        study.enqueue_trial(contender.first)
    n_trials = n_trials if contender.space else 1

    def run(trial: Any) -> float:
        settings = {name: suggest(trial, name, of) for name, of in contender.space.items()}
        try:
            trained = contender.train(known, settings)
            trial.set_user_attr("settings", settings | trained.found)
            return judge_validation(contender, trained, known)
        except Exception as error:
            trial.set_user_attr("failed", str(error))
            raise

    def tell(study: Any, trial: Any) -> None:
        if trial.value is None:
            said = f"failed: {trial.user_attrs.get('failed', 'no number came of it')}"
        else:
            said = f"{trial.value:.4f}   best {study.best_value:.4f}"
        say(f"{contender.name}   trial {trial.number + 1}/{n_trials}   {said}")

    before = time.perf_counter()
    study.optimize(run, n_trials, catch=(Exception,), callbacks=[tell])
    best = study.best_trial
    return {
        "settings": best.user_attrs["settings"],
        "validation": best.value,
        "trials": n_trials,
        "failed_trials": sum(trial.value is None for trial in study.trials),
        "at_border": [name for name in contender.space if at_border(name, contender, best.params)],
        "tuning_seconds": time.perf_counter() - before,
    }


def suggest(trial: Any, name: str, of: tuple[float, float] | list[Any]) -> Any:
    if isinstance(of, list):
        return trial.suggest_categorical(name, of)
    if all(isinstance(end, int) for end in of):
        return trial.suggest_int(name, *of, log=True)
    return trial.suggest_float(name, *of, log=True)


def at_border(name: str, contender: Contender, chosen: Settings) -> bool:
    of = contender.space[name]
    if isinstance(of, list):
        return False
    place = math.log(chosen[name] / of[0]) / math.log(of[1] / of[0])
    return not BORDER < place < 1 - BORDER


def judge_validation(contender: Contender, trained: Trained, known: Known) -> float:
    """The clipped RMSE, or NDCG@n, on validation."""
    validation = known.validation
    assert validation is not None
    if contender.by == "rmse":
        predicted = trained.predict(validation.user_index, validation.item_index)
        return float(np.sqrt(np.mean((np.clip(predicted, *known.scale) - validation.rating) ** 2)))
    users = ranked_users(known.params, known.n_users)
    lists = top_n(trained, known, users)
    return ndcg(lists, users, validation, known.by_user, known.n_items, known.params)


def ranked_users(params: Params, n_users: int) -> Array:
    """The users whose lists are evaluated: all, or a sample of evaluate.ranking_users."""
    n_sampled = min(params.evaluate.ranking_users, n_users)
    draw = random_streams.stream(params.seed, "evaluate/users")
    return np.sort(draw.choice(n_users, n_sampled, replace=False)).astype(np.int32)


def top_n(trained: Trained, known: Known, users: Array) -> Array:
    """Each user's best unseen items: (n_users, n) int32, −1 past the end of a shorter list.

    All items compete; of two items with equal scores, the one with more ratings comes first.
    """
    n = known.params.evaluate.top_n
    lists, items = [], np.arange(known.n_items, dtype=np.int32)
    for block in np.array_split(users, max(1, len(users) // 100)):
        pairs = np.repeat(block, known.n_items), np.tile(items, len(block))
        scores = np.array(trained.predict(*pairs), np.float64).reshape(len(block), known.n_items)
        seen = known.by_user.take(block)
        scores[seen.row_index, seen.indices] = -np.inf
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n].astype(np.int32)
        best[np.take_along_axis(scores, best, axis=1) == -np.inf] = -1
        lists.append(best)
    return np.concatenate(lists)


def ndcg(
    lists: Array, users: Array, held_out: Ratings, by_user: Csr, n_items: int, params: Params
) -> float:
    """NDCG@n by movierec's metric, over the users who have a relevant held-out item."""
    row = np.full(by_user.n_rows, -1, np.int32)
    row[users] = np.arange(len(users), dtype=np.int32)
    wanted = (held_out.rating >= params.relevant_rating) & (row[held_out.user_index] >= 0)
    relevant = held_out.take(wanted)
    relevant = Ratings(row[relevant.user_index], *list(vars(relevant).values())[1:])
    counts = np.bincount(by_user.indices, minlength=n_items)
    return measures.ranking(lists, relevant, -np.inf, counts, by_user.n_rows).ndcg
