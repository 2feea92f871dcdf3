"""Top-n lists of many users, a block at a time, made by the workers of an engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from movierec.core import array_files
from movierec.core.params import Params, TrainParams
from movierec.core.paths import IMPLICIT_MODEL, MODEL
from movierec.data.rating_arrays import Array, Csr
from movierec.engine.local import Engine
from movierec.model import model_file, top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import Scorer
from movierec.recommending import export, rankers, uncertainty
from movierec.recommending.export import UserLists
from movierec.recommending.rating_blocks import StoredRatings, bounds


@dataclass(frozen=True)
class Ranker:
    """What lists are ranked by, as paths that a worker opens.

    trained_on (by user), trained_with: ratings and params of `model`. terms: files of
    uncertainty.item_terms, by blocks of items; needed for lower_bound only.
    """

    params: Params
    trained_on: StoredRatings
    trained_with: TrainParams
    terms: tuple[Path, ...] = ()
    model: Path = field(default_factory=MODEL.absolute)
    watched: Path = field(default_factory=IMPLICIT_MODEL.absolute)

    def ranking(
        self, name: str, users: Array | slice, trained_on: Callable[[], Csr]
    ) -> Model | Scorer:
        """One of rankers.RANKINGS for some users, who are numbered by their place among them.

        trained_on: returns their ratings; called for lower_bound only.
        """
        model, watched = (
            model_file.map_model(path).of_users(users) for path in (self.model, self.watched)
        )

        def deviations() -> uncertainty.Deviations:
            terms = [array_files.load(path)["terms"] for path in self.terms]
            return uncertainty.deviations(model, trained_on(), terms, self.trained_with)

        return rankers.ranking(name, watched, model, self.params, deviations)

    def write_terms(self, by_item: StoredRatings, folder: Path, first: int, stop: int) -> Path:
        """Write the item_terms of the items first … stop − 1."""
        model, ratings = model_file.map_model(self.model), by_item.read(first, stop)
        users, columns = ratings.columns()
        terms = uncertainty.item_terms(
            columns, model.user_factors[users], model.item_factors[first:stop], self.trained_with
        )
        return array_files.save(
            folder / f"items-{first}.safetensors", {"terms": terms}, {}, shared=True
        )

    def recommend_block(
        self, seen: StoredRatings, eligible: Array, first: int, stop: int
    ) -> UserLists:
        """The lists of the users first … stop − 1."""
        settings, data = self.params.recommend, self.params.data
        by = self.ranking(
            settings.ranking, slice(first, stop), lambda: self.trained_on.read(first, stop)
        )
        lists, scores = top_n_lists.top_n(by, seen.read(first, stop), settings.top_n, eligible)
        model = model_file.map_model(self.model).of_users(slice(first, stop))
        scale, places = (data.rating_min, data.rating_max), np.arange(stop - first)
        predicted = top_n_lists.predicted_ratings(model, places, lists, scale)
        return places + first, lists, scores, predicted


def with_terms(engine: Engine, ranker: Ranker, by_item: StoredRatings, folder: Path) -> Ranker:
    """The ranker, ready for lower_bound; its files are in the folder, which all workers see.

    by_item: what its model was trained on.
    """
    model = model_file.map_model(ranker.model)
    if model.n_samples > 1:
        return ranker
    blocks = bounds(engine, by_item.counts() + (model.n_factors + 1) ** 2)
    write = partial(ranker.write_terms, by_item, folder)
    return replace(ranker, terms=tuple(engine.map(write, *zip(*blocks, strict=True))))


def recommend_all(
    engine: Engine, ranker: Ranker, seen: StoredRatings, eligible: Array
) -> Iterator[UserLists]:
    """The lists of all users for the export, in blocks that fill a row group each.

    eligible (n_items,): movies that may be recommended.
    """
    counts = seen.counts()
    groups = [
        [(first + a, first + b) for a, b in bounds(engine, counts[first:stop], 1)]
        for first, stop in export.blocks_of_users(len(counts), ranker.params.recommend.top_n)
    ]
    recommend = partial(ranker.recommend_block, seen, eligible)
    results = engine.map(recommend, *zip(*itertools.chain(*groups), strict=True))
    for group in groups:
        columns = zip(*itertools.islice(results, len(group)), strict=True)
        users, lists, scores, predicted = (np.concatenate(column) for column in columns)
        yield users, lists, scores, predicted
