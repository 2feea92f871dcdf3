"""The results of a run at a glance: headline numbers, and tables of errors and rankings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from movierec.core.params import Params
from movierec.core.reporting import words
from movierec.plotting.captions import percent
from movierec.plotting.results import Results

NONE = "–"
# The test RMSE that the original project reported; it chose its epochs on the test ratings.
ORIGINAL_RMSE, ORIGINAL_DATASET = 0.795, "ml-25m"


class Tile(NamedTuple):
    """One headline number."""

    name: str
    value: str
    note: str


class Measure(NamedTuple):
    """A row: a measure, the ends of its 95% interval if it has one, and further cells."""

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
    """The axis that bars share, from the lowest to the highest value or interval end."""

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
    n = (
        split["n_train"]
        + (split["n_validation"] + split["n_validation_given"]) * params.train.refit
    )
    return (
        f"Models trained on {n:,} ratings of {index['n_rated_movies']:,} movies by"
        f" {index['n_users']:,} users, and evaluated on {split['n_test']:,} held-out ratings."
    )


def tiles(params: Params, results: Results) -> Iterator[Tile]:
    evaluate, at_n = results.metrics["evaluate"], results.at_n
    rmse, interval = evaluate["test"]["rmse"], evaluate["intervals"]["test"]["rmse"]
    yield Tile("Test RMSE", number(rmse, 4), f"stars (95% interval: {span(**interval)})")
    rmses = {name: baseline["rmse"] for name, baseline in evaluate["baseline"].items()}
    name = min(rmses, key=lambda name: rmses[name] or 0)
    if rmse is not None and (best := rmses[name]) is not None:
        note = f"stars, compared with the best baseline ({words(name)}: {best:.4f})"
        yield Tile("RMSE improvement", f"{best - rmse:.4f}".replace("-", "−"), note)
    ndcg = {name: ranking[f"ndcg{at_n}"] for name, ranking in evaluate["ranking"].items()}
    ranking = params.recommend.ranking
    popularity = number(ndcg.get("popularity"), 3)
    note = f"for the {words(ranking)} ranking (popularity: {popularity})"
    yield Tile(f"Test NDCG{at_n}", number(ndcg.get(ranking), 3), note)
    lists = results.metrics["recommend"]
    note = (
        f"of movies are in at least one of {lists['n_users']:,} lists of {params.recommend.top_n}"
    )
    yield Tile("Coverage", percent(lists["coverage"]), note)


def errors(params: Params, results: Results) -> list[Measure]:
    """Test RMSE of the model and the baselines, the highest first."""
    evaluate = results.metrics["evaluate"]
    intervals = evaluate["intervals"]
    rows = [
        Measure(words(name), baseline["rmse"], **intervals["baseline"][name]["rmse"])
        for name, baseline in evaluate["baseline"].items()
    ]
    model = evaluate["test"]["rmse"], intervals["test"]["rmse"]
    rows.append(Measure("model", model[0], **model[1], is_ours=True))
    if is_comparable(params):
        rows.append(Measure("original project", ORIGINAL_RMSE))
    return sorted(rows, key=lambda row: -(row.value or 0))


def rankings(params: Params, results: Results) -> list[Measure]:
    """NDCG of each ranking, the lowest first; next to it hit rating and coverage."""
    at_n, evaluate, rows = results.at_n, results.metrics["evaluate"], []
    for name, ranking in evaluate["ranking"].items():
        key, is_ours = f"ndcg{at_n}", name == params.recommend.ranking
        more = number(ranking.get(f"hit_rating{at_n}"), 2), percent(ranking[f"coverage{at_n}"])
        interval = evaluate["intervals"]["ranking"][name][key]
        rows.append(Measure(words(name), ranking[key], **interval, is_ours=is_ours, more=more))
    return sorted(rows, key=lambda row: row.value or 0)


def is_comparable(params: Params) -> bool:
    """Whether data set and split are those of the original project."""
    split = params.split
    same = split.protocol == "per_user_random" and split.test_fraction == 0.2
    same = same and split.positive_rating is None
    same = same and max(split.min_user_ratings, split.min_movie_ratings) == 1
    return params.dataset == ORIGINAL_DATASET and same


def original_project(params: Params) -> str:
    text = f"The original project reported a test RMSE of {ORIGINAL_RMSE}"
    if is_comparable(params):
        return f"{text} on another random sample of this split, and chose its epochs on test data."
    return (
        f"{text} on {ORIGINAL_DATASET}, split at random by user, which is not comparable with this"
        " run."
    )


def number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:.{digits}f}"


def span(low: float | None = None, high: float | None = None) -> str:
    """An interval; its ends are missing if there are too few users to estimate them."""
    return NONE if low is None or high is None else f"{low:.3f} to {high:.3f}"
