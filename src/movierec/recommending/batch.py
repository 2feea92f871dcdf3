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
    """What lists are ranked by, as a worker finds it: files of the models, and what they say.

    trained_on, trained_with: by user, what `model` was trained on and with. parts: files of
    posterior.of_items, by blocks of items; for lower_bound alone.
    """

    params: Params
    trained_on: StoredRatings
    trained_with: TrainParams
    parts: tuple[Path, ...] = ()
    model: Path = field(default_factory=MODEL.absolute)
    watched: Path = field(default_factory=IMPLICIT_MODEL.absolute)

    def ranking(
        self, name: str, users: Array | slice, trained_on: Callable[[], Csr]
    ) -> Model | Scorer:
        """One of scores.RANKINGS for some users, each known by his place among them.

        trained_on: gives their ratings.
        """
        model, watched = (
            model_file.map_model(path).of_users(users) for path in (self.model, self.watched)
        )
        return rankers.ranking(
            name,
            watched,
            model,
            self.params,
            lambda: uncertainty.deviations(
                model,
                trained_on(),
                [array_files.load(path)["part"] for path in self.parts],
                self.trained_with,
            ),
        )


def with_parts(engine: Engine, ranker: Ranker, by_item: StoredRatings, folder: Path) -> Ranker:
    """The ranker, ready for lower_bound; its parts lie in the folder, which all workers see.

    by_item: what its model was trained on.
    """
    model = model_file.map_model(ranker.model)
    if model.n_samples > 1:
        return ranker
    blocks = bounds(engine, by_item.counts() + (model.n_factors + 1) ** 2)
    write = partial(_write_part, ranker, by_item, folder)
    return replace(ranker, parts=tuple(engine.map(write, *zip(*blocks, strict=True))))


def _write_part(
    ranker: Ranker, by_item: StoredRatings, folder: Path, first: int, stop: int
) -> Path:
    model, ratings = model_file.map_model(ranker.model), by_item.read(first, stop)
    users, theirs = ratings.columns()
    part = uncertainty.of_items(
        theirs, model.user_factors[users], model.item_factors[first:stop], ranker.trained_with
    )
    return array_files.save(folder / f"items-{first}.safetensors", {"part": part}, {}, shared=True)


def exported(
    engine: Engine, ranker: Ranker, seen: StoredRatings, eligible: Array
) -> Iterator[UserLists]:
    """The lists of all users for the export, in blocks that fill a row group each.

    eligible (n_items,): movies that may be recommended.
    """
    counts = seen.counts()
    groups = export.blocks_of_users(len(counts), ranker.params.recommend.top_n)
    parts = [
        [(first + a, first + b) for a, b in bounds(engine, counts[first:stop], 1)]
        for first, stop in groups
    ]
    make = partial(_block_of_lists, ranker, seen, eligible)
    done = engine.map(make, *zip(*itertools.chain(*parts), strict=True))
    for of_group in parts:
        columns = zip(*itertools.islice(done, len(of_group)), strict=True)
        users, lists, found, predicted = (np.concatenate(column) for column in columns)
        yield users, lists, found, predicted


def _block_of_lists(
    ranker: Ranker, seen: StoredRatings, eligible: Array, first: int, stop: int
) -> UserLists:
    """The lists of the users first … stop − 1."""
    settings, data = ranker.params.recommend, ranker.params.data
    by = ranker.ranking(
        settings.ranking, slice(first, stop), lambda: ranker.trained_on.read(first, stop)
    )
    lists, found = top_n_lists.top_n(by, seen.read(first, stop), settings.top_n, eligible)
    model = model_file.map_model(ranker.model).of_users(slice(first, stop))
    scale, places = (data.rating_min, data.rating_max), np.arange(stop - first)
    predicted = top_n_lists.predicted_ratings(model, places, lists, scale)
    return places + first, lists, found, predicted
