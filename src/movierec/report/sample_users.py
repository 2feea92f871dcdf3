"""Three users to look at: what they liked best of what was learned from, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from movierec.core.paths import RECOMMENDATIONS
from movierec.data import parquet_tables
from movierec.serving.catalogue import Catalogue

if TYPE_CHECKING:
    from movierec.data.rating_arrays import Csr

PLACES = (1 / 4, 1 / 2, 3 / 4)  # of the users, in falling order of their number of ratings
N_LISTED = 10
COLUMNS = ("user_id", "title", "predicted_rating")


@dataclass(frozen=True)
class Sample:
    """A user: titles of the best rated, and how; titles recommended, and the predicted ratings."""

    user_id: Any
    n_ratings: int
    favourites: Sequence[tuple[str, str]]
    recommended: Sequence[tuple[str, str]]


def sample() -> list[Sample]:
    """A busy user, a middling and a quiet one, or as many as there are."""
    users, by_user, films = (
        parquet_tables.read_users(),
        parquet_tables.read_train_by_user(),
        Catalogue.read(),
    )
    ids = {user: users["user_id"].iloc[user] for user in chosen(len(users))}
    lists = recommended([*ids.values()])
    return [
        Sample(
            user_id,
            int(by_user.counts[user]),
            favourites(by_user, user, films.titles),
            lists[user_id],
        )
        for user, user_id in ids.items()
    ]


def chosen(n_users: int) -> list[int]:
    """Indices of users, each once."""
    return list(dict.fromkeys(int(place * n_users) for place in PLACES))


def favourites(by_user: Csr, user: int, titles: Sequence[str]) -> list[tuple[str, str]]:
    """Of the training ratings the best; of equal ones those of the most rated movies."""
    mine = slice(*by_user.indptr[user : user + 2])
    items, ratings = by_user.indices[mine], by_user.values[mine]
    best = np.lexsort((items, -ratings))[:N_LISTED]
    return [(titles[items[place]], f"{ratings[place]:g}") for place in best]


def recommended(user_ids: Sequence[Any]) -> dict[Any, list[tuple[str, str]]]:
    """The first of each user's list; empty where nothing was left to recommend."""
    wanted = [("user_id", "in", user_ids), ("rank", "<=", N_LISTED)]
    table = pq.read_table(RECOMMENDATIONS, columns=list(COLUMNS), filters=wanted)
    lists: dict[Any, list[tuple[str, str]]] = {user_id: [] for user_id in user_ids}
    for row in table.to_pylist():
        lists[row["user_id"]].append((row["title"], f"{row['predicted_rating']:.1f}"))
    return lists
