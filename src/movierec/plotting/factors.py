"""What the factors say of the movies."""

import numpy as np
from matplotlib.figure import Figure

from movierec.plotting import style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, GREY, LIGHT_BLUE, ORANGE

ON_THE_MAP, IN_GENRES = 45, 20  # names of movies at most


def factors(title: str, results: Results) -> Figure:
    """The map, with as many names as fit, of the most rated first."""
    rows = results.plots["factors"]
    if rows.empty:
        return style.sentence(title)
    figure, panels = style.panels(title, 5.8)
    (axes,) = panels
    places = rows[["x", "y"]].to_numpy()
    axes.scatter(places[:, 0], places[:, 1], s=10, color=LIGHT_BLUE, linewidths=0)
    axes.margins(x=0.12)
    axes.set_xlabel("first principal component of the item factors")
    axes.set_ylabel("second principal component")
    ends = [places[:, 0].argmin(), places[:, 0].argmax()]  # which the title names
    order = np.array([*ends, *np.setdiff1d(np.arange(len(rows)), ends)])
    names = [style.shortened(title, 34) for title in rows["title"].iloc[order]]
    style.label(axes, places[order], names, ON_THE_MAP, [], fontsize=8)
    return figure


def polarising(title: str, results: Results) -> Figure:
    rows = results.plots["polarising"]
    if rows.empty:
        return style.sentence(title)
    figure, panels = style.panels(title, 3.8, 2, sharex=True)
    half = len(rows) // 2
    halves = {"they divide people": rows.head(half), "people agree": rows.tail(half)}
    for axes, (heading, part) in zip(panels, halves.items(), strict=True):
        names = [style.shortened(name, 28) for name in part["title"]]
        style.bars(axes, names, part["deviation"])
        axes.set_title(heading)
        axes.set_xlabel("± stars by taste")
        ends = zip(part["deviation"], part["n_ratings"], strict=True)
        for place, (deviation, n) in enumerate(ends):
            axes.text(deviation, place, f" {n:,} ratings", va="center", fontsize=8)
    panels[0].margins(x=0.6)
    return figure


def genres(title: str, results: Results) -> Figure:
    """Genres by name; below them the movies of the two that the line is drawn between."""
    rows, movies = results.plots["genres"], results.plots["genre_movies"]
    if rows.empty:
        return style.sentence(title)
    figure, (means, below) = style.panels(title, 6.8, 1, 2, height_ratios=[1, 1.3])
    ends = list(movies["genre"].unique())
    colours = dict(zip(ends, (ORANGE, BLUE), strict=True))
    means.scatter(rows["x"], rows["y"], s=30, color=[colours.get(x, GREY) for x in rows["genre"]])
    rows = rows.sort_values("x", key=np.abs, ascending=False)
    movies = movies.sort_values("x", key=np.abs, ascending=False, kind="stable")
    for genre, colour in colours.items():
        part = movies[movies["genre"] == genre]
        below.scatter(part["x"], part["y"], s=14, color=colour, linewidths=0, label=genre)
    means.set_title("genres, at the means of their movies")
    below.set_title(f"movies of {' and '.join(ends)}")
    for axes in (means, below):
        axes.margins(x=0.1, y=0.15)
        axes.set_xlabel(f"← {ends[0]}        along the line between their means        {ends[1]} →")
        axes.set_ylabel("across it")
    below.legend(loc="best")
    style.label(means, rows[["x", "y"]].to_numpy(), rows["genre"], len(rows), [], style.NEAR)
    names = [style.shortened(name, 30) for name in movies["title"]]
    places = movies[["x", "y"]].to_numpy()
    style.label(below, places, names, IN_GENRES, [], fontsize=8)
    return figure


def neighbours(title: str, results: Results) -> Figure:
    """A small table of each favourite: its nearest, and a bar as long as the cosine."""
    rows = results.plots["neighbours"]
    if rows.empty:
        return style.sentence(title)
    favourites = list(rows.groupby("title", sort=False))
    columns = min(3, len(favourites))
    n_rows = -(-len(favourites) // columns)
    figure, panels = style.panels(title, 0.5 + 1.75 * n_rows, columns, n_rows)
    for axes, (favourite, part) in zip(panels, favourites, strict=False):
        axes.barh(range(len(part)), part["similarity"], color=BLUE, alpha=0.2, height=0.85)
        near = zip(part["similar_title"], part["similarity"], strict=True)
        for place, (name, cosine) in enumerate(near):
            axes.text(0.02, place, style.shortened(name, 32), va="center", fontsize=8.5)
            axes.text(1.01, place, f"{cosine:.2f}", va="center", fontsize=8.5)
        axes.set_title(style.shortened(str(favourite), 30), weight="bold", fontsize=9.5)
        axes.set_xlim(0, 1)
        axes.set_ylim(len(part) - 0.5, -0.5)
        axes.set_axis_off()
    for axes in panels[len(favourites) :]:
        axes.remove()
    return figure
