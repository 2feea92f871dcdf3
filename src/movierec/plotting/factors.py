"""Maps of the item factors, and tables made from them."""

import numpy as np
from matplotlib.figure import Figure

from movierec.plotting import style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, GREY, LIGHT_BLUE, ORANGE

MAX_NAMES, MAX_NAMES_OF_GENRES = 45, 20  # of movies


def factors(caption: str, results: Results) -> Figure:
    """The map, with as many names as fit, of the most rated first."""
    rows = results.plots["factors"]
    figure, (axes,) = style.panels(caption, 5.8)
    axes.scatter(rows["x"], rows["y"], s=10, color=LIGHT_BLUE, linewidths=0)
    axes.margins(x=0.12)
    axes.set_xlabel("first principal component of the item factors")
    axes.set_ylabel("second principal component")
    ends = [rows["x"].idxmin(), rows["x"].idxmax()]  # which the caption names
    rows = rows.loc[[*ends, *rows.index.drop(ends)]]
    style.label(axes, rows, style.shortened(rows["title"], 34), MAX_NAMES, fontsize=8)
    return figure


def polarising(caption: str, results: Results) -> Figure:
    rows = results.plots["polarising"]
    figure, panels = style.panels(caption, 3.8, 2, sharex=True)
    half = len(rows) // 2
    halves = {"opinions differ most": rows.head(half), "opinions differ least": rows.tail(half)}
    for axes, (title, part) in zip(panels, halves.items(), strict=True):
        style.bars(axes, style.shortened(part["title"], 28), part["deviation"])
        axes.set(title=title, xlabel="deviation, stars")
        ends = zip(part["deviation"], part["n_ratings"], strict=True)
        for place, (deviation, n_ratings) in enumerate(ends):
            axes.text(deviation, place, f" {n_ratings:,} ratings", va="center", fontsize=8)
    panels[0].margins(x=0.6)
    return figure


def genres(caption: str, results: Results) -> Figure:
    """Genres by name; below them the movies of the two genres at the ends of the line."""
    genres, movies = (
        results.plots[table].sort_values("x", key=np.abs, ascending=False, kind="stable")
        for table in ("genres", "genre_movies")
    )
    figure, (means, below) = style.panels(caption, 6.8, 1, 2, height_ratios=[1, 1.3])
    ends = list(results.plots["genre_movies"]["genre"].unique())
    colours = dict(zip(ends, (ORANGE, BLUE), strict=True))
    low, high = style.shortened(ends, 30)
    by_genre = results.plots["genres"]
    colour = by_genre["genre"].map(colours).fillna(GREY)
    means.scatter(by_genre["x"], by_genre["y"], s=30, color=colour)
    for genre, colour in colours.items():
        part = movies[movies["genre"] == genre]
        below.scatter(part["x"], part["y"], s=14, color=colour, linewidths=0)
    means.set_title("genres, at the mean of their movies")
    below.set_title(f"{low} and {high} movies")
    for axes in (means, below):
        axes.margins(x=0.1, y=0.15)
        axes.set_xlabel(f"← {low}        along the line between their means        {high} →")
        axes.set_ylabel("orthogonal direction")
    below.legend([low, high], loc="best")
    labels = style.shortened(genres["genre"], 30)
    style.label(means, genres, labels, len(genres), style.NEAR)
    names = style.shortened(movies["title"], 30)
    style.label(below, movies, names, MAX_NAMES_OF_GENRES, fontsize=8)
    return figure


def neighbours(caption: str, results: Results) -> Figure:
    """For each popular movie a small table of the most similar ones, with bars for the cosines."""
    favourites = results.plots["neighbours"].groupby("title", sort=False)
    columns = min(3, len(favourites))
    n_rows = -(-len(favourites) // columns)
    figure, panels = style.panels(caption, 0.5 + 1.75 * n_rows, columns, n_rows)
    for axes, (favourite, rows) in zip(panels, favourites, strict=False):
        axes.barh(range(len(rows)), rows["similarity"], color=BLUE, alpha=0.2, height=0.85)
        names = style.shortened(rows["similar_title"], 32)
        for place, (name, cosine) in enumerate(zip(names, rows["similarity"], strict=True)):
            axes.text(0.02, place, name, va="center", fontsize=8.5)
            axes.text(1.01, place, f"{cosine:.2f}", va="center", fontsize=8.5)
        (title,) = style.shortened([str(favourite)], 30)
        axes.set_title(title, weight="bold", fontsize=9.5)
        axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
        axes.set_axis_off()
    for axes in panels[len(favourites) :]:
        axes.remove()
    return figure
