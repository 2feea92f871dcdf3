"""The run in one screen: its data, the params that matter, and the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from movierec.core.params import Params
from movierec.plotting.captions import percent, words
from movierec.plotting.results import Results

NONE = "–"
# What the original project reported for ml-25m; it had looked at the test ratings in training.
COURSE_PROJECT, ITS_DATASET = 0.795, "ml-25m"


class Tile(NamedTuple):
    """One number that matters."""

    name: str
    value: str
    note: str


class Measure(NamedTuple):
    """A measure, the ends of its 95 % interval if it has one, and the cells that follow."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    is_ours: bool = False
    more: tuple[str, ...] = ()

    @property
    def interval(self) -> str:
        return span(self.low, self.high)


@dataclass(frozen=True)
class BarAxis:
    """The axis that bars share, from the least to the greatest of all values and interval ends."""

    low: float
    high: float

    @classmethod
    def from_measures(cls, rows: Sequence[Measure]) -> BarAxis:
        ends = [x for row in rows for x in (row.value, row.low, row.high) if x is not None]
        return cls(min(ends, default=0), max(ends, default=0))

    def place(self, value: float) -> float:
        """A value's distance from the left end of the axis, in per cent of its length."""
        return round(100 * (value - self.low) / ((self.high - self.low) or 1), 2)

    def place_from_right(self, value: float) -> float:
        return self.place(self.low + self.high - value)


def summary(params: Params, results: Results) -> str:
    split, index = results.metrics["split"], results.metrics["index"]
    n = split["n_train"] + (split["n_validation"] if params.train.refit else 0)
    return (
        f"A model that learned from {n:,} ratings of {index['n_users']:,} users for"
        f" {index['n_rated_movies']:,} movies, judged on {split['n_test']:,} ratings that it had"
        " not seen."
    )


def tiles(params: Params, results: Results) -> Iterator[Tile]:
    evaluate, at_n = results.metrics["evaluate"], results.at_n
    rmse, interval = evaluate["test"]["rmse"], evaluate["intervals"]["test"]["rmse"]
    yield Tile("Test RMSE", number(rmse, 4), f"stars; 95 %: {span(**interval)}")
    rmses = {name: baseline["rmse"] for name, baseline in evaluate["baseline"].items()}
    name = min(rmses, key=lambda name: rmses[name] or 0)
    if rmse is not None and (best := rmses[name]) is not None:
        note = f"stars than {words(name)}, the best baseline, with {best:.4f}"
        title = "Errs less by" if rmse <= best else "Errs more by"
        yield Tile(title, f"{abs(best - rmse):.4f}", note)
    ndcg = {name: ranking[f"ndcg{at_n}"] for name, ranking in evaluate["ranking"].items()}
    ranking = params.recommend.ranking
    note = f"by {words(ranking)}; popularity has {number(ndcg.get('popularity'), 3)}"
    yield Tile(f"NDCG{at_n} of lists", number(ndcg.get(ranking), 3), note)
    lists = results.metrics["recommend"]
    note = f"of all, to anybody; {params.recommend.top_n} for each of {lists['n_users']:,} users"
    yield Tile("Movies recommended", percent(lists["coverage"]), note)


def errors(params: Params, results: Results) -> list[Measure]:
    """Test RMSE of the model and what it is compared with, the worst first."""
    evaluate = results.metrics["evaluate"]
    intervals = evaluate["intervals"]
    rows = [
        Measure(words(name), baseline["rmse"], **intervals["baseline"][name]["rmse"])
        for name, baseline in evaluate["baseline"].items()
    ]
    model = evaluate["test"]["rmse"], intervals["test"]["rmse"]
    rows.append(Measure("model", model[0], **model[1], is_ours=True))
    if is_comparable(params):
        rows.append(Measure("course project", COURSE_PROJECT))
    return sorted(rows, key=lambda row: -(row.value or 0))


def rankings(params: Params, results: Results) -> list[Measure]:
    """NDCG of each ranking, the best last; next to it the rating of hits, and coverage."""
    at_n, evaluate, rows = results.at_n, results.metrics["evaluate"], []
    for name, ranking in evaluate["ranking"].items():
        key, is_ours = f"ndcg{at_n}", name == params.recommend.ranking
        more = number(ranking.get(f"hit_rating{at_n}"), 2), percent(ranking[f"coverage{at_n}"])
        interval = evaluate["intervals"]["ranking"][name][key]
        rows.append(Measure(words(name), ranking[key], **interval, is_ours=is_ours, more=more))
    return sorted(rows, key=lambda row: row.value or 0)


def is_comparable(params: Params) -> bool:
    """Whether errors here are of the data and the protocol of the original project."""
    split = params.split
    same = split.protocol == "per_user_random" and split.test_fraction == 0.2
    return params.dataset == ITS_DATASET and same


def course_project(params: Params) -> str:
    began = f"The course project that this one began as reports {COURSE_PROJECT}"
    if is_comparable(params):
        return f"{began}, of another draw of this split; test ratings had chosen its epochs."
    return f"{began} of {ITS_DATASET}, split at random by user: not to be compared with these."


def number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def span(low: float | None = None, high: float | None = None) -> str:
    """An interval; its ends are missing where there are too few users to estimate them."""
    return NONE if low is None or high is None else f"{low:.3f} to {high:.3f}"
