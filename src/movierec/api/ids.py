"""Ids of users and items: their places among the known ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from movierec.core.errors import UnknownIdError
from movierec.core.yaml_file import shorten
from movierec.data.rating_arrays import Array


def places(wanted: Any, known: Array, name: str) -> Array:
    """The position of each id among the known ones, −1 if it is not there: (n,) int64."""
    import pandas as pd

    ids = pd.Index(np.atleast_1d(np.asarray(wanted)))
    if known.dtype == object and ids.dtype != object:
        ids = ids.astype(object)
    return np.asarray(pd.Index(known).get_indexer(ids))


def known_places(wanted: Any, known: Array, name: str) -> Array:
    """The position of each id among the known ones; UnknownIdError names the first unknown."""
    found = places(wanted, known, name)
    unknown = np.flatnonzero(found < 0)
    if len(unknown):
        first = np.atleast_1d(np.asarray(wanted))[unknown[0] : unknown[0] + 1].tolist()[0]
        more = f", and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
        raise UnknownIdError(
            f"{name} {shorten(first)} was not in the ratings that the model was fitted on{more}"
        )
    return found
