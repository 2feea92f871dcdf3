"""Training data in blocks, for ratings or rows that do not fit in one process.

Both sides are divided into blocks of rows. The worker that solves for a block reads its ratings
from the split's Parquet files, and caches them while there is room. Rows are stored in one file per
block and half epoch, in a folder that all workers share and that is also the checkpoint. Workers
send rows to each other; rows that are lost are read again.

Each worker is sent all rows of the other side. If these exceed engine.broadcast_limit, it is sent
only the rows that the ratings of its blocks refer to.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self, cast

import numpy as np

from movierec.core import atomic
from movierec.data import parquet_tables, tree_sums
from movierec.data.parquet_tables import GIVEN
from movierec.data.rating_arrays import Array, Csr, Ratings, stack_rows
from movierec.engine.local import Engine, Handle
from movierec.metrics.ranking_protocol import RankingEvaluator, sample_users
from movierec.model import biased_mf
from movierec.model.biased_mf import Model
from movierec.model.features import FeatureMatrix, Features
from movierec.model.implicit_targets import Targets
from movierec.model.solver import Prior
from movierec.training.blocks import block_tasks, factor_files
from movierec.training.blocks.block_ratings import BlockSource, clear_cache
from movierec.training.blocks.blocked_features import BlockedFeatures
from movierec.training.blocks.factor_files import BlockedModel
from movierec.training.blocks.scheduler import BlockScheduler, Sent
from movierec.training.in_memory import genre_features
from movierec.training.row_ops import OTHER_SIDE, Change, Draw, Measure
from movierec.training.training_data import SIDES, SampleMean, Start, Subset, TrainingData

Means = tuple[Array | None, int, list[Handle]]
HELD_OUT = ("validation", *GIVEN)  # parts that are not grouped by row yet


class BlockedData(TrainingData[BlockedModel]):
    """Training data in blocks.

    engine: runs the tasks. source: where ratings and rows are stored.
    """

    model_type = BlockedModel

    def __init__(self, engine: Engine, source: BlockSource) -> None:
        sizes = {name: parquet_tables.n_rows(source.split / f"{name}.parquet") for name in HELD_OUT}
        trained = [name for name in HELD_OUT[:2] if source.refit and sizes[name]]
        given = tuple(name for name in GIVEN if sizes[name] and name not in trained)
        is_held_out = bool(source.tables)
        if not is_held_out:
            source = replace(source, tables=("train", *trained))
        judges = not source.refit and sizes["validation"] > 0 and (is_held_out or not given)
        self.source = source = replace(source, has_validation=judges)
        for name in {*source.tables, *["validation"] * judges} - {"train"}:
            if not source.ratings(name, "user")[1].exists():
                group_part(source, name)
        self._n_validation = sizes["validation"] if judges else 0
        self.engine, self.scheduler = engine, BlockScheduler(engine, source)
        self._features = self._make_features()
        # By side: the weights of the latest feature means, and these means' number and handles.
        self._means: dict[str, Means] = dict.fromkeys(SIDES, (None, 0, []))
        self._held_out: BlockedData | None = None
        if given and not is_held_out:
            self._held_out = type(self)(engine, replace(source, tables=given))

    @property
    def held_out(self) -> "BlockedData | None":
        return self._held_out

    def with_targets(self, targets: Targets) -> Self:
        return type(self)(self.engine, replace(self.source, targets=targets, tables=()))

    @property
    def validation(self) -> Ratings | None:
        path = self.source.split / "validation.parquet"
        return parquet_tables.read_ratings(path) if self.n_validation else None

    @property
    def n_validation(self) -> int:
        return self._n_validation

    @property
    def mean_rating(self) -> float:
        sums = self.scheduler.run("user", block_tasks.rating_sums, reads_ratings=True)
        return float(tree_sums.add_up(sums) / self.n_ratings)

    def counts(self, side: str) -> Array:
        return self.scheduler.counts[side]

    def features(self, side: str) -> FeatureMatrix | None:
        return self._features.get(side)

    def _make_features(self) -> dict[str, FeatureMatrix]:
        if self.source.model == "svdpp":
            return {side: BlockedFeatures(self.scheduler, side) for side in SIDES}
        if self.source.model == "genre_mf":
            return {"item": genre_features(parquet_tables.read_genres(self.source.index))}
        return {}

    def _features_by_row(self, side: str) -> list[Csr | None]:
        """The features of each block's rows, None if they are the ratings."""
        features, blocks = self.features(side), self.scheduler.blocks[side]
        if not isinstance(features, Features):
            return [None] * len(blocks)
        return [features.by_row.rows(slice(block.first, block.stop)) for block in blocks]

    def _feature_means(self, model: BlockedModel, side: str) -> list[Handle | None]:
        """The rows of X W of each block, None without features; made once for the same weights."""
        scheduler, features = self.scheduler, self.features(side)
        if features is None:
            return [None] * len(scheduler.blocks[side])
        weights, (latest, number, handles) = model.weights(side), self._means[side]
        if latest is not weights:
            sent: Sequence[Sent] = [(None, weights)] * len(scheduler.blocks[side])
            if isinstance(features, BlockedFeatures):
                parts = scheduler.divide(OTHER_SIDE[side], weights)
                sent = scheduler.send(side, parts, weights[:1].nbytes)
            by_row = self._features_by_row(side)
            by_block = [[csr, *more] for csr, more in zip(by_row, sent, strict=True)]
            how = block_tasks.write_feature_means, number + 1
            scheduler.run(side, *how, reads_ratings=True, by_block=by_block)
            handles = scheduler.submit(side, block_tasks.read_feature_means, number + 1)
            self._means[side] = weights, number + 1, handles
            for block in scheduler.blocks[side]:  # tasks on the previous ones have ended
                block_tasks.feature_means_path(block, number).unlink(missing_ok=True)
        return handles

    def initial_model(self, start: Start) -> BlockedModel:
        model = self._empty_model(start.global_mean, start.n_factors, start.dtype)
        for side in SIDES:
            self.scheduler.run(side, factor_files.write_initial_rows, model.step(side), start)
            if features := self.features(side):
                model = model.changed(side, weights=start.weights(features.n_features))
        return model

    def restart(self, model: Model) -> BlockedModel:
        mean = float(model.dtype.type(self.mean_rating))
        blocked = self._empty_model(mean, model.n_factors, model.dtype)
        for side in SIDES:
            rows = np.column_stack(model.rows(side))
            self.scheduler.run(side, factor_files.write_rows_of_all, blocked.step(side), rows)
            blocked = blocked.changed(side, weights=model.weights(side))
        return blocked

    def _empty_model(self, global_mean: float, n_factors: int, dtype: Any) -> BlockedModel:
        self.keep_only()  # deletes rows of a run that was stopped before its first checkpoint
        shape = np.array([self.n_users, self.n_items, n_factors, dtype.itemsize])
        return BlockedModel(global_mean, shape, np.array([1, 2]))

    def solve(
        self, model: BlockedModel, side: str, prior: Prior, draw: Draw | None = None
    ) -> BlockedModel:
        means, fixed = self._feature_means(model, side), self.scheduler.fixed_rows(model, side)
        solved = model.with_next_step(side)
        how = block_tasks.solve, solved.step(side), model.global_mean, prior, draw
        by_block = [[mean, *others] for mean, others in zip(means, fixed, strict=True)]
        workers = self.scheduler.run(side, *how, reads_ratings=True, by_block=by_block)
        self.scheduler.read_rows(solved, side, workers)
        return solved

    def sum_rows(self, model: BlockedModel, side: str, measure: Measure) -> Array:
        return tree_sums.add_up(self.engine.results(self._submit_sum(model, side, measure)))

    def _submit_sum(self, model: BlockedModel, side: str, measure: Measure) -> list[Handle]:
        means, rows = self._feature_means(model, side), self.scheduler.rows(model, side)
        by_block = list(zip(means, rows, strict=True))
        return self.scheduler.submit(side, block_tasks.sum_rows, measure, by_block=by_block)

    def sum_features(self, model: BlockedModel, side: str, change: Change) -> Array:
        features = cast(FeatureMatrix, self.features(side))
        scheduler, rows = self.scheduler, self.scheduler.rows(model, side)
        if isinstance(features, BlockedFeatures) and not features.are_few:
            changed = scheduler.submit(
                side, block_tasks.changed_rows, change, by_block=[[row] for row in rows]
            )
            return features.collect(changed, model.weights(side)[:1].nbytes)
        by_block = list(zip(self._features_by_row(side), rows, strict=True))
        how = block_tasks.feature_sums, change, features.n_features
        sums = scheduler.run(side, *how, reads_ratings=True, by_block=by_block)
        return tree_sums.add_up(sums).astype(model.dtype)

    def error_sums(
        self,
        model: BlockedModel,
        scale: tuple[float, float],
        subset: Subset = "train",
        mean: SampleMean | None = None,
    ) -> Array:
        n_samples = mean.n_samples if mean else 0
        handles = self._submit_errors(model, scale, subset, n_samples)
        sums = tree_sums.add_up(self.engine.results(handles))
        for block in self.scheduler.blocks["user"] if n_samples > 1 else []:
            block_tasks.running_sums_path(block, subset, n_samples - 1).unlink(missing_ok=True)
        return sums

    def _submit_errors(
        self,
        model: BlockedModel,
        scale: tuple[float, float],
        subset: Subset = "train",
        n_samples: int = 0,
    ) -> list[Handle]:
        rows, fixed = self.scheduler.rows(model, "user"), self.scheduler.fixed_rows(model, "user")
        how = block_tasks.error_sums, subset, model.global_mean, scale, n_samples
        by_block = [[row, *others] for row, others in zip(rows, fixed, strict=True)]
        return self.scheduler.submit("user", *how, reads_ratings=True, by_block=by_block)

    def losses(
        self, model: BlockedModel, scale: tuple[float, float], measure: Measure
    ) -> tuple[Array, list[float]]:
        """As TrainingData.losses; all tasks are submitted before waiting for results."""
        submitted = [self._submit_sum(model, side, measure) for side in SIDES]
        submitted.append(self._submit_errors(model, scale))
        *by_side, errors = (tree_sums.add_up(self.engine.results(part)) for part in submitted)
        return errors, [float(value) for value in by_side]

    def ranking_evaluator(self, max_users: int, seed: int, stream: str) -> RankingEvaluator:
        counts = parquet_tables.read_columns(
            self.source.ratings("validation", "user")[1], ["n_ratings"]
        )
        users = sample_users(np.flatnonzero(counts[0]), max_users, seed, stream)
        blocks = self.scheduler.blocks["user"]
        by_block = [users[(users >= block.first) & (users < block.stop)] for block in blocks]

        def take(subset: Subset) -> Any:
            arguments = [[block_users, subset] for block_users in by_block]
            task = block_tasks.take_ratings
            run = self.scheduler.run
            return stack_rows(run("user", task, reads_ratings=True, by_block=arguments))

        seen, held_out = take("train"), take("validation").ratings
        return RankingEvaluator(users, seen, held_out, self.counts("item"), self.n_users)

    def top_n(self, model: BlockedModel, evaluator: RankingEvaluator, n: int) -> Array:
        """As TrainingData.top_n: the best items of each block, merged."""
        blocks, users, submit = self.scheduler.blocks, evaluator.users, self.engine.submit
        places = [
            users[(users >= block.first) & (users < block.stop)] - block.first
            for block in blocks["user"]
        ]
        handles = zip(self.scheduler.rows(model, "user"), places, strict=True)
        taken = [submit(block_tasks.take_rows, *arguments) for arguments in handles]
        user_rows = np.concatenate(self.engine.results(taken))
        by_block = []
        for block, rows in zip(blocks["item"], self.scheduler.rows(model, "item"), strict=True):
            seen = evaluator.seen.between(block.first, block.stop)
            by_block.append([user_rows, rows, seen, n, np.ones(block.stop - block.first, bool)])
        best = self.scheduler.run("item", block_tasks.top_n, by_block=by_block)
        lists, scores = (np.concatenate(part, axis=1) for part in zip(*best, strict=True))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :n]  # ties: the lower index first
        return np.take_along_axis(lists, order, axis=1)

    def finish(self, model: BlockedModel | Model) -> Model:
        """The model, with its rows as memory-mapped files."""
        self.engine.everywhere(clear_cache)
        return model if isinstance(model, Model) else self.mean_of([model])

    def mean_of(self, samples: Sequence[BlockedModel]) -> Model:
        """As biased_mf.mean_of, a block at a time; also joins the rows of a single model."""
        first, arrays = samples[0], dict[str, Any]()
        for side in SIDES:
            for block in self.scheduler.blocks[side]:
                files = [factor_files.read_rows(block, sample.step(side)) for sample in samples]
                rows = [(file[:, :-1], file[:, -1]) for file in files]
                for name, values in biased_mf.mean_rows(side, rows, first.is_sample).items():
                    if name not in arrays:
                        arrays[name] = self._mapped(name, len(self.counts(side)), values)
                    arrays[name][block.first : block.stop] = values
        weights: dict[str, Any] = {f"{side}_weights": first.weights(side) for side in SIDES}
        if first.is_sample:
            weights |= biased_mf.join_shared_arrays([sample.arrays for sample in samples])
        return Model(first.global_mean, **arrays, **weights)

    def _mapped(self, name: str, n_rows: int, like: Array) -> Array:
        path = self.source.folder / "joined" / f"{self.source.prefix}{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (n_rows, *like.shape[1:])
        return np.asarray(np.lib.format.open_memmap(path, "w+", like.dtype, shape))

    def keep_only(self, *models: BlockedModel | Model) -> None:
        """Delete the rows of all other models."""
        kept = {
            f"{side}-{model.step(side)}"
            for model in models
            if isinstance(model, BlockedModel)
            for side in SIDES
        }
        for path in (self.source.folder / "rows").glob("*-*"):
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def group_part(source: BlockSource, name: str) -> None:
    """Write a part of the split by user and by item, like the training ratings."""
    source.folder.mkdir(parents=True, exist_ok=True)
    n_users, n_items = (
        parquet_tables.n_rows(source.split / f"train_{side}s.parquet") for side in SIDES
    )
    by_user = parquet_tables.read_ratings(source.split / f"{name}.parquet").by_user(n_users)
    # The users' file is written last: if it exists, all files are complete.
    for side, other, csr in (
        ("item", "user_index", by_user.transpose(n_items)),
        ("user", "item_index", by_user),
    ):
        columns = {other: csr.indices, "rating": csr.values}
        ratings, rows = source.ratings(name, side)
        with atomic.atomic_file(ratings) as path:
            parquet_tables.write_table(path, columns)
        with atomic.atomic_file(rows) as path:
            parquet_tables.write_rows(path, csr.counts)
