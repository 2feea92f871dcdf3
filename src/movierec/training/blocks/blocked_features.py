"""Features of rows that are the other side's rows which they have ratings of, block by block."""

import numpy as np

from movierec.data.rating_arrays import Array
from movierec.engine.local import Handle
from movierec.model.features import FeatureMatrix
from movierec.training.blocks import block_tasks
from movierec.training.blocks.scheduler import BlockScheduler
from movierec.training.row_ops import OTHER_SIDE


class BlockedFeatures(FeatureMatrix):
    """The features of a side's rows: a row's by its ratings, a feature's rows by those of its own.

    So a product by row is a task on blocks of this side, by feature one on the other side's blocks.
    """

    def __init__(self, scheduler: BlockScheduler, side: str) -> None:
        super().__init__()
        self.scheduler, self.side, self.other = scheduler, side, OTHER_SIDE[side]

    @property
    def n_features(self) -> int:
        return len(self.scheduler.counts[self.other])

    @property
    def counts(self) -> Array:
        return self.scheduler.counts[self.side]

    def sum_by_feature(self, rows: Array) -> Array:
        return self.collect(self.scheduler.divide(self.side, rows), rows[:1].nbytes)

    def gram(self, weights: Array, row_weights: Array) -> Array:
        scheduler, row_bytes = self.scheduler, weights[:1].nbytes
        parts = [row_weights[block.first : block.stop] for block in scheduler.blocks[self.side]]
        sent = scheduler.send(self.side, scheduler.divide(self.other, weights), row_bytes)
        by_block = [[part, *more] for part, more in zip(parts, sent, strict=True)]
        task = block_tasks.rating_row_sums
        sums = scheduler.submit(self.side, task, reads_ratings=True, by_block=by_block)
        return self.collect(sums, row_bytes)

    def collect(self, rows: list[Handle], row_bytes: int) -> Array:
        """sum_by_feature of rows given by block."""
        sent = self.scheduler.send(self.other, rows, row_bytes)
        how = block_tasks.rating_row_sums, None
        sums = self.scheduler.run(self.other, *how, reads_ratings=True, by_block=sent)
        return np.concatenate(sums)
