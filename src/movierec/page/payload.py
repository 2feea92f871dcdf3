"""What the page knows of a run: its movies, models and facts, for static/recommender.js.

Movies are known by their place: the most rated first, as in items.parquet. The numbers of models
are those of serving/rounded_models.py, so that lists are those of `movierec recommend`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd

from movierec.core.params import Params
from movierec.core.rating_scale import Scale
from movierec.core.reporting import words
from movierec.data.rating_arrays import Array
from movierec.data.titles import display_title
from movierec.model import model_file
from movierec.model.item_regression import Cells, ItemWeights
from movierec.model.model_file import Models
from movierec.page import starters
from movierec.page.packing import Json, Packer
from movierec.recommending import selection
from movierec.serving.folding_in import FactorPart, fold_in
from movierec.serving.genre_part import FADE
from movierec.serving.rounded_models import (
    IMPLICIT_STEP,
    REGRESSION_STEP,
    rating_steps,
    rounded,
)
from movierec.training import implicit_als

MAX_SAMPLES = 10  # of a mean of samples; evenly spaced ones take the place of all
REGRESSED = ("blend", "item_regression")  # rankings that need the item regression

MAP_STEP = 0.001  # of half the width of the map


@dataclass(frozen=True)
class Page:
    """The content of a page. items: of all movies. measured: details.json by stage."""

    params: Params
    models: Models
    items: pd.DataFrame
    measured: Mapping[str, Json]
    packer: Packer = field(default_factory=Packer)

    def data(self) -> str:
        """All of it, packed."""
        return self.packer.text(self.content())

    @property
    def n_movies(self) -> int:
        return min(self.params.page.movies, len(self.items))

    @property
    def scale(self) -> Scale:
        return self.params.data.scale

    @cached_property
    def rounded(self) -> Models:
        return rounded(self.models, self.scale)

    def content(self) -> Json:
        settings, movies = self.params.recommend, self.items.head(self.n_movies)
        vectors = self.vectors()
        return {
            "scale": {**self.scale._asdict(), "step": step_of(self.scale)},
            "about": self.about(),
            "settings": {
                "ranking": settings.ranking,
                "regressionShare": settings.regression_share,
                "ratingWeight": settings.rating_weight,
                "lowerBoundDeviations": settings.lower_bound_deviations,
                "minRatings": settings.min_ratings,
                "fade": FADE,
                **self.scale._asdict(),
            },
            "movies": self.movies(),
            "rating": self.rating(),
            "implicit": self.implicit(),
            "regression": self.regression() if settings.ranking in REGRESSED else None,
            "starters": starters.starters(movies, vectors),
            "examples": starters.examples(movies, self.scale),
            "map": self.packer.rounded(starters.map_of(vectors), MAP_STEP),
        }

    def movies(self) -> Json:
        """What is known of each movie, and of all of them together."""
        movies, index = self.items.head(self.n_movies), self.measured["index"]
        own_genres = [list(dict.fromkeys(own)) for own in movies["genres"]]
        names = list(dict.fromkeys(name for own in own_genres for name in own))
        codes = {name: code for code, name in enumerate(names)}
        weights = selection.genre_weights(self.items["genres"], self.params.recommend.genre_weight)
        return {
            "ids": movies["movie_id"].tolist(),
            "titles": [display_title(title) for title in movies["title"]],
            "years": [None if pd.isna(year) else int(year) for year in movies["year"]],
            "genres": [[codes[name] for name in own] for own in own_genres],
            "genreNames": names,
            "genreWeights": [weights.get(name, 0) for name in names],
            "counts": movies["n_ratings"].tolist(),
            "sameTitle": same_title(movies),
            "nRatings": index["n_ratings"],
            "nUsers": index["n_users"],
        }

    def rating(self) -> Json:
        """The rating model, of which a user without ratings has all but the item factors."""
        model, n = self.rounded.rating, self.n_movies
        nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
        parts = fold_in(model, *nothing, model_file.trained_with(model)).parts
        chosen = np.linspace(0, len(parts) - 1, min(len(parts), MAX_SAMPLES)).astype(int).tolist()
        return {
            "globalMean": model.global_mean,
            "samples": [
                self._sample(part, model.sample(number).user_weights[:n])
                for number in chosen
                if isinstance(part := parts[number], FactorPart)
            ],
        }

    def _sample(self, part: FactorPart, weights: Array) -> Json:
        n, row, mean = self.n_movies, part.row, self.models.rating.global_mean
        exact, (bias_step, factor_step) = self.packer.exact, rating_steps(self.scale)
        return {
            "factors": self.packer.rounded(part.item_factors[:n], factor_step),
            "biases": self.packer.rounded((part.offsets - mean)[:n], bias_step),
            "weights": exact(weights) if len(weights) else None,
            "mean": exact(row.prior_mean[0]),
            "precision": exact(row.prior.precision.ravel()),
            "perRating": exact(row.prior.per_rating),
            "noisePrecision": row.noise_precision,
        }

    def implicit(self) -> Json:
        """The implicit model, and the Gram matrix of all movies, those left out among them."""
        model, index = self.rounded.implicit, self.measured["index"]
        settings = model_file.implicit_trained_with(model)
        factors, gram = model.item_factors[: self.n_movies], implicit_als.gram(model.item_factors)
        return {
            "factors": self.packer.rounded(factors, IMPLICIT_STEP),
            "gram": self.packer.exact(gram[np.tril_indices(len(gram))]),
            "unseenWeight": settings.unseen_weight,
            "factorPrecision": settings.factor_precision,
            "factorPrecisionPerRating": settings.factor_precision_per_rating,
            "usualRatings": index["n_ratings"] / index["n_users"],
            "lowest": settings.lowest_target,
            "dislikedBelow": self.scale.limit(2),
            **self.scale._asdict(),
        }

    def regression(self) -> Json:
        """The weights from each movie of the page to others of it."""
        regression, n = self.rounded.regression, self.n_movies
        settings = model_file.regression_trained_with(regression)
        cells = Cells.from_params(settings, self.scale)
        counts, gaps, weights = weights_between(regression, n)
        pack = self.packer.rounded
        return {
            "takesPart": pack(regression.places[:n] >= 0),
            "counts": pack(counts),
            "gaps": pack(gaps),
            "weights": pack(weights, REGRESSION_STEP),
            "lowCell": cells.low,
            "likedFrom": self.scale.limit(cells.liked_rating),
            "dislikedBelow": self.scale.limit(2),
        }

    def vectors(self) -> Array:
        """selection.vectors of the page's movies."""
        settings, n = self.params.recommend, self.n_movies
        genres = selection.genre_vectors(self.items["genres"], settings.genre_weight)
        sides = self.rounded.implicit.item_factors[:n], self.rounded.rating.item_factors[:n]
        return selection.vectors(*sides, settings.rating_weight, genres[:n])

    def about(self) -> Json:
        """What the page was made from."""
        index, evaluate = self.measured["index"], self.measured["evaluate"]
        ranking, at_n = self.params.recommend.ranking, f"ndcg@{self.params.evaluate.top_n}"
        seconds = (index[f"{end}_timestamp"] for end in ("first", "last"))
        first, last = (None if t is None else datetime.fromtimestamp(t, UTC).year for t in seconds)
        n_samples = self.models.rating.n_samples
        notes = []
        if n_samples > MAX_SAMPLES:
            notes.append(
                f"Ratings are predicted by {MAX_SAMPLES} of the {n_samples} samples of the model."
            )
        return {
            "dataset": self.params.dataset,
            "nRatings": index["n_ratings"],
            "nUsers": index["n_users"],
            "nMovies": index["n_movies"],
            "nMoviesHere": self.n_movies,
            "firstYear": first,
            "lastYear": last,
            "ranking": words(ranking),
            "notes": notes,
            "figures": [
                figure("Test RMSE", evaluate["test"], evaluate["intervals"]["test"], "rmse"),
                figure(
                    f"Test NDCG@{self.params.evaluate.top_n}",
                    evaluate["ranking"][ranking],
                    evaluate["intervals"]["ranking"][ranking],
                    at_n,
                ),
            ],
            "licence": self.params.data.licence,
            "version": model_file.read_value(
                self.models.rating.manifest, model_file.MODEL, str, "train", "versions", "movierec"
            ),
        }


def figure(name: str, values: Json, intervals: Json, key: str) -> Json:
    """A figure with the ends of its 95% interval; None for what there is not."""
    ends = intervals.get(key, {})
    return {
        "name": name,
        "value": values.get(key),
        "low": ends.get("low"),
        "high": ends.get("high"),
    }


def step_of(scale: Scale) -> float:
    """Between the ratings that a person can choose: 1, 2 or 5 times a power of ten, at most ten
    steps on the scale.

    Examples
    --------
    >>> step_of(Scale(1, 5)), step_of(Scale(0, 100))
    (0.5, 10.0)
    """
    width = scale.high - scale.low
    power = 10.0 ** np.floor(np.log10(width / 10))
    return float(next(power * k for k in (1, 2, 5, 10) if width <= power * k * 10 * (1 + 1e-9)))


def same_title(movies: pd.DataFrame) -> list[list[int]]:
    """Groups of places with the same title, of those with a year: Catalogue.others."""
    groups = defaultdict(list)
    for place, (title, year) in enumerate(zip(movies["title"], movies["year"], strict=True)):
        if not pd.isna(year):
            groups[title].append(place)
    return [places for places in groups.values() if len(places) > 1]


def weights_between(regression: ItemWeights, n: int) -> tuple[Array, Array, Array]:
    """The weights from each of the first n movies to others of them, except those that are 0.

    How many each has (n,); then, for one movie after the other, to which movies, each as its
    distance from the one before it, and the weights themselves.
    """
    rows = regression.places[:n]
    places = np.flatnonzero(rows >= 0)
    others, weights = regression.others[rows[places]], regression.weights[rows[places]]
    to = np.append(regression.items, n)[others]  # −1, past the end, is n, which is not here
    kept = (to < n) & (weights != 0)
    counts = np.zeros(n, np.int64)
    counts[places] = kept.sum(axis=1)
    to, firsts = to[kept].astype(np.int64), np.cumsum(counts[counts > 0])[:-1]
    gaps = np.diff(to, prepend=-1)
    gaps[firsts] = to[firsts] + 1
    return counts, gaps, weights[kept]
