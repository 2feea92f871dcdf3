"""Assign blocks to workers, and send them the rows that they need."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array
from movierec.data.tree_sums import CHUNK
from movierec.engine.blocks import cut_by_cost
from movierec.engine.local import Engine, Handle
from movierec.training.blocks import block_tasks, factor_files
from movierec.training.blocks.block_ratings import CACHE, BlockSource, RatingBlock
from movierec.training.blocks.factor_files import BlockedModel
from movierec.training.row_ops import OTHER_SIDE
from movierec.training.training_data import SIDES

Sent = tuple[Path | None, Handle]  # see BlockScheduler.send
ROW_COST = 64  # cost of solving for a row besides its ratings, in ratings


class BlockScheduler:
    """Submits tasks on blocks to an engine, and keeps handles of the rows that workers have.

    blocks: the blocks of each side, of about equal cost and the same number for each worker. Their
    bounds depend on the numbers of ratings, and do not change results.
    """

    def __init__(self, engine: Engine, source: BlockSource) -> None:
        self.engine, self.source = engine, source
        self.counts = {side: self._read_counts(side) for side in SIDES}
        self.blocks = {side: self._cut(side) for side in SIDES}
        self._rows: dict[str, tuple[int, list[Handle]]] = {}  # by side: the latest step
        self._sent: tuple[str, int, list[Sent]] = ("", 0, [])  # side, step, rows sent
        self._needed: dict[tuple[RatingBlock, ...], Path] = {}  # by all blocks of a worker

    def _read_counts(self, side: str) -> Array:
        n_rows = parquet_tables.n_rows(self.source.split / f"train_{side}s.parquet")
        return RatingBlock(self.source, side, 0, n_rows).rows().counts

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
        reads_ratings: bool = False,
        by_block: Sequence[Sequence[Any]] | None = None,
    ) -> list[Any]:
        """Submit a task for each block of a side and return the results."""
        handles = self.submit(
            side, task, *arguments, reads_ratings=reads_ratings, by_block=by_block
        )
        return self.engine.results(handles)

    def submit(
        self,
        side: str,
        task: Callable[..., Any],
        *arguments: Any,
        reads_ratings: bool = False,
        by_block: Sequence[Sequence[Any]] | None = None,
    ) -> list[Handle]:
        """Submit a task of block_tasks for each block of a side; returns the handles.

        by_block: further arguments for each block, which may be handles. reads_ratings: whether the
        task needs the block's ratings.
        """
        engine, blocks, handles = self.engine, self.blocks[side], []
        for place, (block, worker) in enumerate(zip(blocks, self.workers(side), strict=True)):
            if reads_ratings and engine.is_here and place + 1 < len(blocks):
                CACHE.read_ahead(blocks[place + 1])
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

    def fixed_rows(self, model: BlockedModel, side: str) -> list[Sent]:
        """What `send` returns for the other side's factors and biases."""
        other = OTHER_SIDE[side]
        step, row_bytes = model.step(other), (model.n_factors + 1) * model.dtype.itemsize
        if self._sent[:2] != (other, step):
            sent = self.send(side, self.rows(model, other), row_bytes, factor_files.join_rows)
            self._sent = (other, step, sent)
        return self._sent[2]

    def divide(self, side: str, rows: Array) -> list[Handle]:
        """Handles of the rows of each block, given all rows of a side."""
        parts = [[rows[block.first : block.stop]] for block in self.blocks[side]]
        return self.submit(side, block_tasks.keep, by_block=parts)

    def send(
        self,
        side: str,
        rows: Sequence[Handle],
        row_bytes: int,
        join: Callable[..., Any] = factor_files.join_arrays,
    ) -> list[Sent]:
        """Send the other side's rows, given by block, to the workers of a side's blocks.

        Each worker is sent every row once, or, if they are packed, once every row that its blocks
        need; it joins them. Returns, for each block, the file that lists the rows sent, None for
        all rows, and the handle of the joined rows.
        """
        workers, submit = self.workers(side), self.engine.submit
        paths = self.needed_rows(side, workers) if self.is_packed(side, row_bytes) else {}
        sent: dict[str, Sent] = {}
        for worker in dict.fromkeys(workers):
            path, parts = paths.get(worker), rows
            if path:
                pairs = zip(self.blocks[OTHER_SIDE[side]], rows, strict=True)
                parts = [submit(factor_files.take_needed_rows, *pair, path) for pair in pairs]
            sent[worker] = path, submit(join, *parts, home=worker)
        return [sent[worker] for worker in workers]

    def is_packed(self, side: str, row_bytes: int) -> bool:
        """Whether workers are sent only the rows of the other side that a side's blocks need.

        Never on the local engine, which maps all rows.
        """
        size = len(self.counts[OTHER_SIDE[side]]) * row_bytes
        return not self.engine.is_here and size > self.engine.params.broadcast_limit

    def needed_rows(self, side: str, workers: Sequence[str]) -> dict[str, Path]:
        """For each worker, the file that lists the rows that its blocks of a side need."""
        pairs = list(zip(self.blocks[side], workers, strict=True))
        groups = {
            worker: tuple(block for block, home in pairs if home == worker)
            for worker in dict.fromkeys(workers)
        }
        handles = []
        for worker, group in groups.items():
            if group not in self._needed:
                name = f"{group[0].name}-{len(self._needed)}.npy"
                path = self._needed[group] = self.source.folder / "needed" / name
                write = factor_files.write_needed_rows
                handles.append(self.engine.submit(write, path, *group, home=worker))
        self.engine.results(handles)
        return {worker: self._needed[group] for worker, group in groups.items()}
