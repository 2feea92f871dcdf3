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
ON_THE_MAP = 400  # movies, the most rated, that the map spreads
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
    """x, y of each movie (n_movies, 2), from −1 to 1: the two directions in which the vectors of
    well-known movies differ most."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float64)
    known = units[:ON_THE_MAP]
    if not len(known) or units.shape[1] < 2:
        return np.zeros((len(units), 2))
    centre = known.mean(axis=0)
    places = (units - centre) @ selection.principal_directions(known - centre, 2).T
    places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    return np.asarray(places / (np.abs(places).max() or 1))
