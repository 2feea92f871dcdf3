"""Split ratings into train, validation and test, as the pipeline's split stage does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from movierec.api import arguments
from movierec.api.input_types import RatingsLike
from movierec.api.rating_table import RatingTable
from movierec.core.params import SplitParams, validated
from movierec.prepare import split as protocols

EVERY_RATING = {"given_fraction": 0.8, "positive_rating": None}  # params without an argument
EVERY_RATING |= {"min_user_ratings": 1, "min_movie_ratings": 1}
NEED_TIME = ("last_per_user", "point_in_time")


class Split(NamedTuple):
    """The three tables that `split` returns: train, validation and test.

    They share their ids, so a model fitted on `train` knows all users and items.

    Attributes
    ----------
    train : RatingTable
        Ratings to fit on.
    validation : RatingTable
        Ratings for early stopping or for choosing params.
    test : RatingTable
        Ratings to evaluate on.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1] * 5 + [2] * 5, ["Alien", "Fargo", "Heat", "Scream", "Up"] * 2
    >>> train, validation, test = mr.split((users, movies, [5, 4, 3, 2, 1, 1, 2, 3, 4, 5]))
    >>> test.to_pandas()[["user_id", "item_id", "rating"]]
       user_id item_id  rating
    0        1  Scream     2.0
    1        2   Fargo     2.0
    """

    train: RatingTable
    validation: RatingTable
    test: RatingTable


def split(
    ratings: RatingsLike,
    protocol: Literal[
        "per_user_random", "per_rating_random", "last_per_user", "point_in_time"
    ] = "per_user_random",
    test_fraction: float = 0.2,
    validation_fraction: float = 0.1,
    random_state: int = 20,
    columns: Mapping[str, str] | None = None,
) -> Split:
    """Hold out ratings for test, and from the rest for validation.

    Parameters
    ----------
    ratings
        A table, a sparse matrix or a tuple of arrays.
    protocol
        `"per_user_random"` holds out a random share of each user's ratings, `"per_rating_random"` a
        random share of all ratings, `"last_per_user"` each user's latest ratings, and
        `"point_in_time"` all ratings from one moment on, as in a forecast. The last two need
        timestamps.
    test_fraction
        The share held out for test, above 0 and below 1.
    validation_fraction
        The share of the rest held out for validation, from 0 to below 1.
    random_state
        Seed of the random numbers.
    columns
        Your names of the columns, such as `{"user_id": "customer"}`.

    Returns
    -------
    Split
        The tables `train`, `validation` and `test`.

    Raises
    ------
    ValueError
        If a rating cannot be used, an argument is out of range, timestamps are missing, or no
        ratings are left for training or for test.

    Examples
    --------
    >>> import movierec as mr
    >>> users, movies = [1] * 5 + [2] * 5, ["Alien", "Fargo", "Heat", "Scream", "Up"] * 2
    >>> ratings = users, movies, [5, 4, 3, 2, 1, 1, 2, 3, 4, 5]
    >>> parts = mr.split(ratings, test_fraction=0.2, validation_fraction=0.25)
    >>> [len(part) for part in parts]
    [6, 2, 2]
    >>> als = mr.ALS(n_factors=1).fit(parts.train, parts.validation)
    """
    params = validated(
        SplitParams,
        protocol=protocol,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        **EVERY_RATING,
    )
    table = RatingTable.read(ratings, columns)
    if protocol in NEED_TIME and not table.ratings.timestamp.any():
        raise ValueError(f"protocol {protocol!r} needs timestamps; the ratings have none")
    parts = protocols.split(table.ratings, len(table.user_ids), params, random_state)
    with arguments.named():
        protocols.check_sizes(params, table.counts("user"), len(parts[0]), len(parts[2]))
    return Split(*(RatingTable(part, table.user_ids, table.item_ids) for part in parts[:3]))
