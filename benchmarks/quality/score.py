"""Evaluate contenders' predictions on test ratings, and write the tables of `make compare`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import protocol
from movierec.core.params import Params
from movierec.data.rating_arrays import Array, Csr, Ratings

RESAMPLES = 2000
COLD, MIN_COLD = ("warm", "cold"), 0.01  # columns, shown from this share of cold test pairs on
Entry = dict[str, Any]


def errors(answers: Path, test: Ratings, known: Csr, n_items: int, params: Params) -> Any:
    """RMSE and MAE of clipped predictions, also for warm and cold pairs; NDCG@n of lists.

    Also returns the squared error of each test pair; None for a contender without predictions.
    """
    with np.load(answers) as file:
        predicted, lists = file["predicted"], file["lists"]
    users = protocol.ranked_users(params, known.n_rows)
    ranking = {}
    if len(lists):
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
    """The table of all contenders: lowest RMSE first, then those that only rank.

    Intervals and differences from the base are of the first draw; ± is the standard deviation over
    draws, of the RMSE and of the difference from the base in the same draw.
    """
    base = next((entry for entry in report["results"] if entry["name"] == report["base"]), None)
    shown = [flat(entry, base) for entry in report["results"]]
    shown.sort(key=_place)
    shape = report["shape"]
    hidden = COLD if shape["n_cold_pairs"] < MIN_COLD * shape["n_test"] else ()
    columns = [(head, cell) for head, cell in COLUMNS if head not in hidden]
    columns = [(head, cell) for head, cell in columns if any(cell(entry) for entry in shown)]
    rows = [[head.format(base=report["base"]) for head, _ in columns], ["---"] * len(columns)]
    rows += [[cell(entry) for _, cell in columns] for entry in shown]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([heading(report), "", *lines, "", "The settings chosen:", "", *chosen(report)])


def _place(entry: Entry) -> float:
    return float(entry.get("rmse_mean") or entry.get("rmse") or np.inf)


def flat(entry: Entry, base: Entry | None) -> Entry:
    """What a row shows: metrics of the first draw, and means over draws, if there are several."""
    draws = entry["draws"]
    row = entry | draws[0]["test"]
    for name in ("seconds", "memory_bytes", "model_bytes"):
        row[name] = float(np.median([draw[name] for draw in draws]))
    rmse = np.array([draw["test"].get("rmse", np.nan) for draw in draws])
    if len(draws) > 1 and np.isfinite(rmse).all():
        row |= {"rmse_mean": rmse.mean(), "rmse_sd": rmse.std(ddof=1)}
        if base and base is not entry:
            less = rmse - [draw["test"]["rmse"] for draw in base["draws"]]
            row |= {"less_mean": less.mean(), "less_sd": less.std(ddof=1)}
    return row


def heading(report: dict[str, Any]) -> str:
    host, shape, seeds = report["machine"], report["shape"], report["seeds"]
    return (
        f"{report['dataset']}, {report['protocol']}: {shape['n_known']:,} ratings to learn from,"
        f" {shape['n_test']:,} in test, of {shape['n_test_users']:,} users"
        f" ({shape['n_cold_users']:,} cold) and {shape['n_test_items']:,} movies"
        f" ({shape['n_cold_items']:,} cold). {report['trials']} trials of settings each, on"
        f" validation of the first draw; these settings are used on every draw. Seeds of the draws:"
        f" {', '.join(map(str, seeds))}. Intervals, MAE and NDCG are of the first; ± is the"
        f" standard deviation over draws; time, memory and the model's size are medians."
        f" {host['processor']}, {report['threads']} threads, Python {host['python']}."
    )


def chosen(report: dict[str, Any]) -> list[str]:
    """A line for each contender: its version and settings, or why it is not in the table."""
    lines = []
    for entry in report["results"]:
        said = ", ".join(f"{name} {_short(value)}" for name, value in entry["settings"].items())
        for name, (trials, final, last) in entry["effort"].items():
            said += f", {name} {last} (in trials {trials}, in the best repeated {final})"
        border = f"; at the border: {', '.join(entry['at_border'])}" if entry["at_border"] else ""
        package = f"{entry['package']} {entry['version']}"
        lines.append(f"- {entry['name']} ({package}): {said or 'none'}{border}")
    return lines + [f"- {name}: {why}" for name, why in report["absent"].items()]


def _number(name: str, digits: int = 4, sign: str = "") -> Callable[[Entry], str]:
    """A cell: a metric, and its interval if it has one."""

    def cell(entry: Entry) -> str:
        value, interval = entry.get(name), entry.get(f"{name}_interval")
        if value is None:
            return ""
        between = " to ".join(f"{end:{sign}.{digits}f}" for end in interval or ())
        return f"{value:{sign}.{digits}f}" + (f" ({between})" if between else "")

    return cell


def _mean(name: str, sign: str = "") -> Callable[[Entry], str]:
    """A cell: a mean over draws and its standard deviation, if there are several."""

    def cell(entry: Entry) -> str:
        if f"{name}_mean" not in entry:
            return ""
        return f"{entry[f'{name}_mean']:{sign}.4f} ± {entry[f'{name}_sd']:.4f}"

    return cell


COLUMNS: list[tuple[str, Callable[[Entry], str]]] = [  # those that are empty are left out
    ("model", lambda entry: entry["name"]),
    ("test RMSE, draws", _mean("rmse")),
    ("less {base}, draws", _mean("less", "+")),
    ("test RMSE (95 %)", _number("rmse")),
    ("less {base} (95 %)", _number("rmse_above_base", sign="+")),
    ("warm", _number("warm_rmse")),
    ("cold", _number("cold_rmse")),
    ("MAE", _number("mae")),
    ("NDCG@10", _number("ndcg", 3)),
    ("validation", _number("validation")),
    ("s", _number("seconds", 2)),
    ("MB", lambda entry: f"{entry['memory_bytes'] / 1e6:.0f}"),
    ("model, kB", lambda entry: f"{entry['model_bytes'] / 1e3:,.0f}"),
]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
