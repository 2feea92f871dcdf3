"""How the work of blocks is handed out to workers, and what they are sent for it."""

from collections.abc import Callable, Sequence
from typing import Any

from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, cut_into_blocks
from movierec.data.tree_sums import CHUNK
from movierec.engine.local import Engine, Handle
from movierec.model.features import Features
from movierec.training.blocks import block_rows
from movierec.training.blocks.block_ratings import BlockSource, RatingBlock, look_ahead
from movierec.training.blocks.block_rows import BlockedModel
from movierec.training.in_memory import SIDES, of_genres
from movierec.training.row_ops import OTHER_SIDE

OF_ROW = 64  # the work of solving for a row, beside that of its ratings, in ratings


class BlockScheduler:
    """The blocks of either side, the homes of each, and handles of their rows.

    engine: by which work is done; source: of what.
    """

    def __init__(self, engine: Engine, source: BlockSource) -> None:
        self.engine, self.source = engine, source
        self.genres = parquet_tables.read_genres(source.index) if source.has_genres else None
        self._counts = {side: self._read_counts(side) for side in SIDES}
        self.blocks = {side: self._cut(side) for side in SIDES}
        self._rows: dict[str, tuple[int, list[Handle]]] = {}  # by side: of the latest step
        self._sent: tuple[str, int, list[list[Handle]]] = ("", 0, [])  # of a side, to its other
        self._placed: set[str] = set()

    def _read_counts(self, side: str) -> Array:
        n_rows = parquet_tables.n_rows(self.source.split / f"train_{side}s.parquet")
        return RatingBlock(self.source, side, 0, n_rows).part(None).counts

    def _cut(self, side: str) -> list[RatingBlock]:
        """Blocks of about equal work, as many for each worker."""
        cost, n_homes = self.counts(side) + OF_ROW, len(self.engine.homes)
        n_blocks = -(-int(cost.sum()) // self.engine.params.block_ratings)
        n_blocks += -n_blocks % n_homes
        bounds = cut_into_blocks(cost, -(-int(cost.sum()) // n_blocks), CHUNK)
        return [RatingBlock(self.source, side, first, stop) for first, stop in bounds]

    def counts(self, side: str) -> Array:
        return self._counts[side]

    def features(self, side: str) -> Features | None:
        return of_genres(self.genres) if side == "item" and self.genres is not None else None

    def _each(self, *call: Any, **more: Any) -> list[Any]:
        """The results of what _hand_out is called with."""
        return self.engine.results(self._hand_out(*call, **more))

    def _hand_out(
        self,
        side: str,
        function: Callable[..., Any],
        packed: bool | None,
        *arguments: Any,
        more: Sequence[Sequence[Any]] | None = None,
    ) -> list[Handle]:
        """What a function of block_work gives for each block of a side; more: arguments, which may
        be handles, for each; packed: in which form it asks for ratings, None if for none."""
        engine, blocks, handles = self.engine, self.blocks[side], []
        for place, (block, home) in enumerate(zip(blocks, self.homes_of(side), strict=True)):
            if packed is not None and engine.is_here and place + 1 < len(blocks):
                look_ahead(blocks[place + 1], packed)
            of_block = more[place] if more else ()
            handles.append(engine.submit(function, block, *arguments, *of_block, home=home))
        return handles

    def homes_of(self, side: str) -> list[str]:
        """Where each block of a side is solved: at the same worker while workers are the same; each
        has as much work as the others, the largest blocks being given out first."""
        homes, blocks = self.engine.homes, self.blocks[side]
        works = [self._work(block) for block in blocks]
        given, found = dict.fromkeys(homes, 0), [""] * len(blocks)
        for place in sorted(range(len(blocks)), key=lambda place: -works[place]):
            found[place] = min(homes, key=given.__getitem__)
            given[found[place]] += works[place]
        return found

    def _work(self, block: RatingBlock) -> int:
        """Of a block, in ratings."""
        rows = self.counts(block.side)[block.first : block.stop]
        return int(rows.sum()) + OF_ROW * len(rows)

    def _weights(self, model: BlockedModel, side: str) -> Array | None:
        return model.weights(side) if self.features(side) else None

    def is_packed(self, model: BlockedModel, side: str) -> bool:
        """Whether blocks of a side are sent no more of the other side than they need; a process
        that works alone maps all of it."""
        if self.engine.is_here:
            return False
        size = len(self.counts(OTHER_SIDE[side])) * (model.n_factors + 1) * model.dtype.itemsize
        return bool(size > self.engine.params.broadcast_limit)

    def _handles(self, model: BlockedModel, side: str) -> list[Handle]:
        """The rows of each block of a side."""
        step, handles = self._rows.get(side, (0, []))
        if step != model.step(side):
            step, handles = model.step(side), self._read(model, side, self.homes_of(side))
            self._rows[side] = (step, handles)
        return handles

    def _read(self, model: BlockedModel, side: str, homes: Sequence[str]) -> list[Handle]:
        """Have rows read where they were written: so that they are made from a file alone, and one
        that is lost is not solved for again."""
        step, submit = model.step(side), self.engine.submit
        pairs = zip(self.blocks[side], homes, strict=True)
        return [submit(block_rows.read_rows, block, step, home=home) for block, home in pairs]

    def _fixed(self, model: BlockedModel, side: str) -> list[list[Handle]]:
        """For each block of a side, what it is sent of the other."""
        other, submit = OTHER_SIDE[side], self.engine.submit
        step = model.step(other)
        if self._sent[:2] != (other, step):
            rows, homes = self._handles(model, other), self.homes_of(side)
            if self.is_packed(model, side):
                sent = self._pieces(side, rows)
            else:
                joined = {home: submit(block_rows.join, *rows, home=home) for home in set(homes)}
                sent = [[joined[home]] for home in homes]
            self._sent = (other, step, sent)
        return self._sent[2]

    def _pieces(self, side: str, rows: Sequence[Handle]) -> list[list[Handle]]:
        others, submit = self.blocks[OTHER_SIDE[side]], self.engine.submit
        if side not in self._placed:
            self._each(side, block_rows.find_places, True, others)
            self._placed.add(side)
        return [
            [
                submit(block_rows.cut, some, block_rows.places(block, other))
                for some, other in zip(rows, others, strict=True)
            ]
            for block in self.blocks[side]
        ]
