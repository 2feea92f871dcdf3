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
def _picture(path: str | Path, width: float, height: float, panels: int = 1) -> Iterator[Figure]:
    with plt.rc_context(LOOK):
        figure, _ = plt.subplots(1, panels, figsize=(width, height), layout="constrained")
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
