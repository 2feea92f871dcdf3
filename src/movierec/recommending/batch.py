"""Top-n lists of many users, computed in blocks by the workers of an engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from movierec.core import array_files
from movierec.core.params import ItemRegressionParams, Params, TrainParams
from movierec.core.paths import IMPLICIT_MODEL, ITEM_REGRESSION, MODEL
from movierec.data.rating_arrays import Array, Csr
from movierec.data.stored_ratings import StoredRatings
from movierec.data.tree_sums import CHUNK
from movierec.engine.blocks import work_by_cost
from movierec.engine.local import Engine
from movierec.model import model_file, top_n_lists
from movierec.model.item_regression import Cells, RegressionScores
from movierec.model.model_file import Models
from movierec.model.top_n_lists import Ranked, Work
from movierec.recommending import export, rankers, uncertainty
from movierec.recommending.export import UserLists


@dataclass(frozen=True)
class Ranker:
    """Computes rankings from files, so that it can be sent to workers.

    known: all ratings but test, by user. trained_on (by user), trained_with: the ratings and params
    that `model` was trained with. terms:
    files of uncertainty.item_terms for blocks of items; only lower_bound needs them.
    regressed_with: the params of the item regression. model, watched, regression: files of the
    models.
    """

    params: Params
    known: StoredRatings
    trained_on: StoredRatings
    trained_with: TrainParams
    regressed_with: ItemRegressionParams
    terms: tuple[Path, ...] = ()
    model: Path = field(default_factory=MODEL.absolute)
    watched: Path = field(default_factory=IMPLICIT_MODEL.absolute)
    regression: Path = field(default_factory=ITEM_REGRESSION.absolute)

    @classmethod
    def of(cls, params: Params, models: Models) -> Ranker:
        """Of the models of the stages."""
        refit = model_file.train_result(models.rating).refit
        return cls(
            params,
            StoredRatings.known(with_validation=True),
            StoredRatings.known(refit),
            model_file.trained_with(models.rating),
            model_file.regression_trained_with(models.regression),
        )

    def ranking(
        self,
        name: str,
        users: Array | slice,
        trained_on: Callable[[], Csr],
        known: Callable[[], Csr],
    ) -> Ranked:
        """One of rankers.RANKINGS for these users, who are numbered by their position among them.

        trained_on: returns the users' ratings that the rating model was trained on; known: all but
        test. Both are only called for rankings that need them.
        """
        model, watched = (
            model_file.map_model(path).of_users(users) for path in (self.model, self.watched)
        )

        def deviations() -> uncertainty.Deviations:
            terms = [array_files.load(path)["terms"] for path in self.terms]
            return uncertainty.deviations(model, trained_on(), terms, self.trained_with)

        def regression() -> RegressionScores:
            cells = Cells.from_params(self.regressed_with, self.params.data.scale)
            fitted = model_file.map_regression(self.regression)
            return RegressionScores.of_ratings(fitted, known(), cells)

        return rankers.ranking(name, watched, model, self.params, regression, deviations)

    def write_terms(self, by_item: StoredRatings, folder: Path, first: int, stop: int) -> Path:
        """Write uncertainty.item_terms of the items first … stop − 1; returns the path."""
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
    ) -> tuple[UserLists, Work]:
        """The lists of the users first … stop − 1, and the work that they took."""
        settings, data = self.params.recommend, self.params.data
        by = self.ranking(
            settings.ranking,
            slice(first, stop),
            lambda: self.trained_on.read(first, stop),
            lambda: self.known.read(first, stop),
        )
        work, rated = Work(), seen.read(first, stop)
        lists, scores = top_n_lists.top_n(
            by, rated, settings.top_n, eligible, rotate=True, work=work
        )
        model = model_file.map_model(self.model).of_users(slice(first, stop))
        places = np.arange(stop - first)
        predicted = top_n_lists.predicted_ratings(model, places, lists, data.scale)
        return (places + first, lists, scores, predicted), work


def with_terms(engine: Engine, ranker: Ranker, by_item: StoredRatings, folder: Path) -> Ranker:
    """Add the item terms that lower_bound needs to a ranker.

    by_item: the ratings that the model was trained on. folder: for files, shared by all workers.
    """
    model = model_file.map_model(ranker.model)
    if model.n_samples > 1:
        return ranker
    blocks = work_by_cost(engine, by_item.counts() + (model.n_factors + 1) ** 2, CHUNK)
    write = partial(ranker.write_terms, by_item, folder)
    return replace(ranker, terms=tuple(engine.map(write, *zip(*blocks, strict=True))))


def recommend_all(
    engine: Engine, ranker: Ranker, seen: StoredRatings, eligible: Array, work: Work
) -> Iterator[UserLists]:
    """Yield the lists of all users, in blocks that fill one row group of the export each.

    eligible (n_items,) bool: movies that may be recommended. work: adds up what the lists take.
    """
    counts = seen.counts()
    groups = [
        [(first + a, first + b) for a, b in work_by_cost(engine, counts[first:stop], 1)]
        for first, stop in export.blocks_of_users(len(counts), ranker.params.recommend.top_n)
    ]
    recommend = partial(ranker.recommend_block, seen, eligible)
    results = engine.map(recommend, *zip(*itertools.chain(*groups), strict=True))
    for group in groups:
        blocks, taken = zip(*itertools.islice(results, len(group)), strict=True)
        for one in taken:
            work.add(one)
        users, lists, scores, predicted = map(np.concatenate, zip(*blocks, strict=True))
        yield users, lists, scores, predicted
