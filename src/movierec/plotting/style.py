"""The one look of all pictures: colours, sizes, and labels that do not cover each other."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from movierec.core.atomic import atomic_file
from movierec.data.rating_arrays import Array

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox
from PIL import Image

# Okabe & Ito's palette, which the colour-blind can tell apart.
BLUE, LIGHT_BLUE, ORANGE, GREY = "#0072B2", "#56B4E9", "#D55E00", "#8C8C8C"
LOOK: Any = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11.5,
    "figure.titleweight": "bold",
    "legend.frameon": False,
    "svg.hashsalt": "movierec",
}
Values = Array | pd.Series
WIDTH, DPI = 8.0, 110  # inches, and dots in one: 880 pixels
TITLE = 82  # characters in a line of the title
COUNTS = FuncFormatter(
    lambda count, _: f"{count / 1e6:g} M" if abs(count) >= 1e6 else f"{count:,.10g}"
)
SHARES = FuncFormatter(lambda share, _: f"{100 * share:.4g} %")


def used() -> Any:
    """The look, within a `with`."""
    return plt.rc_context(LOOK)


def panels(
    title: str, height: float, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A new picture, height inches high, and its panels row by row."""
    size = (WIDTH, height)
    figure, _ = plt.subplots(rows, columns, figsize=size, layout="constrained", **options)
    figure.suptitle(textwrap.fill(title, TITLE), x=0.01, ha="left")
    return figure, figure.axes


def sentence(title: str) -> Figure:
    """Where there is nothing to draw: the title says why."""
    figure, (axes,) = panels(title, 0.8)
    axes.set_axis_off()
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write the same bytes for the same picture; 128 colours are a quarter of the bytes."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    plt.close(figure)
    few = picture.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with atomic_file(path) as partial:
        few.save(partial, format="png", optimize=True)


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip(" ,(:") + "…"


def nothing(axes: Axes) -> None:
    """A panel that nothing can be drawn in."""
    axes.text(0.5, 0.5, "none here", ha="center", transform=axes.transAxes)
    axes.set_xticks([])


def values(rows: pd.DataFrame, column: str) -> tuple[Array, tuple[Array, Array]]:
    """A column, and the ends of its intervals."""
    return rows[column].to_numpy(), (rows["low"].to_numpy(), rows["high"].to_numpy())


def dots(
    axes: Axes, names: Sequence[str], values: Array, ends: tuple[Array, Array] | None, digits: int
) -> None:
    """A dot each and its interval, the value above it; the first stands out, on top."""
    places = range(len(names))
    for place, value in zip(places, values, strict=True):
        colour = GREY if place else BLUE
        if ends is not None:
            axes.plot([ends[0][place], ends[1][place]], [place] * 2, color=colour, lw=2.5)
        axes.plot(value, place, "o", color=colour, ms=5)
        axes.annotate(
            f"{value:.{digits}f}", (value, place), (0, 6), textcoords="offset points", ha="center",
            fontsize=8.5,
        )  # fmt: skip
    _name_rows(axes, names, -0.7)
    axes.margins(x=0.2)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    if np.isnan(values).all():
        nothing(axes)


def pairs(axes: Axes, names: Sequence[str], ours: Values, theirs: Values) -> None:
    """Two dots each, joined by a line: ours blue, theirs grey."""
    places = range(len(names))
    axes.hlines(places, ours, theirs, color=GREY, lw=1)
    axes.plot(theirs, places, "o", color=GREY, ms=5)
    axes.plot(ours, places, "o", color=BLUE, ms=5)
    _name_rows(axes, names)


def bars(axes: Axes, names: Sequence[str], values: Values) -> None:
    """Bars that lie, the first on top, the value at the end of each."""
    axes.barh(range(len(names)), values, color=BLUE, height=0.7)
    _name_rows(axes, names)


def _name_rows(axes: Axes, names: Sequence[str], top: float = -0.5) -> None:
    """A name for each row, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(max(len(names), 1) - 0.5, top)
    axes.tick_params(axis="y", length=0)


# Where a name may stand beside its point: to the right or the left, and how far up or down.
BESIDE = [(3, 3), (-3, 3), (3, -3), (-3, -3)]
NEAR = [(right, sign * up) for up in (3, 9, 15) for sign in (1, -1) for right in (3, -3)]


def label(
    axes: Axes,
    places: Array,
    names: Iterable[str],
    most: int,
    taken: list[Bbox],
    offsets: Sequence[tuple[int, int]] = BESIDE,
    **style: Any,
) -> None:
    """Name points in order, each with a black ring, but those whose name would cover another.

    taken: the boxes of names that are there; the new ones come to them.
    """
    axes.figure.canvas.draw()
    n_before = len(taken)
    for place, name in zip(places, names, strict=True):
        for offset in offsets:
            if _write(axes, place, name, taken, offset, style):
                break
        if len(taken) - n_before == most:
            break


def _write(
    axes: Axes,
    place: Array,
    name: str,
    taken: list[Bbox],
    offset: tuple[int, int],
    style: dict[str, Any],
) -> bool:
    """Write a name beside its point if it is free there."""
    text = axes.annotate(
        name,
        (place[0], place[1]),
        offset,
        textcoords="offset points",
        ha="left" if offset[0] > 0 else "right",
        va="bottom" if offset[1] > 0 else "top",
        **style,
    )
    box = text.get_window_extent().expanded(1.02, 1.1)
    inside = axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)
    if inside and not any(box.overlaps(other) for other in taken):
        taken.append(box)
        axes.plot(*place, "o", ms=5, color="black", zorder=0.9)
        return True
    text.remove()
    return False
