"""Pictures of a run, drawn with Matplotlib in one look."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from movierec.outputs import output_file
from movierec.sparse import Array

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

# Okabe & Ito's palette, which the colour-blind can tell apart.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8C8C8C"
LOOK: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "movierec",
}


@contextmanager
def _picture(
    path: str | Path, width: float, height: float, panels: int = 1, rows: int = 1
) -> Iterator[Figure]:
    with plt.rc_context(LOOK):
        figure, _ = plt.subplots(rows, panels, figsize=(width, height), layout="constrained")
        yield figure
        with output_file(Path(path)) as partial:
            figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})
        plt.close(figure)


def result(
    path: str | Path,
    dataset: str,
    rmse: float,
    baselines: Mapping[str, float],
    training: pd.DataFrame,
    best_epoch: int,
) -> None:
    """The model's test RMSE beside the baselines', and how training came to it."""
    with _picture(path, 9.5, 3.1, panels=2) as figure:
        bars, curve = figure.axes
        entries = sorted([*baselines.items(), ("model", rmse)], key=lambda entry: -entry[1])
        names = [name.replace("_", " ") for name, _ in entries]
        values = [value for _, value in entries]
        colours = [BLUE if name == "model" else GREY for name in names]
        bars.barh(names, values, color=colours)
        low = min(values) - 0.35 * (max(values) - min(values)) - 0.01
        bars.set_xlim(low, max(values) + 0.12 * (max(values) - low))
        for place, value in enumerate(values):
            bars.text(value, place, f" {value:.4f}", va="center")
        best = min(baselines.values())
        bars.set_title(f"{dataset}: {best - rmse:.3f} stars better than the best baseline")
        bars.set_xlabel(f"test RMSE, stars (axis starts at {low:.2f})")
        curve.plot(training["epoch"], training["train_rmse"], color=BLUE)
        ends = [("train", training["train_rmse"], BLUE)]
        if training["validation_rmse"].notna().all():
            curve.plot(training["epoch"], training["validation_rmse"], color=ORANGE)
            ends.append(("validation", training["validation_rmse"], ORANGE))
            best_row = training.iloc[best_epoch - 1]
            at = int(best_row["epoch"]), float(best_row["validation_rmse"])
            curve.plot(*at, "o", color=ORANGE)
            curve.annotate(
                f"chosen: {at[1]:.4f}", at, xytext=(0, 9), textcoords="offset points", ha="right"
            )
            curve.set_title(f"validation stops improving after {at[0]} epochs")
        for name, rmses, colour in ends:
            curve.text(training["epoch"].iloc[-1], rmses.iloc[-1], f" {name}", color=colour)
        curve.margins(x=0.14, y=0.15)
        curve.set_xlabel("epoch")
        curve.set_ylabel("RMSE, stars")


def tuning(path: str | Path, trials: pd.DataFrame) -> None:
    """What a search tried: the RMSE on validation by trial and against each param.

    trials: columns trial, the params, validation_rmse (NaN where one failed). The worst sixth, if
    worse than the first, stands at the upper edge.
    """
    rmse = trials["validation_rmse"].to_numpy()
    names = list(trials.columns.drop("validation_rmse"))
    best, columns = int(np.nanargmin(rmse)), min(3, len(names))
    rows = -(-len(names) // columns)
    top = max(np.nanquantile(rmse, 5 / 6), np.nan_to_num(rmse[0]), rmse[best] + 1e-4)
    height = top - rmse[best]
    with _picture(path, max(8, 3.2 * columns), 0.4 + 2.4 * rows, columns, rows) as figure:
        for axes, name in zip(figure.axes, names, strict=False):
            tried = trials[name].to_numpy()
            axes.set_ylim(rmse[best] - 0.1 * height, top + 0.05 * height)
            axes.set_xlabel(name)
            if name == "trial":
                axes.step(tried, np.fmin.accumulate(rmse), where="post", color=ORANGE, lw=1)
                axes.set_title("the best so far")
            else:
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
                axes.xaxis.set_major_formatter("{x:g}")
                axes.xaxis.set_minor_locator(NullLocator())
                axes.set_title(f"best {tried[best]:g}" + (f", was {tried[0]:g}" if best else ""))
            off = rmse > top
            axes.scatter(tried[~off], rmse[~off], s=20, color=GREY, alpha=0.6, linewidths=0)
            at_edge = np.full(off.sum(), top + 0.05 * height)
            axes.plot(tried[off], at_edge, "^", color=GREY, ms=5, alpha=0.6, clip_on=False)
            axes.plot(tried[best], rmse[best], "o", color=ORANGE, ms=7, label="best")
            axes.plot(tried[0], rmse[0], "s", mec=BLUE, mfc="none", mew=1.5, ms=11, label="first")
            axes.tick_params(labelleft=axes in figure.axes[::columns])
        for axes in figure.axes[::columns]:
            axes.set_ylabel("validation RMSE, stars")
        for axes in figure.axes[len(names) :]:
            axes.remove()
        marks = figure.axes[0].get_legend_handles_labels()
        figure.legend(*marks, loc="outside upper right", ncols=2, frameon=False)
        figure.suptitle(_finding(rmse, best), x=0.01, ha="left")


def _finding(rmse: Array, best: int) -> str:
    if best == 0:
        return f"None of {len(rmse)} trials is better than the first, RMSE {rmse[best]:.4f}"
    text = f"Trial {best + 1} of {len(rmse)} is the best, RMSE {rmse[best]:.4f}"
    return text if np.isnan(rmse[0]) else f"{text}: {rmse[0] - rmse[best]:.4f} less than the first"


def factor_map(
    path: str | Path, item_factors: Array, titles: pd.Series, counts: Array, n_items: int = 400
) -> None:
    """The most rated movies on the two directions in which their factors differ most."""
    most_rated = np.argsort(-counts, kind="stable")[:n_items]
    factors = item_factors[most_rated].astype(np.float64)
    with _picture(path, 8, 6.2) as figure:
        (axes,) = figure.axes
        axes.set_title("Movies whose factors are alike lie close together")
        axes.set_xlabel("first principal component of the item factors")
        axes.set_ylabel("second principal component")
        if factors.shape[1] < 2 or len(factors) < 3:
            axes.text(0.5, 0.5, "a model with fewer than 2 factors has no map", ha="center")
            return
        centred = factors - factors.mean(axis=0)
        directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
        # A direction's sign is arbitrary; fix it, so that the same model gives the same picture.
        directions *= np.sign(directions[np.arange(2), np.abs(directions).argmax(axis=1)])[:, None]
        places = centred @ directions.T
        axes.scatter(places[:, 0], places[:, 1], s=9, color=BLUE, alpha=0.45, linewidths=0)
        axes.margins(x=0.12)
        _label(figure, places, [titles.iloc[item] for item in most_rated])


def _label(figure: Figure, places: Array, names: list[str], most: int = 45) -> None:
    """Name points in order, leaving out every name that would cover an earlier one."""
    (axes,) = figure.axes
    figure.canvas.draw()
    taken: list[matplotlib.transforms.Bbox] = []
    for place, name in zip(places, names, strict=True):
        text = axes.annotate(name, place, xytext=(3, 3), textcoords="offset points", fontsize=7)
        box = text.get_window_extent().expanded(1.02, 1.15)
        inside = axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)
        if inside and not any(box.overlaps(other) for other in taken):
            taken.append(box)
        else:
            text.remove()
        if len(taken) == most:
            break
