"""Assign blocks to workers, and send them the rows that they need."""

from collections.abc import Callable, Sequence
from typing import Any

from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.data.tree_sums import CHUNK
from movierec.engine.blocks import cut_by_cost
from movierec.engine.local import Engine, Handle
from movierec.model.features import Features
from movierec.training.blocks import factor_files
from movierec.training.blocks.block_ratings import BlockSource, RatingBlock, read_ahead
from movierec.training.blocks.factor_files import BlockedModel
from movierec.training.in_memory import genre_features
from movierec.training.row_ops import OTHER_SIDE
from movierec.training.training_data import SIDES

ROW_COST = 64  # cost of solving for a row besides its ratings, in ratings


class BlockScheduler:
    """Submits tasks on blocks to an engine, and keeps handles of the rows that workers have.

    blocks: the blocks of each side, of about equal cost and the same number for each worker. Their
    bounds depend on the numbers of ratings, and do not change results.
    """

    def __init__(self, engine: Engine, source: BlockSource) -> None:
        self.engine, self.source = engine, source
        genres = parquet_tables.read_genres(source.index) if source.has_genres else None
        self.item_features: Features | None = genre_features(genres) if genres else None
        self.counts = {side: self._read_counts(side) for side in SIDES}
        self.blocks = {side: self._cut(side) for side in SIDES}
        self._rows: dict[str, tuple[int, list[Handle]]] = {}  # by side: the latest step
        self._sent: tuple[str, int, list[list[Handle]]] = ("", 0, [])  # side, step, rows sent
        self._listed: set[str] = set()  # sides that have written their needed rows

    def _read_counts(self, side: str) -> Array:
        n_rows = parquet_tables.n_rows(self.source.split / f"train_{side}s.parquet")
        return RatingBlock(self.source, side, 0, n_rows).rows(None).counts

    def _cut(self, side: str) -> list[RatingBlock]:
        cost, n_workers = self.counts[side] + ROW_COST, len(self.engine.homes)
        n_blocks = -(-int(cost.sum()) // self.engine.params.block_ratings)
        n_blocks += -n_blocks % n_workers
        bounds = cut_by_cost(cost, -(-int(cost.sum()) // n_blocks), CHUNK)
        return [RatingBlock(self.source, side, first, stop) for first, stop in bounds]

    def run(
        self,
        side: str,
        task: Callable[..., Any],
        *arguments: Any,
        packed: bool | None = None,
        by_block: Sequence[Sequence[Any]] | None = None,
    ) -> list[Any]:
        """Submit a task for each block of a side and return the results."""
        handles = self.submit(side, task, *arguments, packed=packed, by_block=by_block)
        return self.engine.results(handles)

    def submit(
        self,
        side: str,
        task: Callable[..., Any],
        *arguments: Any,
        packed: bool | None = None,
        by_block: Sequence[Sequence[Any]] | None = None,
    ) -> list[Handle]:
        """Submit a task of block_tasks for each block of a side; returns the handles.

        by_block: further arguments for each block, which may be handles. packed: whether the task
        reads packed ratings; None if it reads none.
        """
        engine, blocks, handles = self.engine, self.blocks[side], []
        for place, (block, worker) in enumerate(zip(blocks, self.workers(side), strict=True)):
            if packed is not None and engine.is_here and place + 1 < len(blocks):
                read_ahead(blocks[place + 1], packed)
            more = by_block[place] if by_block else ()
            handles.append(engine.submit(task, block, *arguments, *more, home=worker))
        return handles

    def workers(self, side: str) -> list[str]:
        """The worker of each block of a side, the same for each call while workers do not change.

        The most expensive blocks are assigned first, each to the worker with the lowest load.
        """
        blocks = self.blocks[side]
        costs = [self._cost(block) for block in blocks]
        load, result = dict.fromkeys(self.engine.homes, 0), [""] * len(blocks)
        for place in sorted(range(len(blocks)), key=lambda place: -costs[place]):
            result[place] = min(load, key=load.__getitem__)
            load[result[place]] += costs[place]
        return result

    def _cost(self, block: RatingBlock) -> int:
        """The cost of a block, in ratings."""
        counts = self.counts[block.side][block.first : block.stop]
        return int(counts.sum()) + ROW_COST * len(counts)

    def is_packed(self, model: BlockedModel, side: str) -> bool:
        """Whether blocks of a side are sent only the rows of the other side that they need.

        Never on the local engine, which maps all rows.
        """
        if self.engine.is_here:
            return False
        size = len(self.counts[OTHER_SIDE[side]]) * (model.n_factors + 1) * model.dtype.itemsize
        return bool(size > self.engine.params.broadcast_limit)

    def rows(self, model: BlockedModel, side: str) -> list[Handle]:
        """Handles of the rows of each block of a side."""
        step, handles = self._rows.get(side, (0, []))
        if step != model.step(side):
            return self.read_rows(model, side, self.workers(side))
        return handles

    def read_rows(self, model: BlockedModel, side: str, workers: Sequence[str]) -> list[Handle]:
        """Have each worker read the rows that it wrote; returns the handles.

        So handles depend only on files, and rows lost with a worker are not computed again.
        """
        step, submit = model.step(side), self.engine.submit
        pairs = zip(self.blocks[side], workers, strict=True)
        handles = [submit(factor_files.read_rows, block, step, home=home) for block, home in pairs]
        self._rows[side] = (step, handles)
        return handles

    def fixed_rows(self, model: BlockedModel, side: str) -> list[list[Handle]]:
        """For each block of a side, handles of the other side's rows that it is sent."""
        other, submit = OTHER_SIDE[side], self.engine.submit
        step = model.step(other)
        if self._sent[:2] != (other, step):
            rows, workers = self.rows(model, other), self.workers(side)
            if self.is_packed(model, side):
                sent = self._needed_rows(side, rows)
            else:
                joined = {
                    worker: submit(factor_files.join_rows, *rows, home=worker)
                    for worker in set(workers)
                }
                sent = [[joined[worker]] for worker in workers]
            self._sent = (other, step, sent)
        return self._sent[2]

    def _needed_rows(self, side: str, rows: Sequence[Handle]) -> list[list[Handle]]:
        others, submit = self.blocks[OTHER_SIDE[side]], self.engine.submit
        if side not in self._listed:
            self.run(side, factor_files.write_needed_rows, others, packed=True)
            self._listed.add(side)
        return [
            [
                submit(
                    factor_files.take_needed_rows,
                    block_rows,
                    factor_files.needed_rows_path(block, other),
                )
                for block_rows, other in zip(rows, others, strict=True)
            ]
            for block in self.blocks[side]
        ]
