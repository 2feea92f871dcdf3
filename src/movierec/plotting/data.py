"""The data: ratings, who gives them, and what they are given to."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from movierec.plotting import style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, ORANGE

FIRST = {"users": "the busiest tenth", "movies": "the most rated tenth"}


def ratings(title: str, results: Results) -> Figure:
    figure, panels = style.panels(title, 3.0, 2, width_ratios=[1, 1])
    histogram, years = panels
    rows = results.plots["ratings"]
    histogram.bar(rows["rating"], rows["n_ratings"], width=0.8 * _step(rows["rating"]), color=BLUE)
    if len(rows) <= 10:
        histogram.set_xticks(rows["rating"], [f"{rating:g}" for rating in rows["rating"]])
    histogram.set_xlabel("given rating, stars")
    rows = results.plots["years"]
    years.bar(rows["year"], rows["n_ratings"], width=0.8, color=BLUE)
    years.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(rows) <= 5:
        years.set_xticks(rows["year"])
    years.set_xlabel("year of the rating")
    for axes in panels:
        axes.set_ylabel("ratings")
        axes.yaxis.set_major_formatter(style.COUNTS)
    return figure


def _step(values: pd.Series) -> float:
    """The least distance of two values."""
    return float(np.diff(values).min()) if len(values) > 1 else 1.0


def activity(title: str, results: Results) -> Figure:
    figure, panels = style.panels(title, 3.8)
    (axes,) = panels
    for (side, rows), colour in zip(
        results.plots["activity"].groupby("side", sort=False), (BLUE, ORANGE), strict=False
    ):
        axes.plot(rows["n_ratings"], rows["share"], color=colour, lw=2, label=side)
        tail = rows.dropna()
        if len(tail) > 1:
            first, last = tail.iloc[0], tail.iloc[-1]
            slope = np.log(last["power_law"] / first["power_law"]) / np.log(
                last["n_ratings"] / first["n_ratings"]
            )
            name = f"power law of {FIRST[str(side)]}, $n^{{{slope:.1f}}}$"
            axes.plot(tail["n_ratings"], tail["power_law"], "--", color=colour, lw=1, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(style.COUNTS)
    axes.yaxis.set_major_formatter(style.SHARES)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("ratings n")
    axes.set_ylabel("share with at least n ratings")
    axes.legend(loc="lower left")
    return figure


def most_rated(title: str, results: Results) -> Figure:
    figure, panels = style.panels(title, 3.6, 2)
    movies, genres = panels
    rows = results.plots["most_rated"]
    style.bars(movies, [style.shortened(title, 32) for title in rows["title"]], rows["n_ratings"])
    movies.set_title("most rated movies")
    rows = results.plots["genre_ratings"].head(len(rows) + 6)
    style.bars(genres, list(rows["genre"]), rows["n_ratings"])
    genres.set_title("genres")
    for axes in panels:
        axes.set_xlabel("ratings")
        axes.xaxis.set_major_formatter(style.COUNTS)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    if rows.empty:
        genres.remove()
    return figure
