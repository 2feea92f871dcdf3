"""Where to start on the page: movies to rate first, example tastes, and the map of the movies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array
from movierec.recommending import selection

N_STARTERS = 24
WELL_KNOWN = 200  # movies, the most rated, that people are asked about
VARIETY = 0.6  # of the starters, against how well they are known
N_EXAMPLES, N_LIKED = 3, 5  # example tastes, and the movies that each likes


def starters(movies: pd.DataFrame, vectors: Array) -> list[int]:
    """Places of well-known movies that differ, so that ratings of them say much about a taste."""
    counts = movies["n_ratings"].to_numpy()
    known = np.log(np.maximum(counts, 1)).astype(np.float64)
    eligible = (np.arange(len(counts)) < WELL_KNOWN) & (counts > 0)
    return [
        int(place) for place in selection.diverse(known, eligible, N_STARTERS, vectors, VARIETY)
    ]


def examples(movies: pd.DataFrame, scale: Scale) -> list[dict[str, Any]]:
    """Tastes for three genres that share few movies: each likes well-known movies of its genre, and
    dislikes one of another."""
    well_known = movies.head(WELL_KNOWN)
    places = {
        genre: [place for place, own in enumerate(well_known["genres"]) if genre in own]
        for genre in dict.fromkeys(genre for own in well_known["genres"] for genre in own)
    }
    genres = [genre for genre in places if len(places[genre]) > N_LIKED]
    chosen: list[str] = []
    while genres and len(chosen) < N_EXAMPLES:
        taken = {place for genre in chosen for place in places[genre]}

        def own_share(genre: str, taken: set[int] = taken) -> float:
            return len(set(places[genre]) - taken) / len(places[genre])

        best = max(genres, key=lambda genre: (own_share(genre), len(places[genre])))
        chosen.append(best)
        genres.remove(best)
    tastes = []
    for number, genre in enumerate(chosen):
        other = chosen[(number + 1) % len(chosen)]
        liked = [p for p in places[genre] if p not in places[other]][:N_LIKED]
        disliked = [p for p in places[other] if p not in places[genre]][:1]
        ratings = [(p, scale.high) for p in liked] + [(p, scale.low) for p in disliked]
        tastes.append({"name": genre, "ratings": ratings})
    return tastes


def map_of(vectors: Array) -> Array:
    """x, y of each movie (n_movies, 2): the two directions in which the vectors differ most."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    greatest = np.abs(directions).argmax(axis=1, keepdims=True)
    directions *= np.sign(np.take_along_axis(directions, greatest, axis=1))
    return centred @ directions.T
