"""The pictures of a run, drawn with Matplotlib out of its results."""

from matplotlib.figure import Figure

from movierec.plotting import data, errors, factors, recommendations, style, training
from movierec.plotting.registry import PICTURES, Picture
from movierec.plotting.results import Results

MODULES = {
    "data": data,
    "training": training,
    "errors": errors,
    "factors": factors,
    "recommendations": recommendations,
}


def draw(results: Results) -> None:
    """Draw and write every picture."""
    for picture in PICTURES:
        with style.used():
            style.save(drawn(picture, results), picture.path)


def drawn(picture: Picture, results: Results) -> Figure:
    """By the function of its name in the module of its group, under its finding."""
    by = getattr(MODULES[picture.group], picture.name)
    return by(picture.finding(results), results)
