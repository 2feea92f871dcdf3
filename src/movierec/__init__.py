"""Recommendation models for MovieLens ratings: a reproducible pipeline, and its models from Python.

Names are imported when they are first used, so that `import movierec` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from movierec.estimators import ALS, Blend, GibbsMF, ImplicitALS, ItemKNN, Popularity
    from movierec.evaluating import evaluate
    from movierec.rating_table import RatingTable
    from movierec.splitting import Split, split

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
    "evaluate",
    "split",
]
_ESTIMATORS = ("ALS", "Blend", "GibbsMF", "ImplicitALS", "ItemKNN", "Popularity")
_MODULES = dict.fromkeys(_ESTIMATORS, "estimators") | {
    "RatingTable": "rating_table",
    "Split": "splitting",
    "split": "splitting",
    "evaluate": "evaluating",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'movierec' has no attribute {name!r}")
    return getattr(import_module(f"movierec.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
