"""Three sample users: the movies they rated highest in training, and their recommendations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from movierec.core.paths import RECOMMENDATIONS
from movierec.data import parquet_tables
from movierec.data.titles import display_title
from movierec.serving.catalogue import Catalogue

if TYPE_CHECKING:
    from movierec.data.rating_arrays import Csr

PLACES = (1 / 4, 1 / 2, 3 / 4)  # among users in descending order of their number of ratings
N_LISTED = 10

TitledValues = list[tuple[str, str]]  # titles, and ratings in stars


@dataclass(frozen=True)
class SampleUser:
    """favourites: with the ratings given. recommended: with the ratings predicted."""

    user_id: Any
    n_ratings: int
    favourites: TitledValues
    recommended: TitledValues


def sample_users() -> list[SampleUser]:
    """A user with many ratings, one with a median number and one with few, if there are three."""
    ids, by_user = parquet_tables.read_users()["user_id"], parquet_tables.read_train_by_user()
    sample, movies = choose_users(len(ids)), Catalogue.read()
    lists = read_recommended(ids[sample].tolist())
    return [
        SampleUser(
            ids[user],
            int(by_user.counts[user]),
            favourites(by_user, user, movies),
            lists[ids[user]],
        )
        for user in sample
    ]


def choose_users(n_users: int) -> list[int]:
    """Indices of users, each once."""
    return list(dict.fromkeys(int(place * n_users) for place in PLACES))


def favourites(by_user: Csr, user: int, movies: Catalogue) -> TitledValues:
    """The highest training ratings of a user; of equal ones, those of the most rated movies."""
    row = slice(*by_user.indptr[user : user + 2])
    items, ratings = by_user.indices[row], by_user.values[row]
    best = np.lexsort((items, -ratings))[:N_LISTED]
    return [(movies.display(items[place]), f"{ratings[place]:g}") for place in best]


def read_recommended(user_ids: Sequence[Any]) -> dict[Any, TitledValues]:
    """The first recommendations of each user; empty if no movies were left to recommend."""
    columns = ["user_id", "title", "predicted_rating"]
    filters = [("user_id", "in", user_ids), ("rank", "<=", N_LISTED)]
    lists: dict[Any, TitledValues] = {user_id: [] for user_id in user_ids}
    for row in pq.read_table(RECOMMENDATIONS, columns=columns, filters=filters).to_pylist():
        title, rating = display_title(row["title"]), f"{row['predicted_rating']:.1f}"
        lists[row["user_id"]].append((title, rating))
    return lists
