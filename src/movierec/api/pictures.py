"""Pictures of a trained run and of fitted estimators, drawn by the code of the draw stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import Estimator
from movierec.api.input_types import TitlesLike
from movierec.core import extras
from movierec.data.titles import display_title

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from movierec.api.factorisation import Factorisation
    from movierec.plotting.results import Results


def draw(name: str, read: Callable[[], Results]) -> Figure:
    """Draw a picture of plotting/registry.py. read: returns the results; called if it is one."""
    from movierec.plotting import registry

    picture = registry.find(name)
    with extras.explained():
        from movierec.plotting import drawing
    return drawing.draw(picture, read())


def draw_table(name: str, rows: pd.DataFrame) -> Figure:
    """Draw a picture that needs no more than the table of its name."""
    from movierec.plotting.results import Results

    return draw(name, lambda: Results("", {}, {name: rows}, ""))


def plot_training(models: Estimator | Mapping[str, Estimator]) -> Figure:
    """Plot how training went: the errors on train and validation, or NDCG, after each epoch.

    A dot marks the epoch whose model was chosen; the legend has its value. With `refit`, the curves
    are of the epochs before it.

    Parameters
    ----------
    models
        A fitted estimator, or several by name, to compare them.

    Returns
    -------
    Figure
        A Matplotlib figure, which a notebook shows. Elsewhere, call its `savefig`.

    Raises
    ------
    MovierecError
        Without Matplotlib, which the extra `plots` installs.
    TypeError
        If a model is not trained in epochs, such as `Popularity`; of `Blend`, plot the parts.
    ValueError
        If there are no models, or one is not fitted, or is an `ImplicitALS` without validation
        ratings: nothing was measured then.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1, 1, 1, 2, 2, 3], ["Alien", "Heat", "Up", "Alien", "Up", "Heat"]
    >>> ratings = users, movies, [5, 4, 1, 4, 2, 2]
    >>> biases = mr.ALS(model="biases", max_epochs=5).fit(ratings)
    >>> als = mr.ALS(n_factors=1, max_epochs=5).fit(ratings)
    >>> mr.plot_training({"biases": biases, "ALS": als})
    <StyledFigure size 880x374 with 1 Axes>
    """
    from movierec.api.factorisation import Factorisation
    from movierec.plotting.captions import Curves

    curves = {}
    if isinstance(models, Estimator):
        models = {type(models).__name__: models}
    if not models:
        raise ValueError("models: give at least one")
    for name, model in models.items():
        if not isinstance(model, Factorisation):
            raise TypeError(f"models: {name} is {type(model).__name__}, not trained in epochs")
        _ = model.fitted
        curves[name] = Curves.from_epochs(model.epochs_, model.best_epoch_)
        if curves[name].values.empty:
            raise ValueError(f"models: {name} has no measures; fit it with validation ratings")
    with extras.explained():
        from movierec.plotting import training
    return training.curves(curves)


def items_of(model: Factorisation, titles: TitlesLike | None) -> tuple[Any, pd.DataFrame]:
    """The items, the most rated first: their indices, and the table that factor_maps takes."""
    import pandas as pd

    counts, ids = model.fitted.counts("item"), model.item_ids_.tolist()
    by_id = {} if titles is None else dict(titles.items())
    if titles is not None and not any(item in by_id for item in ids):
        raise ValueError(f"titles: none is of an item fitted on, such as {ids[0]!r}")
    order = np.argsort(-counts, kind="stable")
    shown = [display_title(str(by_id.get(ids[place], ids[place]))) for place in order]
    none: list[list[str]] = [[] for _ in shown]
    return order, pd.DataFrame({"title": shown, "genres": none, "n_ratings": counts[order]})
