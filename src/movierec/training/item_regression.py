"""Fit the item regression: on train to measure it on validation, then on both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from movierec.core.params import Params
from movierec.core.paths import SPLIT
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, stack_rows
from movierec.data.stored_ratings import StoredRatings
from movierec.engine.blocks import work_by_cost
from movierec.engine.local import Engine
from movierec.metrics import ranking_protocol
from movierec.metrics.measures import Ranking
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import item_regression, top_n_lists
from movierec.model.biased_mf import no_factors
from movierec.model.item_regression import Cells, ItemWeights, RegressionScores
from movierec.model.top_n_lists import RegressedModel
from movierec.training.implicit_als import MAX_USERS, TOP_N

VALIDATION = SPLIT / "validation.parquet"


@dataclass(frozen=True)
class FittedRegression:
    """validation: the quality of the fit on train, if there are validation ratings."""

    regression: ItemWeights
    validation: Ranking | None
    refit: bool


def fit_and_refit(engine: Engine, params: Params) -> FittedRegression:
    """Fit to the ratings of the split. All work is done in this process, a block at a time."""
    settings, has_validation = params.item_regression, bool(parquet_tables.n_rows(VALIDATION))
    validation = None
    if has_validation:
        regression = _fit(engine, params, False)
        validation = evaluate(regression, engine, params)
    if settings.refit or not has_validation:
        regression = _fit(engine, params, settings.refit)
    return FittedRegression(regression, validation, settings.refit and has_validation)


def _fit(engine: Engine, params: Params, with_validation: bool) -> ItemWeights:
    """Fit the regression to train, or to train and validation."""
    settings, counts = params.item_regression, _counts(with_validation)
    by_user = StoredRatings.train("user", with_validation)
    blocks = (by_user.read(*block) for block in _blocks(engine, by_user))
    cells = Cells.from_params(settings, params.data.scale)
    with _matrix(engine, item_regression.size_of_matrix(counts, settings.max_items)) as matrix:
        return item_regression.fit(blocks, counts, cells, settings, matrix)


@contextmanager
def _matrix(engine: Engine, size: int) -> Iterator[Array]:
    """Yield zeros (size, size), in a scratch file if they are over half of the memory limit."""
    limit, dtype = engine.params.memory_limit, np.dtype(np.float32)
    if not size or limit is None or 2 * dtype.itemsize * size**2 <= limit:
        yield np.zeros((size, size), dtype)
        return
    with engine.scratch("item_regression") as folder:
        yield np.memmap(folder / "matrix", dtype, "w+", shape=(size, size)).view(np.ndarray)


def evaluate(regression: ItemWeights, engine: Engine, params: Params) -> Ranking:
    """Its quality on validation, as that of the implicit model: all that was rated is relevant."""
    known, held_out = StoredRatings.known(False), parquet_tables.read_ratings(VALIDATION)
    users = ranking_protocol.sample_users(
        np.unique(held_out.user_index), MAX_USERS, params.seed, "implicit/users"
    )
    seen = stack_rows([_take(known, users, *block) for block in _blocks(engine, known)])
    n_users = len(known.counts())
    evaluator = RankingEvaluator.from_sample(users, seen, held_out, _counts(False), n_users)
    cells = Cells.from_params(params.item_regression, params.data.scale)
    by = RegressedModel(
        no_factors(len(users), regression.n_items),
        RegressionScores.of_ratings(regression, seen, cells),
    )
    return evaluator.quality(top_n_lists.top_n(by, seen, TOP_N)[0], -np.inf)


def _take(ratings: StoredRatings, users: Array, first: int, stop: int) -> Csr:
    """The ratings of those of the users who are among first … stop − 1."""
    here = users[(users >= first) & (users < stop)]
    return ratings.read(first, stop).take(here - first)


def _counts(with_validation: bool) -> Array:
    """The number of ratings of each movie."""
    return StoredRatings.train("item", with_validation).counts()


def _blocks(engine: Engine, by_user: StoredRatings) -> list[tuple[int, int]]:
    return work_by_cost(engine, by_user.counts())
