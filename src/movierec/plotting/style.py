"""The style of all pictures: colours, sizes, and labels that do not cover each other."""

import io
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox
from PIL import Image

from movierec.core.reporting import words
from movierec.plotting import picture_files

# Okabe & Ito's palette, which people with colour blindness can tell apart.
BLUE, LIGHT_BLUE, ORANGE, GREY = "#0072B2", "#56B4E9", "#D55E00", "#8C8C8C"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", LIGHT_BLUE, GREY)  # of lines, in this order
STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11.5,
    "figure.titleweight": "bold",
    "legend.frameon": False,
    "text.parse_math": False,  # a title may have dollar signs
}
WIDTH, DPI = 8.0, 110  # inches, and dots in one: 880 pixels
MAX_CAPTION, MAX_NAME = 82, 36  # characters in a line, and of a row's name
COUNTS = FuncFormatter(
    lambda count, _: f"{count / 1e6:g} M" if abs(count) >= 1e6 else f"{count:,.10g}"
)
SHARES = FuncFormatter(lambda share, _: f"{100 * share:.4g}%")


@contextmanager
def applied() -> Iterator[None]:
    """Use this style, whatever the user's own settings, and draw a box for a character that the
    font lacks, without a warning."""
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+|Matplotlib currently does not support")
        yield


class StyledFigure(Figure):
    """A figure that always has this style, and that a notebook shows as the pipeline saves it.

    pyplot does not know it, so it is shown once, and pyplot's settings stay as they are.
    """

    def draw(self, renderer: RendererBase) -> None:
        with applied():
            if layout := self.get_layout_engine():
                layout.execute(self)  # draw does it, too: the numbers of an axis vary with its size
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        _rendered(self).save(content, format="png", optimize=True)
        return content.getvalue()


def panels(
    caption: str, height: float, columns: int = 1, rows: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A new picture, height inches high, and its panels row by row."""
    figure = StyledFigure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    figure.subplots(rows, columns, **options)
    figure.suptitle(textwrap.fill(caption, MAX_CAPTION), x=0.01, ha="left")
    return figure, figure.axes


def caption_only(caption: str) -> Figure:
    """A picture without panels: the caption says why there is nothing to draw."""
    figure, (axes,) = panels(caption, 0.8)
    axes.set_axis_off()
    return figure


def save(figure: Figure, path: Path, drawn_from: str = "") -> None:
    """Write the same bytes for the same picture.

    drawn_from: the digest of the results, which the file records.
    """
    picture_files.write(path, _rendered(figure), drawn_from)


def _rendered(figure: Figure) -> Image.Image:
    """The pixels in 128 colours, which are a quarter of the bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return picture.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def shortened(texts: Iterable[str], width: int) -> list[str]:
    return [
        text if len(text) <= width else text[: width - 1].rstrip(" ,(:") + "…" for text in texts
    ]


def empty_panel(axes: Axes) -> None:
    """Write "no data" into a panel."""
    axes.text(0.5, 0.5, "no data", ha="center", transform=axes.transAxes)
    axes.set_xticks([])


def diagonal(axes: Axes, low: float, high: float) -> None:
    """A dotted line from (low, low) to (high, high)."""
    axes.plot([low, high], [low, high], ":", color=GREY)


def dots(
    axes: Axes,
    names: Iterable[str],
    rows: pd.DataFrame,
    column: str,
    digits: int,
    intervals: bool = True,
) -> None:
    """A dot for each row, its value above it and its interval (low, high); the first stands out."""
    for place, (value, low, high) in enumerate(rows[[column, "low", "high"]].to_numpy()):
        colour = GREY if place else BLUE
        if intervals:
            axes.plot([low, high], [place, place], color=colour, lw=2.5)
        axes.plot(value, place, "o", color=colour, ms=5)
        axes.annotate(
            f"{value:.{digits}f}", (value, place), (0, 6), textcoords="offset points", ha="center",
            fontsize=8.5,
        )  # fmt: skip
    _name_rows(axes, map(words, names), -0.7)
    axes.margins(x=0.2)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    if rows[column].isna().all():
        empty_panel(axes)


def pairs(axes: Axes, names: Iterable[str], values: pd.Series, baseline: pd.Series) -> None:
    """Two dots for each name, joined by a line: the values blue, the baseline grey."""
    places = range(len(values))
    axes.hlines(places, values, baseline, color=GREY, lw=1)
    axes.plot(baseline, places, "o", color=GREY, ms=5)
    axes.plot(values, places, "o", color=BLUE, ms=5)
    _name_rows(axes, names)


def bars(axes: Axes, names: Iterable[str], values: pd.Series) -> None:
    """Horizontal bars, the first on top."""
    axes.barh(range(len(values)), values, color=BLUE, height=0.7)
    _name_rows(axes, names)


def _name_rows(axes: Axes, names: Iterable[str], top: float = -0.5) -> None:
    """Name the rows, the first on top."""
    labels = shortened(names, MAX_NAME)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(max(len(labels), 1) - 0.5, top)
    axes.tick_params(axis="y", length=0)


# Where a name may be placed next to its point: to the right or the left, and how far up or down.
BESIDE = [(3, 3), (-3, 3), (3, -3), (-3, -3)]
NEAR = [(right, sign * up) for up in (3, 9, 15) for sign in (1, -1) for right in (3, -3)]


def label(
    axes: Axes,
    points: pd.DataFrame,
    names: Iterable[str],
    max_names: int,
    offsets: Sequence[tuple[int, int]] = BESIDE,
    **text_style: Any,
) -> None:
    """Name points (columns x, y) in order, each with a black dot, up to max_names of them.

    A point whose name would cover another one, or leave the panel, at all offsets has none.
    """
    axes.figure.canvas.draw()
    taken: list[Bbox] = []
    for point, name in zip(points[["x", "y"]].to_numpy(), names, strict=True):
        for offset in offsets:
            text = axes.annotate(
                name,
                tuple(point),
                offset,
                textcoords="offset points",
                ha="left" if offset[0] > 0 else "right",
                va="bottom" if offset[1] > 0 else "top",
                **text_style,
            )
            box = text.get_window_extent().expanded(1.02, 1.1)
            inside = axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)
            if inside and not box.count_overlaps(taken):
                taken.append(box)
                axes.plot(*point, "o", ms=5, color="black", zorder=0.9)
                break
            text.remove()
        if len(taken) == max_names:
            break
