"""The protocol for every contender of `make compare`: tune on validation, train, predict.

Every contender predicts the rating of each test pair and computes top-n lists, without seeing a
test rating. benchmarks/quality/run.py evaluates the results. A contender may know when a rating is
given, also that of a test pair; lists are made for the time of the user's last known rating.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.harness import memory_of
from movierec.core import random_streams
from movierec.core.params import Params
from movierec.core.rating_scale import Scale
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.experiments import tuning
from movierec.metrics import measures

Settings = dict[str, Any]
Space = dict[str, tuple[float, float] | list[Any]]  # from and to, logarithmic; or one of a list
BORDER = 0.03  # of a range's logarithm: settings this close to its end suggest a wider range
FINALISTS = 5  # trials that are repeated with more sweeps
LIST_PAIRS = 2_000_000  # scored at a time


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

    @cached_property
    def ratings(self) -> Ratings:
        """The ratings in the order of by_user, with their timestamps, which data/index has."""
        ratings, (index, _, n_items) = self.by_user.ratings, ours.read_index()
        both = index, ratings
        place, wanted = (of.user_index * np.int64(n_items) + of.item_index for of in both)
        rows = np.searchsorted(place, wanted)
        assert np.array_equal(place[rows], wanted)
        return replace(ratings, timestamp=index.timestamp[rows])

    @property
    def scale(self) -> Scale:
        return self.params.data.scale


@dataclass(frozen=True)
class Trained:
    """A function of user_index and item_index that predicts, and settings found in training.

    size: the bytes that predictions need. by_time: the function has a third argument, timestamps.
    """

    predict: Callable[..., Array]
    found: Settings = field(default_factory=dict)
    size: int = 0
    by_time: bool = False

    def predict_at(self, user_index: Array, item_index: Array, timestamp: Array) -> Array:
        times = (timestamp,) if self.by_time else ()
        return self.predict(user_index, item_index, *times)


@dataclass(frozen=True)
class Contender:
    """A contender: its name, its package and module, how to train it, and what to tune.

    first: the settings tried first, the package's defaults. fixed: settings that are not tuned.
    in_trials, in_final: what replaces them while all settings are tried, and when the best few are
    tried again: fewer sweeps. by: the validation metric by which settings are chosen: RMSE, or NDCG
    for a contender that does not predict ratings.
    """

    name: str
    train: Callable[[Known, Settings], Trained]
    space: Space = field(default_factory=dict)
    first: Settings = field(default_factory=dict)
    fixed: Settings = field(default_factory=dict)
    in_trials: Settings = field(default_factory=dict)
    in_final: Settings = field(default_factory=dict)
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


def tune(
    contender: Contender, known: Known, n_trials: int, journal: Path, say: Callable[[str], None]
) -> Settings:
    """Find the best of n_trials settings by validation: `settings`, `validation`, `at_border` …

    Finished trials are kept in the journal, so that an interrupted search resumes, with the same
    result.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lower = contender.by == "rmse"
    study = tuning.open_journal(journal, contender.name, "minimize" if lower else "maximize")
    n_trials = n_trials if contender.space else 1

    def attempt(chosen: Settings, effort: Settings) -> tuple[float, Settings, float]:
        before = time.perf_counter()
        trained = contender.train(known, contender.fixed | effort | chosen)
        value = judge_validation(contender, trained, known)
        return value, chosen | trained.found, time.perf_counter() - before

    def objective(trial: Any) -> float:
        chosen = {name: suggest(trial, name, of) for name, of in contender.space.items()}
        try:
            value, settings, seconds = attempt(chosen, contender.in_trials)
            if not math.isfinite(value):
                raise ValueError("the result is not a number")
        except Exception as error:
            trial.set_user_attr("failed", str(error))
            raise
        trial.set_user_attr("settings", settings)
        trial.set_user_attr("seconds", seconds)
        return value

    def finished() -> list[Any]:  # without interrupted trials, which Optuna counts as failed
        ended = [trial for trial in study.trials if trial.state.is_finished()]
        return [trial for trial in ended if trial.value is not None or "failed" in trial.user_attrs]

    while (number := len(finished())) < n_trials:
        tuning.seed_sampler(study, known.params.seed, number, multivariate=True)
        if contender.first and not number:
            study.sampler = optuna.samplers.PartialFixedSampler(contender.first, study.sampler)
        study.optimize(objective, 1, catch=(Exception,))
        trial = finished()[-1]
        if trial.value is None:
            said = f"failed: {trial.user_attrs['failed']}"
        else:
            said = f"{trial.value:.4f}   best {study.best_value:.4f}"
        say(f"{contender.name}   trial {number + 1}/{n_trials}   {said}")
    ranked = [trial for trial in finished() if trial.value is not None]
    ranked.sort(key=lambda trial: trial.value if lower else -trial.value)
    best, value, settings = ranked[0], ranked[0].value, ranked[0].user_attrs["settings"]
    if contender.in_final:
        for trial in ranked[:FINALISTS]:
            if (name := f"again {trial.number}") not in study.user_attrs:
                study.set_user_attr(name, attempt(trial.params, contender.in_final))
                say(f"{contender.name}   trial {name}   {study.user_attrs[name][0]:.4f}")
        again = [(trial, study.user_attrs[f"again {trial.number}"]) for trial in ranked[:FINALISTS]]
        best, (value, settings, _) = (min if lower else max)(again, key=lambda of: of[1][0])
    spans = [trial.user_attrs["seconds"] for trial in ranked]
    return {
        "settings": settings,
        "validation": value,
        "trials": n_trials,
        "failed_trials": n_trials - len(ranked),
        "at_border": [name for name in contender.space if at_border(name, contender, best.params)],
        "tuning_seconds": sum(spans) + sum(span for *_, span in study.user_attrs.values()),
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
        pairs = validation.user_index, validation.item_index, validation.timestamp
        predicted = trained.predict_at(*pairs)
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
    latest = np.zeros(known.n_users, np.int64)
    if trained.by_time:
        np.maximum.at(latest, known.ratings.user_index, known.ratings.timestamp)
    for block in np.array_split(users, 1 + len(users) * known.n_items // LIST_PAIRS):
        pairs = np.repeat(block, known.n_items), np.tile(items, len(block))
        predicted = trained.predict_at(*pairs, np.repeat(latest[block], known.n_items))
        scores = np.array(predicted, np.float64).reshape(len(block), known.n_items)
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
