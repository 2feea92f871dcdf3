"""Split ratings into train, validation and test, as the pipeline's split stage does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from movierec.api.rating_table import RatingTable
from movierec.core.params import SplitParams, validated
from movierec.prepare import split as protocols

NEED_TIME = ("last_per_user", "point_in_time")


class Split(NamedTuple):
    """Three tables that share their ids, so that a model fitted on train knows all of them."""

    train: RatingTable
    validation: RatingTable
    test: RatingTable


def split(
    ratings: Any,
    protocol: str = "per_user_random",
    test_fraction: float = 0.2,
    validation_fraction: float = 0.1,
    random_state: int = 20,
    columns: Mapping[str, str] | None = None,
) -> Split:
    """Hold out ratings for test, then for validation from the rest.

    Parameters
    ----------
    ratings, columns
        As of `ALS.fit`.
    protocol
        "per_user_random": a random share of each user's ratings; "per_rating_random": each rating
        on its own; "last_per_user": each user's latest; "point_in_time": all from one moment on.
        The last two need timestamps.
    test_fraction, validation_fraction
        The share held out for test; of the rest, the share for validation.
    random_state
        Seed.

    Raises ValueError for a value out of range.

    Examples
    --------
    >>> import movierec as mr
    >>> ratings = ["ann"] * 5 + ["bob"] * 5, [1, 2, 3, 4, 5] * 2, [5, 4, 3, 2, 1] * 2
    >>> [len(part) for part in mr.split(ratings, validation_fraction=0.25)]
    [6, 2, 2]
    """
    params = validated(
        SplitParams,
        protocol=protocol,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
    )
    table = RatingTable.read(ratings, columns)
    if protocol in NEED_TIME and not table.ratings.timestamp.any():
        raise ValueError(f"protocol {protocol!r} needs timestamps; the ratings have none")
    parts = protocols.split(table.ratings, len(table.user_ids), params, random_state)
    return Split(*(RatingTable(part, table.user_ids, table.item_ids) for part in parts))
