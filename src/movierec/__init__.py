"""Recommendation models for MovieLens ratings: a reproducible pipeline, and its models from Python.

Names are imported when they are first used, so that `import movierec` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from movierec.api.blend import Blend as Blend
    from movierec.api.evaluating import evaluate as evaluate
    from movierec.api.item_regression import ItemRegression as ItemRegression
    from movierec.api.pictures import plot_training as plot_training
    from movierec.api.ranking_models import ImplicitALS as ImplicitALS
    from movierec.api.ranking_models import ItemKNN as ItemKNN
    from movierec.api.ranking_models import Popularity as Popularity
    from movierec.api.rating_models import ALS as ALS
    from movierec.api.rating_models import GibbsMF as GibbsMF
    from movierec.api.rating_table import RatingTable as RatingTable
    from movierec.api.splitting import Split as Split
    from movierec.api.splitting import split as split
    from movierec.api.trained_run import TrainedRun as TrainedRun
    from movierec.api.trained_run import load as load
    from movierec.core.errors import MovierecError as MovierecError
    from movierec.core.errors import NotFittedError as NotFittedError
    from movierec.core.errors import UnknownIdError as UnknownIdError

__version__ = "0.1.0"
_MODULES = {
    "ALS": "api.rating_models",
    "Blend": "api.blend",
    "GibbsMF": "api.rating_models",
    "ImplicitALS": "api.ranking_models",
    "ItemKNN": "api.ranking_models",
    "ItemRegression": "api.item_regression",
    "MovierecError": "core.errors",
    "NotFittedError": "core.errors",
    "Popularity": "api.ranking_models",
    "RatingTable": "api.rating_table",
    "Split": "api.splitting",
    "TrainedRun": "api.trained_run",
    "UnknownIdError": "core.errors",
    "evaluate": "api.evaluating",
    "load": "api.trained_run",
    "plot_training": "api.pictures",
    "split": "api.splitting",
}
__all__ = list(_MODULES)

if not TYPE_CHECKING:  # so that type checkers report a name that does not exist

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module 'movierec' has no attribute {name!r}")
        return getattr(import_module(f"movierec.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
