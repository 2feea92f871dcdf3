"""The data: its ratings, users, movies and genres."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from movierec.plotting import style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, COUNTS, ORANGE, SHARES


def ratings(caption: str, results: Results) -> Figure:
    figure, panels = style.panels(caption, 3.0, 2, width_ratios=[1, 1])
    by_stars, by_year = panels
    rows = results.plots["ratings"]
    step = rows["rating"].diff().min() if len(rows) > 1 else 1.0
    by_stars.bar(rows["rating"], rows["n_ratings"], width=0.8 * step, color=BLUE)
    if len(rows) <= 10:
        by_stars.set_xticks(rows["rating"], [f"{rating:g}" for rating in rows["rating"]])
    by_stars.set_xlabel("rating, stars")
    rows = results.plots["years"]
    by_year.bar(rows["year"], rows["n_ratings"], width=0.8, color=BLUE)
    by_year.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(rows) <= 5:
        by_year.set_xticks(rows["year"])
    by_year.set_xlabel("year of the rating")
    for axes in panels:
        axes.set_ylabel("number of ratings")
        axes.yaxis.set_major_formatter(COUNTS)
    if rows.empty:
        by_year.set(yticks=[], ylabel="", xlabel="the ratings have no times")
    return figure


def activity(caption: str, results: Results) -> Figure:
    figure, (axes,) = style.panels(caption, 3.8)
    sides = results.plots["activity"].groupby("side", sort=False)
    for (side, rows), colour in zip(sides, (BLUE, ORANGE), strict=False):
        axes.plot(rows["n_ratings"], rows["share"], color=colour, lw=2, label=side)
        tail = rows.dropna()
        if len(tail) > 1:
            n_ratings, power_law = np.log(
                tail[["n_ratings", "power_law"]].iloc[[0, -1]].to_numpy().T
            )
            slope = np.diff(power_law)[0] / np.diff(n_ratings)[0]
            name = f"power law, top 10% of {side}: $n^{{{slope:.1f}}}$"
            axes.plot(tail["n_ratings"], tail["power_law"], "--", color=colour, lw=1, label=name)
    axes.set(xscale="log", yscale="log")
    for axis, formatter in ((axes.xaxis, COUNTS), (axes.yaxis, SHARES)):
        axis.set_major_formatter(formatter)
        axis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="number of ratings n", ylabel="share with at least n ratings")
    for text in axes.legend(loc="lower left").get_texts():
        text.set_parse_math(True)
    return figure


def most_rated(caption: str, results: Results) -> Figure:
    figure, panels = style.panels(caption, 3.6, 2)
    movies, genres = results.plots["most_rated"], results.plots["genre_ratings"]
    genres = genres.head(len(movies) + 6)
    style.bars(panels[0], style.shortened(movies["title"], 32), movies["n_ratings"])
    style.bars(panels[1], genres["genre"], genres["n_ratings"])
    for axes, title in zip(panels, ("most rated movies", "genres"), strict=True):
        axes.set(title=title, xlabel="number of ratings")
        axes.xaxis.set_major_formatter(COUNTS)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    if genres.empty:
        panels[1].remove()
    return figure
