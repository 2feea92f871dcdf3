"""The run in one screen: its data, the params that matter, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from movierec import __version__
from movierec.core.params import Params
from movierec.plotting.captions import words
from movierec.plotting.results import Results
from movierec.report import run_facts

NONE = "–"
# What the course project that this one began as reported, of ml-25m; it had looked at the test
# ratings while it trained.
COURSE_PROJECT, ITS_DATASET = 0.795, "ml-25m"


@dataclass(frozen=True)
class Tile:
    """One number that matters."""

    name: str
    value: str
    note: str


class Measure(NamedTuple):
    """A measure with the ends of its 95 % interval, where there are some.

    more: words to stand beside it.
    """

    name: str
    value: float | None
    interval: dict[str, float | None]
    is_ours: bool
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A measure with its 95 % interval as a row of a table.

    at, low, high: places in per cent of the axis, those of `beyond` from its right end. more: cells
    that follow.
    """

    name: str
    value: str
    interval: str
    at: float | None
    low: float | None
    beyond: float | None
    is_ours: bool
    more: Sequence[str]


@dataclass(frozen=True)
class Overview:
    """All that the page's template asks for."""

    dataset: str
    summary: str
    tiles: Sequence[Tile]
    errors: Sequence[Bar]
    rankings: Sequence[Bar]
    at_n: str
    course_project: str
    data: dict[str, str]
    model: dict[str, str]
    times: dict[str, str]
    version: str = __version__


def of(params: Params, results: Results) -> Overview:
    return Overview(
        dataset=params.dataset,
        summary=summary(params, results),
        tiles=list(tiles(params, results)),
        errors=bars(errors(params, results)),
        rankings=bars(rankings(params, results)),
        at_n=results.at_n,
        course_project=course_project(params),
        data=run_facts.data(params, results),
        model=run_facts.model(params, results),
        times=run_facts.times(),
    )


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
    rmse, interval = evaluate["test"]["rmse"], results.metrics["intervals"]["test"]["rmse"]
    yield Tile("Test RMSE", number(rmse, 4), f"stars; 95 %: {span(interval)}")
    name, best = min(
        ((name, entry["rmse"]) for name, entry in evaluate["baseline"].items()),
        key=lambda entry: entry[1] or 0,
    )
    if rmse is not None and best is not None:
        than = f"stars than {words(name)}, the best baseline, with {best:.4f}"
        title = "Errs less by" if rmse <= best else "Errs more by"
        yield Tile(title, f"{abs(best - rmse):.4f}", than)
    ndcg = {name: entry[f"ndcg{at_n}"] for name, entry in evaluate["ranking"].items()}
    mine, popular = ndcg.get(params.recommend.ranking), ndcg.get("popularity")
    note = f"by {words(params.recommend.ranking)}; popularity has {number(popular, 3)}"
    yield Tile(f"NDCG{at_n} of lists", number(mine, 3), note)
    lists = results.metrics["recommend"]
    note = f"of all, to anybody; {params.recommend.top_n} for each of {lists['n_users']:,} users"
    yield Tile("Movies recommended", run_facts.share(lists["coverage"]), note)


def errors(params: Params, results: Results) -> list[Measure]:
    """Test RMSE of the model and what it is to be compared with, the worst first."""
    evaluate, intervals = results.metrics["evaluate"], results.metrics["intervals"]
    rows = [
        Measure(words(name), entry["rmse"], intervals["baseline"][name]["rmse"], False)
        for name, entry in evaluate["baseline"].items()
    ]
    rows.append(Measure("model", evaluate["test"]["rmse"], intervals["test"]["rmse"], True))
    if is_comparable(params):
        rows.append(Measure("course project", COURSE_PROJECT, {}, False))
    return sorted(rows, key=lambda row: -(row.value or 0))


def rankings(params: Params, results: Results) -> list[Measure]:
    """NDCG of each way to rank, the best last; beside it what hits are rated, and coverage."""
    at_n, intervals = results.at_n, results.metrics["intervals"]["ranking"]
    rows = []
    for name, entry in results.metrics["evaluate"]["ranking"].items():
        hits, coverage = entry.get(f"hit_rating{at_n}"), entry[f"coverage{at_n}"]
        key, is_ours = f"ndcg{at_n}", name == params.recommend.ranking
        more = number(hits, 2), run_facts.share(coverage)
        rows.append(Measure(words(name), entry[key], intervals[name][key], is_ours, more))
    return sorted(rows, key=lambda row: row.value or 0)


def bars(rows: Sequence[Measure]) -> list[Bar]:
    """Measures on one axis, from the least to the most of all and of the ends of intervals."""
    ends = [end for row in rows for end in (row.value, *row.interval.values()) if end is not None]
    least, most = (min(ends), max(ends)) if ends else (0, 0)

    def place(value: float | None) -> float | None:
        return None if value is None else round(100 * (value - least) / ((most - least) or 1), 2)

    return [
        Bar(
            row.name,
            number(row.value, 4),
            span(row.interval),
            place(row.value),
            place(row.interval.get("low")),
            place(None if (high := row.interval.get("high")) is None else least + most - high),
            row.is_ours,
            row.more,
        )
        for row in rows
    ]


def is_comparable(params: Params) -> bool:
    """Whether errors here are of the data and the protocol of the course project."""
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


def span(interval: dict[str, float | None]) -> str:
    """An interval's ends; low and high are missing where none can be told."""
    low, high = interval.get("low"), interval.get("high")
    return NONE if low is None or high is None else f"{low:.3f} to {high:.3f}"
