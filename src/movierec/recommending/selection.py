"""Lists for one user out of any scores: the best items, or a diverse choice of them.

This module loads neither Numba nor pandas, so that the commands for one user start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from movierec.core.array_files import Array

POOL = 10  # a diverse list of n is chosen among the best POOL · n


def best(scores: Array, eligible: Array, n: int) -> Array:
    """The n eligible items of the highest score, best first; of equal ones the lower index."""
    candidates = np.flatnonzero(eligible)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:n]]


def diverse(scores: Array, eligible: Array, n: int, item_factors: Array, share: float) -> Array:
    """n items chosen one by one by maximal marginal relevance, among the best POOL · n.

    Each has the highest (1 − share) · score − share · greatest cosine with one already chosen, the
    score going from 0 to 1 over those to choose among: Carbonell & Goldstein, "The use of MMR,
    diversity-based reranking" (SIGIR 1998). share 0 is `best`.
    """
    pool = best(scores, eligible, POOL * n)
    if not len(pool):
        return pool
    low, high = scores[pool[-1]], scores[pool[0]]
    relevance = (scores[pool] - low) / max(high - low, 1e-12)
    unit = _unit(item_factors[pool])
    chosen: list[int] = []
    nearest = np.full(len(pool), -1.0)
    for _ in range(min(n, len(pool))):
        value = (1 - share) * relevance - share * nearest
        value[chosen] = -np.inf
        chosen.append(int(np.argmax(value)))
        nearest = np.maximum(nearest, unit @ unit[chosen[-1]])
    return pool[chosen]


def vectors(of_watching: Array, of_ratings: Array, rating_weight: float) -> Array:
    """Vectors that measure the similarity of items: those of the implicit model and of the model of
    ratings, each at length 1, side by side, the latter times recommend.rating_weight.

    Their cosine is a weighted mean of both models' cosines.
    """
    sides = (_unit(of_watching), rating_weight * _unit(of_ratings))
    return np.hstack(sides).astype(of_watching.dtype)


def similar(item_factors: Array, item_index: int, n: int, eligible: Array) -> tuple[Array, Array]:
    """The n nearest items by the cosine of the factors, best first, and the cosines.

    For one item; top_n_lists.all_similar_items does it for all, by a Numba kernel.
    """
    lengths = np.linalg.norm(item_factors, axis=1)
    if not lengths[item_index]:
        return np.zeros(0, np.int64), np.zeros(0)
    products = item_factors @ item_factors[item_index]
    cosines = products / np.maximum(lengths * lengths[item_index], 1e-12)
    others = eligible & (np.arange(len(lengths)) != item_index)
    nearest = best(cosines, others, n)
    return nearest, cosines[nearest]


def _unit(factors: Array) -> Array:
    """Each row at length 1; a row of zeros stays one."""
    factors = factors.astype(np.float64)
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    return factors / np.where(lengths > 0, lengths, 1)
