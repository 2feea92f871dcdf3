"""Collect the inputs of evaluate from all ratings, block by block on the workers of an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from movierec.core import array_files
from movierec.data import tree_sums
from movierec.data.parquet_tables import ROW_GROUP, n_rows, read_columns
from movierec.data.rating_arrays import (
    Array,
    Csr,
    Ratings,
    count_index,
    indptr_from_counts,
    stack_rows,
)
from movierec.data.stored_ratings import COLUMNS, StoredRatings
from movierec.data.tree_sums import CHUNK, PartialSums
from movierec.engine.blocks import cut_by_cost, cut_evenly, work_by_cost, work_evenly
from movierec.engine.local import Engine
from movierec.evaluation import item_knn
from movierec.evaluation.evaluate import ModelOutputs
from movierec.evaluation.rating_errors import MODEL, ErrorMeter, RatingErrors
from movierec.metrics import measures, ranking_protocol
from movierec.metrics.measures import Errors
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import baselines, model_file, top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.prediction_intervals import PredictionIntervals
from movierec.model.top_n_lists import Ranked
from movierec.recommending import rankers
from movierec.recommending.batch import Ranker

SAMPLED = 512  # users for whom a worker computes lists at a time
TESTED = 1 << 20  # test ratings that are measured at a time, at about 300 bytes each
SHARED = 1 << 24  # size of the largest table of shared users that a worker keeps in memory


@dataclass(frozen=True)
class RatingFiles:
    """The files of ratings for evaluation.

    known: all ratings but test, by user and by item. fitted: those that the model was trained on,
    by user and by item. By user, they include the given ratings of held-out users, from which the
    model solved their rows. trained: without these.
    """

    known: tuple[StoredRatings, StoredRatings]
    fitted: tuple[StoredRatings, StoredRatings]
    trained: StoredRatings
    test: Path

    @classmethod
    def from_split(cls, test: Path, refit: bool) -> RatingFiles:
        """Use the split in data/split. refit: whether the model was trained on validation too."""
        known, fitted = (
            (StoredRatings.known(both), StoredRatings.train("item", both)) for both in (True, refit)
        )
        return cls(known, fitted, StoredRatings.train("user", refit), test.absolute())


@dataclass(frozen=True)
class UserStatistics:
    """Statistics of a block of users.

    errors: sums over their n_train training ratings. row_sums: the sum of each user's ratings that
    the model was trained on. known, fitted: as in RatingFiles, for the sampled users of the block.
    rated_sets: a file of item_knn.rated_sets.
    """

    errors: PartialSums
    n_train: int
    row_sums: Array
    known: Csr
    fitted: Csr
    rated_sets: Path


@dataclass(frozen=True)
class StoredRowSums:
    """Ratings on disk, with the row sums that baselines need. plain: the row sums, if known."""

    engine: Engine
    rated: StoredRatings
    counts: Array
    plain: Array | None = None

    def row_sums(self, mean: float = 0.0, biases: Array | None = None) -> Array:
        if self.plain is not None and mean == 0 and biases is None:
            return self.plain
        blocks = zip(*work_by_cost(self.engine, self.counts, CHUNK), strict=True)
        sums = self.engine.map(partial(self.rated.row_sums, mean, biases), *blocks)
        return np.concatenate(list(sums))


def collect(
    engine: Engine,
    files: RatingFiles,
    ranker: Ranker,
    intervals: PredictionIntervals,
    items: pd.DataFrame,
    scratch: Path,
) -> tuple[ModelOutputs, Errors]:
    """Measure the errors of the model and the baselines, and make their lists; errors on train.

    ranker: from batch.with_terms. intervals: of the rating model. items: items.parquet. scratch: a
    folder that all workers share.
    """
    params, scale = ranker.params.evaluate, ranker.params.data.scale
    known, fitted = ([rated.counts() for rated in pair] for pair in (files.known, files.fitted))
    n_users = len(known[0])
    n_test, distinct = _scan(files.test, n_users)
    users = ranking_protocol.sample_users(
        np.flatnonzero(n_test), params.ranking_users, ranker.params.seed, "evaluate/users"
    )
    read = partial(_read_users, files, ranker, users, scratch)
    blocks = list(engine.map(read, *zip(*work_by_cost(engine, known[0], CHUNK), strict=True)))
    train_errors = Errors.from_sums(
        tree_sums.add_up([block.errors for block in blocks]), sum(block.n_train for block in blocks)
    )
    predictors, popularity = _fit_baselines(engine, files, fitted, blocks, params.baseline_damping)
    meter = ErrorMeter.of(scale, intervals, items, fitted, distinct)
    measure = partial(_measure_block, meter, ranker.model, files.test, indptr_from_counts(n_test))
    test_blocks = cut_by_cost(n_test, min(TESTED, engine.params.block_ratings))
    of_blocks = [
        {name: model.of_users(slice(*block)) for name, model in predictors.items()}
        for block in test_blocks
    ]
    firsts, stops = zip(*test_blocks, strict=True)
    measured = engine.map(partial(measure, users), of_blocks, firsts, stops)
    errors, held_out = zip(*measured, strict=True)
    columns = zip(*(vars(ratings).values() for ratings in held_out), strict=True)
    of_sample = Ratings(*map(np.concatenate, columns))
    evaluator = RankingEvaluator.from_sample(
        users,
        stack_rows([block.known for block in blocks]),
        of_sample,
        known[1],
        n_users,
    )
    neighbours = _find_neighbours(engine, [block.rated_sets for block in blocks], scratch)
    plain = {"popularity": popularity, "damped_biases": predictors["damped_biases"]}
    seen = stack_rows([block.fitted for block in blocks])
    lists = _make_lists(engine, ranker, plain, neighbours, evaluator, seen)
    return ModelOutputs(RatingErrors.join(errors), meter, evaluator, lists), train_errors


def _scan(test: Path, n_users: int) -> tuple[Array, Array]:
    """The number of test ratings of each user, and the distinct ratings, ascending."""
    n_test, distinct = np.zeros(n_users, np.int64), np.zeros(0, np.float32)
    for first, stop in cut_evenly(n_rows(test), ROW_GROUP):
        user_index, rating = read_columns(test, ["user_index", "rating"], first, stop)
        n_test += count_index(user_index, n_users)
        distinct = np.union1d(distinct, rating)
    return n_test, distinct


def _read_users(
    files: RatingFiles, ranker: Ranker, sample: Array, scratch: Path, first: int, stop: int
) -> UserStatistics:
    """Compute the statistics of users first … stop − 1. sample: users who get lists."""
    known = files.known[0]
    train = known.alone.read(first, stop)
    model = model_file.map_model(ranker.model).of_users(slice(first, stop))
    times = known.read_times(first, stop) if len(model.days) else None
    errors = measures.errors_by_row(model, train, ranker.params.data.scale, times)
    both, fitted, trained = _join(train, (known, files.fitted[0], files.trained), first, stop)
    sampled = sample[(sample >= first) & (sample < stop)] - first
    return UserStatistics(
        errors=tree_sums.partial_sums(first, errors),
        n_train=len(train.values),
        row_sums=fitted.row_sums(),
        known=both.take(sampled),
        fitted=fitted.take(sampled),
        rated_sets=_save(
            scratch / f"rated-sets-{first}", item_knn.rated_sets(trained, model.n_items)
        ),
    )


def _join(train: Csr, kinds: Sequence[StoredRatings], first: int, stop: int) -> list[Csr]:
    """Add held-out parts to the training ratings of users, once for kinds with the same parts."""
    joined: dict[tuple[Path, ...], Csr] = {}
    for kind in kinds:
        if kind.parts not in joined:
            joined[kind.parts] = kind.join(train, first, stop)
    return [joined[kind.parts] for kind in kinds]


def _fit_baselines(
    engine: Engine,
    files: RatingFiles,
    counts: list[Array],
    blocks: list[UserStatistics],
    damping: float,
) -> tuple[dict[str, Model], Model]:
    """The baselines that predict ratings, by name, and popularity. counts: by user, by item."""
    row_sums = np.concatenate([block.row_sums for block in blocks])
    by_user = StoredRowSums(engine, files.fitted[0], counts[0], row_sums)
    by_item = StoredRowSums(engine, files.fitted[1], counts[1])
    predictors = baselines.predictors(by_user, by_item, damping)
    return predictors, baselines.popularity(by_user, by_item)


def _find_neighbours(engine: Engine, rated_sets: list[Path], scratch: Path) -> Path:
    """Write the nearest neighbours of all items and their cosines; returns the file."""
    counts = np.sum([np.diff(array_files.load(path)["of_items"]) for path in rated_sets], axis=0)
    blocks = zip(*work_by_cost(engine, item_knn.costs(counts), 1, SHARED), strict=True)
    results = engine.map(partial(_nearest, rated_sets, counts), *blocks)
    neighbours, cosines = (np.concatenate(column) for column in zip(*results, strict=True))
    return _save(scratch / "neighbours", {"neighbours": neighbours, "cosines": cosines})


def _save(path: Path, arrays: Mapping[str, Array]) -> Path:
    """Write a scratch file; two workers may write the same one at the same time."""
    return array_files.save(path, arrays, {}, shared=True)


def _nearest(rated_sets: list[Path], counts: Array, first: int, stop: int) -> tuple[Array, Array]:
    return item_knn.nearest([array_files.load(path) for path in rated_sets], counts, first, stop)


def _measure_block(
    meter: ErrorMeter,
    model_path: Path,
    test: Path,
    indptr: Array,
    sample: Array,
    predictors: Mapping[str, Model],
    first: int,
    stop: int,
) -> tuple[RatingErrors, Ratings]:
    """The errors on the test ratings of the users first … stop − 1, and those of sampled users.

    indptr: of the test ratings by user. predictors: the baselines' models of these users.
    """
    ratings = Ratings(*read_columns(test, COLUMNS, int(indptr[first]), int(indptr[stop])))
    model = model_file.map_model(model_path).of_users(slice(first, stop))
    of_block = replace(ratings, user_index=ratings.user_index - np.int32(first))
    predicted = {
        name: measures.predict(each, of_block)
        for name, each in {**predictors, MODEL: model}.items()
    }
    errors = meter.measure(ratings, predicted, first, stop - first)
    return errors, ratings.take(np.isin(ratings.user_index, sample))


def _make_lists(
    engine: Engine,
    ranker: Ranker,
    plain: Mapping[str, Model],
    neighbours: Path,
    evaluator: RankingEvaluator,
    fitted: Csr,
) -> dict[str, Array]:
    """The lists of the evaluator's users by each of RANKINGS, by the baselines, and by item_knn.

    As in the export, RANKINGS exclude movies with fewer than recommend.min_ratings ratings;
    baselines exclude none. plain: the baselines. fitted: the users' ratings that the model was
    trained on.
    """
    eligible = evaluator.counts >= ranker.params.recommend.min_ratings
    blocks = [slice(*block) for block in work_evenly(engine, len(evaluator.users), SAMPLED)]
    users = [evaluator.users[block] for block in blocks]
    arguments = (
        users,
        [evaluator.seen.rows(block) for block in blocks],
        [fitted.rows(block) for block in blocks],
        [
            {name: model.of_users(block_users) for name, model in plain.items()}
            for block_users in users
        ],
    )
    make = partial(_make_lists_of_block, ranker, neighbours, eligible)
    results = list(engine.map(make, *arguments))
    return {name: np.concatenate([lists[name] for lists in results]) for name in results[0]}


def _make_lists_of_block(
    ranker: Ranker,
    neighbours: Path,
    eligible: Array,
    users: Array,
    seen: Csr,
    fitted: Csr,
    plain: Mapping[str, Model],
) -> dict[str, Array]:
    n = ranker.params.evaluate.top_n
    others: dict[str, Ranked] = {
        **plain,
        "item_knn": item_knn.scorer(fitted, **array_files.load(neighbours)),
    }
    lists = {
        name: top_n_lists.top_n(
            ranker.ranking(name, users, lambda: fitted, lambda: seen), seen, n, eligible
        )[0]
        for name in rankers.RANKINGS
    }
    return lists | {name: top_n_lists.top_n(by, seen, n)[0] for name, by in others.items()}
