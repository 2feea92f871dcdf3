"""Pictures of a trained run and of fitted estimators, drawn by the code of the draw stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from movierec.api.estimator import Estimator
from movierec.core.errors import MovierecError
from movierec.data.titles import display_title

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from movierec.api.factorisation import Factorisation
    from movierec.plotting.results import Results


def need_matplotlib() -> None:
    """Raise MovierecError, which says how to install it, if there is no Matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MovierecError("pictures need Matplotlib: pip install movierec[plots]") from None


def draw(name: str, read: Callable[[], Results]) -> Figure:
    """Draw a picture of plotting/registry.py. read: returns the results; called if it is one."""
    from movierec.plotting import registry

    picture = registry.find(name)
    need_matplotlib()
    from movierec.plotting import drawing

    return drawing.draw(picture, read())


def draw_table(name: str, rows: pd.DataFrame) -> Figure:
    """Draw a picture that needs no more than the table of its name."""
    from movierec.plotting.results import Results

    return draw(name, lambda: Results("", {}, {name: rows}, ""))


def plot_training(models: Estimator | Mapping[str, Estimator]) -> Figure:
    """Plot how training went: RMSE on train and validation, or NDCG, after each epoch.

    models: a fitted estimator, or several by name, to compare them. A dot marks the epoch that was
    chosen; the legend has its value. Of a model with `refit`, these are the epochs before the
    refit.

    Returns a Matplotlib Figure, which a notebook shows; elsewhere, call its `savefig`. Needs the
    extra `plots`. Raises TypeError for models that are not trained in epochs, and ValueError for
    those loaded from a file, which has no epochs, and for ImplicitALS fitted without validation.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann", "ann", "bob", "bob", "eve"], [1, 2, 1, 3, 2], [5, 1, 4, 2, 1]
    >>> biases = mr.ALS(model="biases", max_epochs=5).fit(ratings)
    >>> als = mr.ALS(n_factors=1, max_epochs=5).fit(ratings)
    >>> figure = mr.plot_training({"biases": biases, "ALS": als})
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
        if not hasattr(model, "epochs_"):
            raise ValueError(f"models: {name} was loaded from a file, which has no epochs; fit it")
        curves[name] = Curves.from_epochs(model.epochs_, model.best_epoch_)
        if curves[name].values.empty:
            raise ValueError(f"models: {name} has no measures; fit it with validation ratings")
    need_matplotlib()
    from movierec.plotting import training

    return training.curves(curves)


def items_of(model: Factorisation, titles: Mapping[Any, str] | None) -> tuple[Any, pd.DataFrame]:
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
