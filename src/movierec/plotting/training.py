"""The training of both models, epoch by epoch."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from movierec.plotting import captions, style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, ORANGE


def training(title: str, results: Results) -> Figure:
    """Objective (by Gibbs sampling the noise precision), RMSE, and NDCG of the implicit model."""
    figure, panels = style.panels(title, 3.1, 3)
    first, errors, ndcg = panels
    rows, watched = results.plots["training"], results.plots["implicit"]
    gibbs = captions.is_gibbs(rows)
    column = "noise_precision" if gibbs else "objective"
    first.plot(rows["epoch"], rows[column], color=BLUE)
    if not gibbs:
        first.yaxis.set_major_formatter(style.COUNTS)
    first.set_title("noise precision drawn, 1/stars²" if gibbs else "objective")
    _curve(errors, rows, "train_rmse", BLUE, "train")
    best = results.metrics["train"]["best_epoch"]
    _curve(errors, rows, "validation_rmse", ORANGE, "validation", 0 if gibbs else best)
    errors.set_title("RMSE of the mean, stars" if gibbs else "RMSE, stars")
    errors.legend(loc="best")
    best = results.metrics["implicit"]["best_epoch"]
    _curve(ndcg, watched, "validation_ndcg", ORANGE, "validation", best)
    ndcg.set_title("NDCG@10, implicit model")
    if watched["validation_ndcg"].isna().all():
        style.nothing(ndcg)
        ndcg.set_yticks([])
    for axes in panels:
        axes.set_xlabel("sweep" if gibbs and axes is not ndcg else "epoch")
        axes.margins(x=0.06, y=0.12)
        if axes.dataLim.width > 0:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        else:
            axes.set_xticks([1] if axes.lines else [])
    return figure


def _curve(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str, name: str, best: int = 0
) -> None:
    """A column by epoch, the best epoch marked if there is one; those of RMSE below the curve."""
    there = rows.dropna(subset=[column])
    if there.empty:
        return
    axes.plot(there["epoch"], there[column], color=colour, label=name)
    if best:
        at = best, there.set_index("epoch")[column][best]
        axes.plot(*at, "o", color=colour, ms=6)
        axes.annotate(
            f"best: {at[1]:.4f}", at, (0, -15), textcoords="offset points", ha="center", fontsize=9
        )
