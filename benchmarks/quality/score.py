"""Evaluate contenders' predictions on test ratings, and write the tables of `make compare`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import protocol
from movierec.core.params import Params
from movierec.data.rating_arrays import Array, Csr, Ratings

RESAMPLES = 2000


def errors(answers: Path, test: Ratings, known: Csr, n_items: int, params: Params) -> Any:
    """RMSE and MAE of clipped predictions, also for warm and cold pairs; NDCG@n of the lists.

    Also returns the squared error of each test pair; None for a contender without predictions.
    """
    with np.load(answers) as file:
        predicted, lists = file["predicted"], file["lists"]
    users = protocol.ranked_users(params, known.n_rows)
    ranking = {"ndcg": protocol.ndcg(lists, users, test, known, n_items, params)}
    if not len(predicted):
        return ranking, None
    assert np.isfinite(predicted).all(), answers
    scale = params.data.scale
    error = np.clip(predicted.astype(np.float64), *scale) - test.rating
    squared, is_warm = error**2, warm(test, known, n_items)
    measured = {
        "rmse": root_of_mean(squared),
        "mae": float(np.abs(error).mean()),
        "warm_rmse": root_of_mean(squared[is_warm]),
        "cold_rmse": root_of_mean(squared[~is_warm]),
    }
    return measured | ranking, squared


def root_of_mean(squared: Array) -> float | None:
    return float(np.sqrt(squared.mean())) if len(squared) else None


def warm(test: Ratings, known: Csr, n_items: int) -> Array:
    """A mask of the test pairs whose user and item both have training ratings."""
    item_counts = np.bincount(known.indices, minlength=n_items)
    return (known.counts[test.user_index] > 0) & (item_counts[test.item_index] > 0)


def describe(test: Ratings, known: Csr, n_items: int) -> dict[str, int]:
    """The sizes of train and test, and the share of cold test pairs."""
    item_counts = np.bincount(known.indices, minlength=n_items)
    users, items = np.unique(test.user_index), np.unique(test.item_index)
    return {
        "n_known": len(known.values),
        "n_test": len(test),
        "n_test_users": len(users),
        "n_cold_users": int((known.counts[users] == 0).sum()),
        "n_test_items": len(items),
        "n_cold_items": int((item_counts[items] == 0).sum()),
        "n_cold_pairs": int((~warm(test, known, n_items)).sum()),
    }


def intervals(squared: dict[str, Array], base: str, test: Ratings, seed: int) -> dict[str, Any]:
    """95 % intervals of each RMSE, and of its difference from the RMSE of `base`.

    By the bootstrap over users, with the same resamples for all: users are resampled with all their
    ratings, and the RMSE is √(sum of squared errors / number of ratings).
    """
    user = np.unique(test.user_index, return_inverse=True)[1]
    n_users = 1 + int(user.max(initial=-1))
    evenly = np.full(n_users, 1 / n_users)
    draws = np.random.default_rng(seed).multinomial(n_users, evenly, RESAMPLES)
    counts = draws @ np.bincount(user)
    roots = {name: np.sqrt(draws @ np.bincount(user, of) / counts) for name, of in squared.items()}
    result: dict[str, Any] = {}
    for name, root in roots.items():
        result[name] = {"rmse_interval": _interval(root)}
        if base in roots and name != base:
            less = np.sqrt(squared[name].mean()) - np.sqrt(squared[base].mean())
            of_less = _interval(root - roots[base])
            result[name] |= {"rmse_above_base": float(less), "rmse_above_base_interval": of_less}
    return result


def _interval(values: Array) -> list[float]:
    return [float(end) for end in np.quantile(values, [0.025, 0.975])]


def table(report: dict[str, Any]) -> str:
    """The table of one split: lowest RMSE first, then contenders that only rank."""
    columns = COLUMNS if report["protocol"] == "point_in_time" else [*COLUMNS[:3], *COLUMNS[5:]]
    heads = [head.format(base=report["base"]) for head, _ in columns]
    entries = sorted(report["results"], key=lambda entry: entry["test"].get("rmse", np.inf))
    rows = [heads, ["---"] * len(heads)]
    rows += [[cell(entry | entry["test"]) for _, cell in columns] for entry in entries]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([heading(report), "", *lines, "", "The settings chosen:", "", *chosen(report)])


def heading(report: dict[str, Any]) -> str:
    host, shape = report["machine"], report["shape"]
    return (
        f"{report['dataset']}, {report['protocol']}: {shape['n_known']:,} ratings to learn from,"
        f" {shape['n_test']:,} in test, of {shape['n_test_users']:,} users"
        f" ({shape['n_cold_users']:,} cold) and {shape['n_test_items']:,} movies"
        f" ({shape['n_cold_items']:,} cold). {report['trials']} trials of settings"
        f" each{fewer(report)}."
        f" {host['processor']}, {report['threads']} threads, Python {host['python']}."
    )


def fewer(report: dict[str, Any]) -> str:
    """The contenders with fewer trials, although they have settings to tune."""
    had = [(entry["name"], entry["trials"]) for entry in report["results"]]
    entries = [f"{name} {trials}" for name, trials in had if 1 < trials < report["trials"]]
    return f" ({'; '.join(entries)})" if entries else ""


def chosen(report: dict[str, Any]) -> list[str]:
    """A line for each contender: its version and settings, or why it is not in the table."""
    lines = []
    for entry in report["results"]:
        said = ", ".join(f"{name} {_short(value)}" for name, value in entry["settings"].items())
        border = f"; at the border: {', '.join(entry['at_border'])}" if entry["at_border"] else ""
        package = f"{entry['package']} {entry['version']}"
        lines.append(f"- {entry['name']} ({package}): {said or 'none'}{border}")
    return lines + [f"- {name}: {why}" for name, why in report["absent"].items()]


Entry = dict[str, Any]


def _number(name: str, digits: int = 4, sign: str = "") -> Callable[[Entry], str]:
    """A cell: a metric, and its interval if it has one."""

    def cell(entry: Entry) -> str:
        value, interval = entry.get(name), entry.get(f"{name}_interval")
        if value is None:
            return ""
        between = " to ".join(f"{end:{sign}.{digits}f}" for end in interval or ())
        return f"{value:{sign}.{digits}f}" + (f" ({between})" if between else "")

    return cell


COLUMNS: list[tuple[str, Callable[[Entry], str]]] = [
    ("", lambda entry: entry["name"]),
    ("test RMSE (95 %)", _number("rmse")),
    ("above {base} (95 %)", _number("rmse_above_base", sign="+")),
    ("warm", _number("warm_rmse")),
    ("cold", _number("cold_rmse")),
    ("MAE", _number("mae")),
    ("NDCG@10", _number("ndcg", 3)),
    ("validation", _number("validation")),
    ("s", _number("seconds", 2)),
    ("MB", lambda entry: f"{entry['memory_bytes'] / 1e6:.0f}"),
]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def table_of_draws(report: dict[str, Any]) -> str:
    """The table of several draws: means, standard deviations, and differences within a draw."""
    host, n, base = report["machine"], len(report["seeds"]), report["base"]
    lines = [
        f"{report['dataset']}, {n} draws of the split; RMSE in stars, mean ± standard deviation"
        f" over the draws. {host['processor']}, Python {host['python']}.",
        "",
        f"| | validation | test | test, less {base} of the same draw |",
        "|---|---|---|---|",
    ]
    results = {name: of for name, of in report["results"].items() if len(of) == n}
    tests = {name: np.array([entry["test"] for entry in of]) for name, of in results.items()}
    for name, test in tests.items():
        validation = np.mean([entry["validation"] for entry in results[name]])
        less = test - tests[base] if base in tests and name != base else None
        gain = "" if less is None else f"{less.mean():+.4f} ± {less.std(ddof=1):.4f}"
        lines.append(
            f"| {name} | {validation:.4f} | {test.mean():.4f} ± {test.std(ddof=1):.4f} | {gain} |"
        )
    return "\n".join(lines)
