"""What evaluate asks of all ratings, in passes over their blocks by the workers of an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from movierec.core import array_files
from movierec.data import tree_sums
from movierec.data.parquet_tables import read_columns
from movierec.data.rating_arrays import Array, Csr, Ratings, stack_rows
from movierec.data.tree_sums import PartialSums
from movierec.engine.local import Engine
from movierec.evaluation import calibration, item_knn
from movierec.evaluation.evaluate import Found
from movierec.metrics import measures, ranking_protocol
from movierec.metrics.measures import Errors
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import baselines, model_file, top_n_lists
from movierec.model.biased_mf import Model
from movierec.model.top_n_lists import Scorer
from movierec.recommending import rankers
from movierec.recommending.batch import Ranker
from movierec.recommending.rating_blocks import COLUMNS, StoredRatings, bounds, ranges

SAMPLED = 512  # users whom a worker makes lists for at a time
SHARED = 1 << 24  # numbers at most, of how many users items share, that a worker holds


@dataclass(frozen=True)
class EvaluationData:
    """What is read. known: all that is not test; fitted: what the model was fitted on. Each by user
    and by item; test: a file."""

    known: tuple[StoredRatings, StoredRatings]
    fitted: tuple[StoredRatings, StoredRatings]
    test: Path

    @classmethod
    def of(cls, test: Path, refit: bool) -> EvaluationData:
        known, fitted = (
            (StoredRatings.train("user", both), StoredRatings.train("item", both))
            for both in (True, refit)
        )
        return cls(known, fitted, test.absolute())


@dataclass(frozen=True)
class OfUsers:
    """What a pass over users finds.

    errors: sums on the n_train ratings of train. row_sums: of each user's ratings that the model
    was fitted on. known, fitted: what the users in the sample have of each. part: a file of
    neighbours.counted.
    """

    errors: PartialSums
    n_train: int
    row_sums: Array
    known: Csr
    fitted: Csr
    part: Path


@dataclass(frozen=True)
class Summed:
    """Ratings by rows on disk, as baselines ask for them. plain: their sums, where known."""

    engine: Engine
    rated: StoredRatings
    counts: Array
    plain: Array | None = None

    def row_sums(self, mean: float = 0.0, biases: Array | None = None) -> Array:
        if self.plain is not None and mean == 0 and biases is None:
            return self.plain
        blocks = zip(*bounds(self.engine, self.counts), strict=True)
        return np.concatenate(
            list(self.engine.map(partial(_row_sums, self.rated, mean, biases), *blocks))
        )


def _row_sums(
    rated: StoredRatings, mean: float, biases: Array | None, first: int, stop: int
) -> Array:
    return rated.read(first, stop).row_sums(mean, biases)


def found(
    engine: Engine, data: EvaluationData, ranker: Ranker, expected: float | None, folder: Path
) -> tuple[Found, Errors]:
    """What there is to judge, and the errors on train.

    ranker: with its parts. expected: as of calibration.deviation_of_ratings; of the errors on train
    if None. folder: scratch.
    """
    params = ranker.params
    known, counts = ([rated.counts() for rated in each] for each in (data.known, data.fitted))
    n_users, n_items = map(len, counts)
    most = params.evaluate.ranking_users
    users = ranking_protocol.sample_users(n_users, most, params.seed, "evaluate/users")
    blocks = zip(*bounds(engine, known[0]), strict=True)
    parts = list(engine.map(partial(_of_users, data, ranker, users, n_items, folder), *blocks))
    train = Errors.of_sums(
        tree_sums.add_up([part.errors for part in parts]), sum(part.n_train for part in parts)
    )
    by_user, by_item = (
        Summed(engine, rated, of) for rated, of in zip(data.fitted, counts, strict=True)
    )
    by_user = replace(by_user, plain=np.concatenate([part.row_sums for part in parts]))
    others = baselines.predictors(by_user, by_item, params.evaluate.baseline_damping)
    test = Ratings(*read_columns(data.test, COLUMNS))
    judge = RankingEvaluator.of_sample(
        users, stack_rows([part.known for part in parts]), test, known[1], n_users
    )
    plain = {
        "popularity": baselines.popularity(by_user, by_item),
        "damped_biases": others["damped_biases"],
    }
    near = _nearest(engine, [part.part for part in parts], folder)
    fitted = stack_rows([part.fitted for part in parts])
    lists = _judged(engine, ranker, plain, near, judge, fitted)
    by_model, deviations = _over_test(
        engine, ranker.model, data.test, train.rmse if expected is None else expected
    )
    predicted = {name: measures.predict(each, test) for name, each in others.items()}
    predicted["test"] = by_model
    return Found(test, predicted, deviations, (counts[0], counts[1]), judge, lists), train


def _of_users(
    data: EvaluationData,
    ranker: Ranker,
    users: Array,
    n_items: int,
    folder: Path,
    first: int,
    stop: int,
) -> OfUsers:
    """users: the sample."""
    known, scale = data.known[0], ranker.params.data
    train = known.alone.read(first, stop)
    model = model_file.map_model(ranker.model).of_users(slice(first, stop))
    errors = measures.errors_by_row(model, train, (scale.rating_min, scale.rating_max))
    both = known.join(train, first, stop)
    fitted = both if data.fitted[0].more else train
    theirs = users[(users >= first) & (users < stop)] - first
    part = item_knn.counted(fitted, n_items)
    return OfUsers(
        errors=tree_sums.partial_sums(first, errors),
        n_train=len(train.values),
        row_sums=fitted.row_sums(),
        known=both.take(theirs),
        fitted=fitted.take(theirs),
        part=array_files.save(folder / f"counted-{first}.safetensors", part, {}, shared=True),
    )


def _nearest(engine: Engine, parts: list[Path], folder: Path) -> Path:
    """A file of the nearest neighbours of all items. parts: of all users."""
    counts = np.sum([np.diff(array_files.load(path)["of_items"]) for path in parts], axis=0)
    blocks = zip(*bounds(engine, item_knn.costs(counts), 1, SHARED), strict=True)
    found = engine.map(partial(_nearest_of, parts, counts), *blocks)
    near, cosines = (np.concatenate(part) for part in zip(*found, strict=True))
    return array_files.save(
        folder / "nearest.safetensors", {"neighbours": near, "cosines": cosines}, {}, shared=True
    )


def _nearest_of(parts: list[Path], counts: Array, first: int, stop: int) -> tuple[Array, Array]:
    return item_knn.nearest([array_files.load(path) for path in parts], counts, first, stop)


def _over_test(engine: Engine, model: Path, test: Path, expected: float) -> tuple[Array, Array]:
    """What the model predicts of each test rating, and how far from it that is expected to lie."""
    n = pq.read_metadata(test).num_rows
    blocks = zip(*ranges(engine, n, engine.params.block_ratings), strict=True)
    parts = engine.map(partial(_of_test, model, test, expected), *blocks)
    predicted, deviations = (np.concatenate(part) for part in zip(*parts, strict=True))
    return predicted, deviations


def _of_test(path: Path, test: Path, expected: float, first: int, stop: int) -> tuple[Array, Array]:
    ratings = Ratings(*read_columns(test, COLUMNS, first, stop))
    least, most = ratings.user_index.min(initial=0), ratings.user_index.max(initial=0)
    model = model_file.map_model(path).of_users(slice(least, most + 1))
    ratings = replace(ratings, user_index=ratings.user_index - least)
    deviations = calibration.deviation_of_ratings(model, ratings, expected)
    return measures.predict(model, ratings), deviations


def _judged(
    engine: Engine,
    ranker: Ranker,
    baselines: Mapping[str, Model],
    near: Path,
    judge: RankingEvaluator,
    fitted: Csr,
) -> dict[str, Array]:
    """The lists of the judge's users by all of RANKINGS, by the baselines, and by item_knn.

    As in the export, RANKINGS recommend no movie with fewer ratings than recommend.min_ratings;
    baselines leave out none. near: a file of neighbours.nearest. fitted: what its users have of
    the ratings that the model was fitted on.
    """
    eligible = judge.counts >= ranker.params.recommend.min_ratings
    blocks = [slice(*block) for block in ranges(engine, len(judge.users), SAMPLED)]
    parts = list(
        engine.map(
            partial(_lists_of, ranker, near, eligible),
            [judge.users[some] for some in blocks],
            [judge.seen.rows(some) for some in blocks],
            [fitted.rows(some) for some in blocks],
            [
                {name: each.of_users(judge.users[some]) for name, each in baselines.items()}
                for some in blocks
            ],
        )
    )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _lists_of(
    ranker: Ranker,
    near: Path,
    eligible: Array,
    users: Array,
    seen: Csr,
    fitted: Csr,
    baselines: Mapping[str, Model],
) -> dict[str, Array]:
    n = ranker.params.evaluate.top_n
    plain: dict[str, Model | Scorer] = {
        **baselines,
        "item_knn": item_knn.scorer(fitted, **array_files.load(near)),
    }
    lists = {
        name: top_n_lists.top_n(ranker.ranking(name, users, lambda: fitted), seen, n, eligible)[0]
        for name in rankers.RANKINGS
    }
    return lists | {name: top_n_lists.top_n(by, seen, n)[0] for name, by in plain.items()}
