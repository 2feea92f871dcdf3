"""Select items for one user from scores: the best, or a diverse list.

This module imports neither Numba nor pandas, so that commands for one user start quickly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from movierec.core.array_files import Array

POOL = 10  # a diverse list of n items is chosen from the best POOL · n
MAX_GENRES = 100  # of a data set with more, the most frequent are compared


def best(scores: Array, eligible: Array, n: int) -> Array:
    """The n eligible items with the highest scores, best first; ties: the lower index first.

    Raises ValueError for a negative n, or a mask `eligible` of another shape than the scores.
    """
    if n < 0 or eligible.shape != scores.shape:
        raise ValueError(f"n is {n}, scores {scores.shape}, eligible {eligible.shape}: they misfit")
    candidates = np.flatnonzero(eligible)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:n]]


def diverse(scores: Array, eligible: Array, n: int, item_factors: Array, share: float) -> Array:
    """Choose n items by maximal marginal relevance (MMR) from the best POOL · n.

    Items are chosen one by one. Each has the highest (1 − share) · score − share · (its greatest
    cosine with an item already chosen), where scores are rescaled to 0 … 1 over the pool: Carbonell
    & Goldstein, "The use of MMR, diversity-based reranking" (SIGIR 1998). share 0 is `best`.
    Raises ValueError for a share outside 0 … 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share: should be from 0 to 1, not {share}")
    pool = best(scores, eligible, POOL * n)
    if not len(pool):
        return pool
    low, high = scores[pool[-1]], scores[pool[0]]
    relevance = (scores[pool] - low) / (high - low or 1)
    unit = _unit(item_factors[pool])
    chosen: list[int] = []
    nearest = np.full(len(pool), -1.0)
    for _ in range(min(n, len(pool))):
        value = (1 - share) * relevance - share * nearest
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
        nearest = np.maximum(nearest, unit @ unit[chosen[-1]])
    return pool[chosen]


def vectors(
    of_watching: Array, of_ratings: Array, rating_weight: float, of_genres: Array | None = None
) -> Array:
    """Item vectors whose cosine is the similarity of movies: factors of both models, and genres.

    Side by side: the factors of the implicit model, scaled to length 1; those of the rating model,
    scaled to length rating_weight; and genre_vectors, if there are any. An item without factors
    has the vector 0, whatever its genres are.
    """
    factors = np.hstack((_unit(of_watching), rating_weight * _unit(of_ratings)))
    if of_genres is not None:
        has_factors = factors.any(axis=1, keepdims=True)
        factors = np.hstack((factors, np.where(has_factors, of_genres, 0)))
    return factors.astype(of_watching.dtype)


def genre_vectors(genres: Collection[Iterable[str]], weight: float) -> Array:
    """A vector for each item (n_items, n_genres): the information in each of its genres.

    A genre that n of N items have counts log(N / n): Drama says little about a movie, Animation
    much. Here N counts only items with genres. The root mean square of their vectors' lengths is
    the weight (recommend.genre_weight), so that it means the same on any data set. Items without
    genres have the vector 0. With weight 0 there are no columns.
    """
    if not weight:
        return np.zeros((len(genres), 0))
    names = [dict.fromkeys(own) for own in genres]  # unlike a set, always in the same order
    counts, n_with = _counts(names), sum(map(bool, names))
    column_of = {name: column for column, (name, _) in enumerate(counts)}
    cells = [
        (item, column_of[name])
        for item, own in enumerate(names)
        for name in own
        if name in column_of
    ]
    items, columns = np.array(cells, np.int64).reshape(-1, 2).T
    of_items = np.zeros((len(names), len(counts)))
    of_items[items, columns] = np.log([n_with / count for _, count in counts])[columns]
    length = np.sqrt((of_items**2).sum() / max(n_with, 1))
    return of_items * (weight / (length or 1))


def genre_weights(genres: Collection[Iterable[str]], weight: float) -> dict[str, float]:
    """What each genre counts in genre_vectors, by its name; those without a column count 0."""
    largest = genre_vectors(genres, weight).max(axis=0, initial=0).tolist()
    return dict(zip((name for name, _ in _counts(genres)), largest, strict=False))


def _counts(genres: Collection[Iterable[str]]) -> list[tuple[str, int]]:
    """The most frequent genres, and how many items have each."""
    counts = Counter(name for own in genres for name in dict.fromkeys(own))
    return counts.most_common(MAX_GENRES)


def principal_directions(centred: Array, n: int) -> Array:
    """The first n principal directions (n, n_factors) of rows whose mean is 0.

    The sign of each is arbitrary; here its greatest part is positive, so that the same model gives
    the same map.
    """
    directions = np.linalg.svd(centred, full_matrices=False)[2][:n]
    greatest = np.abs(directions).argmax(axis=1, keepdims=True)
    return directions * np.sign(np.take_along_axis(directions, greatest, axis=1))


def similar(item_factors: Array, item_index: int, n: int, eligible: Array) -> tuple[Array, Array]:
    """The n nearest items of one item by the cosine of the factors, and the cosines.

    top_n_lists.all_similar_items does the same for all items with a Numba kernel. Raises
    IndexError for an item outside item_factors.
    """
    lengths = np.linalg.norm(item_factors, axis=1)
    if not 0 <= item_index < len(lengths):
        raise IndexError(f"item_index: {item_index} is not one of {len(lengths)} items")
    if not lengths[item_index]:
        return np.zeros(0, np.int64), np.zeros(0)
    products = item_factors @ item_factors[item_index]
    cosines = products / np.maximum(lengths * lengths[item_index], 1e-12)
    others = eligible & (np.arange(len(lengths)) != item_index)
    nearest = best(cosines, others, n)
    return nearest, cosines[nearest]


def _unit(factors: Array) -> Array:
    """Rows scaled to length 1; rows of zeros stay unchanged."""
    factors = factors.astype(np.float64)
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    return factors / np.where(lengths > 0, lengths, 1)
