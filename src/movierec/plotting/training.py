"""The training of models, epoch by epoch."""

import itertools
from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from movierec.plotting import captions, style
from movierec.plotting.captions import MEASURES, Curves
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, COLOURS, ORANGE

LINES = ("-", "--", ":", "-.")  # each is used in all colours, then the next
MAX_NAME = 36  # characters of a model's name, over all panels


def training(caption: str, results: Results) -> Figure:
    """Objective (by Gibbs sampling the noise precision), RMSE, and NDCG of the implicit model."""
    figure, panels = style.panels(caption, 3.1, 3)
    objective, errors, ndcg = panels
    rows, implicit = results.plots["training"], results.plots["implicit"]
    gibbs = captions.is_gibbs(rows)
    _curve(objective, rows, "noise_precision" if gibbs else "objective", BLUE)
    if not gibbs:
        objective.yaxis.set_major_formatter(style.COUNTS)
    objective.set_title("sampled noise precision, 1/stars²" if gibbs else "objective")
    best = {stage: results.metrics[stage]["best_epoch"] for stage in ("train", "implicit")}
    _curve(errors, rows, "train_rmse", BLUE, label="train")
    best_rmse = 0 if gibbs else best["train"]
    _curve(errors, rows, "validation_rmse", ORANGE, best_rmse, label="validation")
    errors.set_title("RMSE of the mean, stars" if gibbs else "RMSE, stars")
    errors.legend(loc="best")
    _curve(ndcg, implicit, "validation_ndcg", ORANGE, best["implicit"])
    ndcg.set_title("NDCG@10, implicit model")
    if implicit["validation_ndcg"].isna().all():
        style.empty_panel(ndcg)
        ndcg.set_yticks([])
    for axes in panels:
        _count_epochs(axes, "sweep" if gibbs and axes is not ndcg else "epoch")
    return figure


def curves(models: Mapping[str, Curves]) -> Figure:
    """A panel for each measure that a model has, with a curve for each model, by name.

    A dot marks the best epoch; the legend has the value there.
    """
    steps = dict.fromkeys(part.step for part in models.values())
    measures = [name for name in MEASURES if any(name in part.values for part in models.values())]
    with style.applied():
        height = 3.0 + 0.2 * len(models)
        figure, panels = style.panels(captions.curves(models), height, len(measures))
        for axes, measure in zip(panels, measures, strict=True):
            looks = itertools.product(LINES, COLOURS)
            for (name, part), (line, colour) in zip(models.items(), looks, strict=False):
                if measure in part.values:
                    best = part.at_best(measure)
                    [short] = style.shortened([name], MAX_NAME // len(measures))
                    label = f"{short}: {best:.4f}"
                    axes.plot(part.values[measure].dropna(), line, color=colour, label=label)
                    axes.plot(part.best_epoch, best, "o", color=colour, ms=6)
            axes.set_title(MEASURES[measure])
            _count_epochs(axes, " or ".join(steps))
            axes.legend(loc="upper left", bbox_to_anchor=(0, -0.19))  # below the axis
    return figure


def _count_epochs(axes: Axes, label: str) -> None:
    """Label the horizontal axis, and give it whole numbers."""
    axes.set_xlabel(label)
    axes.margins(x=0.06, y=0.12)
    if axes.dataLim.width > 0:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    else:
        axes.set_xticks([1] if axes.lines else [])


def _curve(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str, best: int = 0, label: str = ""
) -> None:
    """Plot a column by epoch, and mark the best epoch if there is one."""
    curve = rows.set_index("epoch")[column].dropna()
    if curve.empty:
        return
    axes.plot(curve, color=colour, label=label)
    if best:
        point = best, curve[best]
        axes.plot(*point, "o", color=colour, ms=6)
        text = f"best: {point[1]:.4f}"
        side = "right" if best > 0.7 * curve.index[-1] else "center"  # within the panel
        axes.annotate(text, point, (0, -15), textcoords="offset points", ha=side, fontsize=9)
