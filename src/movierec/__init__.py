"""Recommendation models for MovieLens ratings: a reproducible pipeline, and its models from Python.

Names are imported when they are first used, so that `import movierec` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from movierec.api.blend import Blend
    from movierec.api.evaluating import evaluate
    from movierec.api.pictures import plot_training
    from movierec.api.ranking_models import ImplicitALS, ItemKNN, Popularity
    from movierec.api.rating_models import ALS, GibbsMF
    from movierec.api.rating_table import RatingTable
    from movierec.api.splitting import Split, split
    from movierec.api.trained_run import TrainedRun, load

__version__ = "0.1.0"
__all__ = [
    "ALS",
    "Blend",
    "GibbsMF",
    "ImplicitALS",
    "ItemKNN",
    "Popularity",
    "RatingTable",
    "Split",
    "TrainedRun",
    "evaluate",
    "load",
    "plot_training",
    "split",
]
_MODULES = {
    "ALS": "rating_models",
    "Blend": "blend",
    "GibbsMF": "rating_models",
    "ImplicitALS": "ranking_models",
    "ItemKNN": "ranking_models",
    "Popularity": "ranking_models",
    "RatingTable": "rating_table",
    "Split": "splitting",
    "TrainedRun": "trained_run",
    "evaluate": "evaluating",
    "load": "trained_run",
    "plot_training": "pictures",
    "split": "splitting",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'movierec' has no attribute {name!r}")
    return getattr(import_module(f"movierec.api.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
