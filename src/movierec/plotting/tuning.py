"""The trials of a search for params."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator

from movierec.plotting import style
from movierec.plotting.style import BLUE, GREY, ORANGE


def draw_trials(path: str | Path, trials: pd.DataFrame) -> None:
    """Draw the validation RMSE of each trial, in order and against each param.

    trials: columns trial, the params, validation_rmse (NaN where one failed). The worst sixth, if
    worse than the first, is drawn at the upper edge.
    """
    rmse = trials["validation_rmse"]
    params = trials.drop(columns="validation_rmse")
    best, columns = int(np.nanargmin(rmse)), min(3, params.shape[1])
    rows = -(-params.shape[1] // columns)
    top = max(rmse.quantile(5 / 6), np.nan_to_num(rmse[0]), 1.0001 * rmse[best])
    height = top - rmse[best]
    with style.applied():
        figure, panels = style.panels(_caption(rmse, best), 0.4 + 2.4 * rows, columns, rows)
        for axes, (name, values) in zip(panels, params.items(), strict=False):
            axes.set_ylim(rmse[best] - 0.1 * height, top + 0.05 * height)
            axes.set_xlabel(str(name))
            if name == "trial":
                axes.step(values, rmse.cummin().ffill(), where="post", color=ORANGE, lw=1)
                axes.set_title("best so far")
            else:
                axes.set_xscale("log")
                axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
                axes.xaxis.set_major_formatter("{x:g}")
                axes.xaxis.set_minor_locator(NullLocator())
                axes.set_title(f"best {values[best]:g}" + (f", was {values[0]:g}" if best else ""))
            off = rmse > top
            axes.scatter(values[~off], rmse[~off], s=20, color=GREY, alpha=0.6, linewidths=0)
            edge = np.full(off.sum(), top + 0.05 * height)
            axes.plot(values[off], edge, "^", color=GREY, ms=5, alpha=0.6, clip_on=False)
            axes.plot(values[best], rmse[best], "o", color=ORANGE, ms=7, label="best")
            axes.plot(values[0], rmse[0], "s", mec=BLUE, mfc="none", mew=1.5, ms=11, label="first")
            axes.tick_params(labelleft=axes in panels[::columns])
        for axes in panels[::columns]:
            axes.set_ylabel("validation RMSE, stars")
        for axes in panels[params.shape[1] :]:
            axes.remove()
        marks = panels[0].get_legend_handles_labels()
        figure.legend(*marks, loc="outside upper right", ncols=2, frameon=False)
        style.save(figure, Path(path))


def _caption(rmse: pd.Series, best: int) -> str:
    if best == 0:
        return f"None of {len(rmse)} trials improves on the first, with RMSE {rmse[best]:.4f}"
    text = f"Trial {best + 1} of {len(rmse)} is the best, with RMSE {rmse[best]:.4f}"
    return text if np.isnan(rmse[0]) else f"{text}, {rmse[0] - rmse[best]:.4f} lower than the first"
