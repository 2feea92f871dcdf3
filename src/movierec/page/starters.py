"""Where to start on the page: movies to rate first, example tastes, and the map of the movies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from movierec.core.rating_scale import Scale
from movierec.data.rating_arrays import Array
from movierec.data.titles import display_title
from movierec.recommending import selection
from movierec.serving.title_names import without_year

N_STARTERS = 24
WELL_KNOWN = 200  # movies, the most rated, that people are asked about
VARIETY = 0.6  # of the starters, against how well they are known
ON_THE_MAP = 400  # movies, the most rated, that the map spreads
N_EXAMPLES, N_LIKED = 3, 5  # example tastes, and the movies that each likes
FEW_GENRES = 3


def starters(movies: pd.DataFrame, vectors: Array) -> list[int]:
    """Places of well-known movies that differ, so that ratings of them say much about a taste."""
    counts = movies["n_ratings"].to_numpy()
    known = np.log(np.maximum(counts, 1)).astype(np.float64)
    eligible = (np.arange(len(counts)) < WELL_KNOWN) & (counts > 0)
    return [
        int(place) for place in selection.diverse(known, eligible, N_STARTERS, vectors, VARIETY)
    ]


def examples(movies: pd.DataFrame, scale: Scale) -> list[dict[str, Any]]:
    """Tastes for genres that share few movies: each likes well-known movies of its genre, first
    those of few genres, and dislikes one of the next. Movies that it likes give it its name."""
    places: dict[str, list[int]] = {}
    genres = [dict.fromkeys(own) for own in movies["genres"].head(WELL_KNOWN)]
    for place in sorted(range(len(genres)), key=lambda place: len(genres[place]) > FEW_GENRES):
        for genre in genres[place]:
            places.setdefault(genre, []).append(place)
    chosen = _genres_apart({name: set(own) for name, own in places.items() if len(own) > N_LIKED})
    tastes = []
    for genre, other in zip(chosen, [*chosen[1:], *chosen[:1]], strict=True):
        liked = [place for place in places[genre] if genre == other or place not in places[other]]
        disliked = [place for place in places[other] if place not in places[genre]]
        ratings = [(place, scale.high) for place in liked[:N_LIKED]]
        ratings += [(place, scale.low) for place in disliked[:1]]
        first, second = (display_title(without_year(movies["title"][k])) for k in liked[:2])
        name = f"{first}, {second} and more {genre.lower()}"
        tastes.append({"name": name, "ratings": ratings})
    return tastes


def _genres_apart(places: dict[str, set[int]]) -> list[str]:
    """Up to N_EXAMPLES genres, each with the greatest share of movies that those before it lack."""
    chosen: list[str] = []
    while len(chosen) < min(N_EXAMPLES, len(places)):
        taken = set().union(*(places[genre] for genre in chosen))
        shares = {
            genre: (len(own - taken) / len(own), len(own))
            for genre, own in places.items()
            if genre not in chosen
        }
        chosen.append(max(shares, key=lambda genre: shares[genre]))
    return chosen


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
