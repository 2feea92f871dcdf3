"""What training asks of data.Data, where neither ratings nor rows are in one process.

Both sides are cut into blocks of rows. A block's ratings are read from the split's Parquet files by
who solves it, and stay with him while he has room. Rows lie in files as well, one of each block and
half epoch, in a folder that all workers see: that is also the checkpoint. Workers hand rows on to
each other; those that are lost are read again.

A block is sent all rows of the other side, which come once to each worker; where those take more
than engine.broadcast_limit, the rows that its ratings ask for.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from movierec.core import atomic
from movierec.data import parquet_tables, tree_sums
from movierec.data.rating_arrays import Array, stack_rows
from movierec.engine.local import Engine, Handle
from movierec.metrics import ranking_protocol
from movierec.metrics.ranking_protocol import RankingEvaluator
from movierec.model import biased_mf
from movierec.model.biased_mf import Model
from movierec.model.solver import Prior
from movierec.training import row_ops
from movierec.training.blocks import block_rows, block_tasks
from movierec.training.blocks.block_ratings import BlockSource, clear
from movierec.training.blocks.block_rows import BlockedModel
from movierec.training.blocks.scheduler import BlockScheduler
from movierec.training.in_memory import SIDES
from movierec.training.row_ops import Change, Measure, Noise


@dataclass
class HeldOut:
    """The validation ratings, which lie in files."""

    n_ratings: int

    def __len__(self) -> int:
        return self.n_ratings


@dataclass
class Totals:
    """Running sums of samples' predictions, in files: of which ratings."""

    held_out: bool


class BlockedData(BlockScheduler):
    """engine: by which work is done; source: of what. Bounds of blocks follow from the counts of
    ratings, and change no result."""

    def __init__(self, engine: Engine, source: BlockSource) -> None:
        self.held_out = HeldOut(parquet_tables.n_rows(source.split / "validation.parquet"))
        source = replace(source, has_held_out=len(self.held_out) > 0)
        if source.has_held_out and not (source.folder / "validation_users.parquet").exists():
            group_held_out(source)
        super().__init__(engine, source)

    def seen(self) -> "BlockedData":
        """The ratings as what the scores of the implicit model are to be: 1."""
        return BlockedData(self.engine, replace(self.source, ones=True))

    @property
    def n_users(self) -> int:
        return len(self.counts("user"))

    @property
    def n_items(self) -> int:
        return len(self.counts("item"))

    @property
    def n_ratings(self) -> int:
        return int(self.counts("user").sum())

    @property
    def mean_rating(self) -> float:
        of_all = tree_sums.add_up(self._each("user", block_tasks.rating_sums, False))
        return float(of_all / self.n_ratings)

    # --- what is done, block by block

    def start(
        self, params: Any, n_factors: int, seed: int, stream: str, mean: float
    ) -> BlockedModel:
        """As data.Data.start."""
        self.forget()  # what a run left that was stopped before its first checkpoint
        dtype = np.dtype(params.dtype)
        shape = np.array([self.n_users, self.n_items, n_factors, dtype.itemsize])
        begun = BlockedModel(float(dtype.type(mean)), shape, np.array([1, 2]))
        scale = params.init_scale / max(1, n_factors) ** 0.5
        for side in SIDES:
            drawn = (begun.step(side), dtype, n_factors, seed, stream, scale)
            self._each(side, block_rows.start, None, *drawn)
            if features := self.features(side):
                weights = np.zeros((features.n_features, n_factors + 1), dtype)
                begun = begun.changed(side, weights)
        return begun

    def solve(
        self,
        model: BlockedModel,
        side: str,
        prior: Prior,
        shift: Array | None = None,
        noise: Noise | None = None,
    ) -> BlockedModel:
        """As data.Data.solve."""
        fixed, weights = self._fixed(model, side), self._weights(model, side)
        made, packed = model.next_of(side), self.is_packed(model, side)
        how = (made.step(side), model.global_mean, prior, shift, noise, weights, packed)
        homes = self._each(side, block_tasks.solve, packed, *how, more=fixed)
        self._rows[side] = (made.step(side), self._read(made, side, homes))
        return made

    def total(self, model: BlockedModel, side: str, measure: Measure) -> Array:
        """As data.Data.total."""
        return tree_sums.add_up(self.engine.results(self._total(model, side, measure)))

    def _total(self, model: BlockedModel, side: str, measure: Measure) -> list[Handle]:
        rows = [[handle] for handle in self._handles(model, side)]
        weights = self._weights(model, side)
        return self._hand_out(side, block_tasks.total, None, measure, weights, more=rows)

    def collected(self, model: BlockedModel, side: str, made: Change) -> Array:
        """As data.Data.collected."""
        return self.total(model, side, partial(row_ops.collected, made)).astype(model.dtype)

    def totals(self, of: HeldOut | None = None) -> Totals:
        return Totals(of is not None)

    def errors(
        self,
        model: BlockedModel,
        scale: tuple[float, float],
        of: HeldOut | None = None,
        totals: Totals | None = None,
        n_samples: int = 1,
    ) -> Array:
        """As data.Data.errors."""
        held_out, of_mean = of is not None, n_samples if totals else 0
        handles = self._errors(model, scale, held_out, of_mean)
        found = tree_sums.add_up(self.engine.results(handles))
        for block in self.blocks["user"] if of_mean > 1 else []:
            block_tasks.total_path(block, held_out, of_mean - 1).unlink(missing_ok=True)
        return found

    def _errors(
        self,
        model: BlockedModel,
        scale: tuple[float, float],
        held_out: bool = False,
        of_mean: int = 0,
    ) -> list[Handle]:
        packed = self.is_packed(model, "user")
        rows, fixed = self._handles(model, "user"), self._fixed(model, "user")
        how = (held_out, model.global_mean, scale, of_mean, packed)
        more = [[mine, *theirs] for mine, theirs in zip(rows, fixed, strict=True)]
        return self._hand_out("user", block_tasks.errors, packed, *how, more=more)

    def losses(
        self, model: BlockedModel, scale: tuple[float, float], measure: Measure
    ) -> tuple[Array, list[float]]:
        """As data.Data.losses, all handed out at once."""
        of_sides = [self._total(model, side, measure) for side in SIDES]
        errors = self._errors(model, scale)
        found = [tree_sums.add_up(self.engine.results(each)) for each in (errors, *of_sides)]
        return found[0], [float(each) for each in found[1:]]

    def judge(self, held_out: HeldOut, most: int, seed: int, stream: str) -> RankingEvaluator:
        """As ranking.Judge.of."""
        users = ranking_protocol.sample_users(self.n_users, most, seed, stream)
        some = [
            users[(users >= block.first) & (users < block.stop)] for block in self.blocks["user"]
        ]
        found = {}
        for is_held_out in (False, True):
            more = [[numbers, is_held_out] for numbers in some]
            found[is_held_out] = stack_rows(self._each("user", block_tasks.take, False, more=more))
        return RankingEvaluator(
            users, found[False], found[True].ratings, self.counts("item"), self.n_users
        )

    def lists(self, model: BlockedModel, judge: RankingEvaluator, n: int) -> Array:
        """As Judge.lists: the best of each block of items, put together."""
        where = [
            judge.users[(judge.users >= block.first) & (judge.users < block.stop)] - block.first
            for block in self.blocks["user"]
        ]
        handles = zip(self._handles(model, "user"), where, strict=True)
        taken = [self.engine.submit(block_tasks.take_rows, *each) for each in handles]
        users = np.concatenate(self.engine.results(taken))
        more = []
        for block, rows in zip(self.blocks["item"], self._handles(model, "item"), strict=True):
            seen = judge.seen.between(block.first, block.stop)
            more.append([users, rows, seen, n, np.ones(block.stop - block.first, bool)])
        found = self._each("item", block_tasks.top_n, None, more=more)
        lists, scores = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n]  # of equal ones the first
        return np.take_along_axis(lists, best, axis=1)

    # --- whole models, and what is kept of them

    def whole(self, model: BlockedModel | Model) -> Model:
        """The model with its rows, in files that are mapped; the end of training."""
        self.engine.everywhere(clear)
        return model if isinstance(model, Model) else self.mean_of([model])

    def mean_of(self, samples: Sequence[BlockedModel]) -> Model:
        """As model.mean_of, a block at a time; what one model that is no sample is itself."""
        first, arrays = samples[0], dict[str, Any]()
        for side in SIDES:
            for block in self.blocks[side]:
                rows = [block_rows.read_rows(block, sample.step(side)) for sample in samples]
                pairs = [(some[:, :-1], some[:, -1]) for some in rows]
                for name, values in biased_mf.mean_rows(side, pairs, first.is_sample).items():
                    if name not in arrays:
                        arrays[name] = self._mapped(name, len(self.counts(side)), values)
                    arrays[name][block.first : block.stop] = values
        more = (
            biased_mf.mean_beside([sample.arrays for sample in samples]) if first.is_sample else {}
        )
        weights = {f"{side}_weights": first.weights(side) for side in SIDES}
        return Model(first.global_mean, **arrays, **(weights | more))

    def _mapped(self, name: str, n_rows: int, like: Array) -> Array:
        path = self.source.folder / "whole" / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (n_rows, *like.shape[1:])
        return np.asarray(np.lib.format.open_memmap(path, "w+", like.dtype, shape))

    def forget(self, *models: Any) -> None:
        """Delete the rows of all models but these."""
        kept = {
            f"{side}-{one.step(side)}"
            for one in models
            if isinstance(one, BlockedModel)
            for side in SIDES
        }
        for path in (self.source.folder / "rows").glob("*-*"):
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def group_held_out(source: BlockSource) -> None:
    """Write the validation ratings by user and by item, as the split has those of train."""
    folder = source.folder
    folder.mkdir(parents=True, exist_ok=True)
    counts = [parquet_tables.n_rows(source.split / f"train_{side}s.parquet") for side in SIDES]
    held_out = parquet_tables.read_ratings(source.split / "validation.parquet")
    by_user = held_out.by_user(counts[0])
    names = {"user": "item_index", "item": "user_index"}
    for side, csr in (("item", by_user.transpose(counts[1])), ("user", by_user)):
        columns = {names[side]: csr.indices, "rating": csr.values}
        with atomic.atomic_file(folder / f"validation_by_{side}.parquet") as path:
            parquet_tables.write_table(path, columns)
        with atomic.atomic_file(folder / f"validation_{side}s.parquet") as path:
            parquet_tables.write_rows(path, csr.counts)
