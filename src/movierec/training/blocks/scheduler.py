"""Which worker does the work of which block, and what it is sent for it."""

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

ROW_COST = 64  # of solving a row, next to that of its ratings, in ratings


class BlockScheduler:
    """Submits tasks of blocks to an engine, and keeps handles of the rows that workers hold.

    blocks: those of either side, of about equal work and as many for each worker. Their bounds
    follow from the numbers of ratings, and change no result.
    """

    def __init__(self, engine: Engine, source: BlockSource) -> None:
        self.engine, self.source = engine, source
        genres = parquet_tables.read_genres(source.index) if source.has_genres else None
        self.item_features: Features | None = genre_features(genres) if genres else None
        self.counts = {side: self._read_counts(side) for side in SIDES}
        self.blocks = {side: self._cut(side) for side in SIDES}
        self._rows: dict[str, tuple[int, list[Handle]]] = {}  # by side: of the latest step
        self._sent: tuple[str, int, list[list[Handle]]] = ("", 0, [])  # of a side, to its other
        self._listed: set[str] = set()  # sides whose blocks have listed the rows they need

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
        """The results of submit."""
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
        """Call a task of block_tasks for each block of a side.

        by_block: further arguments, which may be handles, for each block. packed: in which form the
        task reads ratings, None if it reads none.
        """
        engine, blocks, handles = self.engine, self.blocks[side], []
        for place, (block, worker) in enumerate(zip(blocks, self.workers(side), strict=True)):
            if packed is not None and engine.is_here and place + 1 < len(blocks):
                read_ahead(blocks[place + 1], packed)
            more = by_block[place] if by_block else ()
            handles.append(engine.submit(task, block, *arguments, *more, home=worker))
        return handles

    def workers(self, side: str) -> list[str]:
        """The worker of each block of a side: the same one while workers stay the same.

        The largest blocks are assigned first, each to the worker with the least work so far.
        """
        blocks = self.blocks[side]
        works = [self._work(block) for block in blocks]
        assigned, result = dict.fromkeys(self.engine.homes, 0), [""] * len(blocks)
        for place in sorted(range(len(blocks)), key=lambda place: -works[place]):
            result[place] = min(assigned, key=assigned.__getitem__)
            assigned[result[place]] += works[place]
        return result

    def _work(self, block: RatingBlock) -> int:
        """Of a block, in ratings."""
        counts = self.counts[block.side][block.first : block.stop]
        return int(counts.sum()) + ROW_COST * len(counts)

    def is_packed(self, model: BlockedModel, side: str) -> bool:
        """Whether blocks of a side are sent only the rows of the other side that they need.

        A process that works alone maps all of them.
        """
        if self.engine.is_here:
            return False
        size = len(self.counts[OTHER_SIDE[side]]) * (model.n_factors + 1) * model.dtype.itemsize
        return bool(size > self.engine.params.broadcast_limit)

    def rows(self, model: BlockedModel, side: str) -> list[Handle]:
        """The rows of each block of a side."""
        step, handles = self._rows.get(side, (0, []))
        if step != model.step(side):
            return self.read_rows(model, side, self.workers(side))
        return handles

    def read_rows(self, model: BlockedModel, side: str, workers: Sequence[str]) -> list[Handle]:
        """Have rows read where they were written.

        So rows depend on a file alone, and those that are lost with a worker are not solved again.
        """
        step, submit = model.step(side), self.engine.submit
        pairs = zip(self.blocks[side], workers, strict=True)
        handles = [submit(factor_files.read_rows, block, step, home=home) for block, home in pairs]
        self._rows[side] = (step, handles)
        return handles

    def fixed_rows(self, model: BlockedModel, side: str) -> list[list[Handle]]:
        """For each block of a side, what it is sent of the other side's rows."""
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
