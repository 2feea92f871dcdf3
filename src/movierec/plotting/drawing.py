"""The pictures of a run, drawn with Matplotlib from its results."""

from matplotlib.figure import Figure

from movierec.plotting import data, errors, factors, recommendations, style, training
from movierec.plotting.registry import PICTURES, Picture
from movierec.plotting.results import Results, explain_errors

MODULES = {
    "data": data,
    "training": training,
    "errors": errors,
    "factors": factors,
    "recommendations": recommendations,
}


def draw_all(results: Results) -> None:
    """Draw and write every picture."""
    for picture in PICTURES:
        style.save(draw(picture, results), picture.path, results.digest)


def draw(picture: Picture, results: Results) -> Figure:
    """Draw a picture below its caption, with the function of its name in its group's module."""
    caption = picture.caption(results)
    if picture.is_empty(results):
        return style.caption_only(caption)
    function = getattr(MODULES[picture.group], picture.name)
    with explain_errors(picture.name), style.applied():
        return function(caption, results)
