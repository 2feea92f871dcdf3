"""What training asks of data.Data, where neither ratings nor rows are in one process.

Both sides are cut into blocks of rows. A block's ratings are read from the split's Parquet files by
who solves it, and stay with him while he has room. Rows lie in files as well, one of each block and
half epoch, in a folder that all workers see: that is also the checkpoint. Workers hand rows on to
each other; those that are lost are read again.

A block is sent all rows of the other side, which come once to each worker; where those take more
than engine.broadcast_limit, the rows that its ratings ask for.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from movierec import artifacts, block_work, model, outputs, parts, ranking, sums
from movierec.block_work import Block, Source
from movierec.data import SIDES, Data, of_genres
from movierec.engine import Engine, Handle
from movierec.errors import MovierecError
from movierec.features import Features
from movierec.model import Model
from movierec.params import EngineParams, ImplicitParams, TrainParams
from movierec.parts import OTHER, Change, Measure, Noise
from movierec.ranking import Judge
from movierec.solver import Prior
from movierec.sparse import Array, Csr, blocks_of, indptr_of
from movierec.sums import STRIP

_none = partial(np.zeros, (0, 0))
OF_ROW = 64  # the work of solving for a row, beside that of its ratings, in ratings
# Bytes that training in memory holds: whatever the data, of a rating, and how many times the rows.
BASE, OF_RATING, OF_ROWS = 300_000_000, 40, 4


@dataclass(frozen=True)
class Rows:
    """A model whose rows lie in files; what it has beside them is named as in model.Model.

    steps: of each side, the number of the half epoch that made its rows. shape: users, items,
    factors and bytes of a number. Arrays, since a checkpoint keeps arrays.
    """

    global_mean: float
    shape: Array
    steps: Array
    user_weights: Array = field(default_factory=_none)
    item_weights: Array = field(default_factory=_none)
    sample_user_mean: Array = field(default_factory=_none)
    sample_user_precision: Array = field(default_factory=_none)
    sample_noise_precision: Array = field(default_factory=_none)

    @property
    def n_factors(self) -> int:
        return int(self.shape[2])

    @property
    def dtype(self) -> Any:
        return np.dtype(f"f{self.shape[3]}")

    @property
    def is_sample(self) -> bool:
        return len(self.sample_noise_precision) > 0

    @property
    def arrays(self) -> dict[str, Array]:
        named = {part.name: getattr(self, part.name) for part in fields(self)[1:]}
        return {name: array for name, array in named.items() if array.shape != (0, 0)}

    def weights(self, side: str) -> Array:
        return np.asarray(getattr(self, f"{side}_weights"))

    def changed(self, side: str, weights: Array) -> "Rows":
        return replace(self, **{f"{side}_weights": weights})  # type: ignore[arg-type]

    def step(self, side: str) -> int:
        return int(self.steps[SIDES.index(side)])

    def next_of(self, side: str) -> "Rows":
        """With rows of one side that are not made yet."""
        steps = self.steps.copy()
        steps[SIDES.index(side)] = steps.max() + 1
        return replace(self, steps=steps)


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


class Blocked:
    """engine: by which work is done; source: of what. Bounds of blocks follow from the counts of
    ratings, and change no result."""

    def __init__(self, engine: Engine, source: Source) -> None:
        self.engine, self.source = engine, source
        self.held_out = HeldOut(artifacts.n_rows(source.split / "validation.parquet"))
        if len(self.held_out) and not block_work.has_held_out(source):
            self._group_held_out()
        self.genres = artifacts.read_genres(source.index) if source.has_genres else None
        self._counts = {side: self._read_counts(side) for side in SIDES}
        self.blocks = {side: self._cut(side) for side in SIDES}
        self._rows: dict[str, tuple[int, list[Handle]]] = {}  # by side: of the latest step
        self._sent: tuple[str, int, list[list[Handle]]] = ("", 0, [])  # of a side, to its other
        self._placed: set[str] = set()

    # --- what there is

    def _group_held_out(self) -> None:
        """Write the validation ratings by user and by item, as the split has those of train."""
        folder = self.source.folder
        folder.mkdir(parents=True, exist_ok=True)
        counts = [artifacts.n_rows(self.source.split / f"train_{side}s.parquet") for side in SIDES]
        held_out = artifacts.read_ratings(self.source.split / "validation.parquet")
        by_user = held_out.by_user(counts[0])
        names = {"user": "item_index", "item": "user_index"}
        for side, csr in (("item", by_user.transpose(counts[1])), ("user", by_user)):
            columns = {names[side]: csr.indices, "rating": csr.values}
            with outputs.output_file(folder / f"validation_by_{side}.parquet") as path:
                artifacts.write_table(path, columns)
            with outputs.output_file(folder / f"validation_{side}s.parquet") as path:
                artifacts.write_rows(path, csr.counts)

    def _read_counts(self, side: str) -> Array:
        n_rows = artifacts.n_rows(self.source.split / f"train_{side}s.parquet")
        return block_work.Block(self.source, side, 0, n_rows).part(None).counts

    def _cut(self, side: str) -> list[Block]:
        """Blocks of about equal work, as many for each worker."""
        cost, n_homes = self.counts(side) + OF_ROW, len(self.engine.homes)
        n_blocks = -(-int(cost.sum()) // self.engine.params.block_ratings)
        n_blocks += -n_blocks % n_homes
        bounds = blocks_of(cost, -(-int(cost.sum()) // n_blocks), STRIP)
        return [Block(self.source, side, first, stop) for first, stop in bounds]

    def seen(self) -> "Blocked":
        """The ratings as what the scores of the implicit model are to be: 1."""
        return Blocked(self.engine, replace(self.source, ones=True))

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
        of_all = sums.total(self._each("user", block_work.rating_sums, False))
        return float(of_all / self.n_ratings)

    def counts(self, side: str) -> Array:
        return self._counts[side]

    def features(self, side: str) -> Features | None:
        return of_genres(self.genres) if side == "item" and self.genres is not None else None

    # --- what is done, block by block

    def start(self, params: Any, n_factors: int, seed: int, stream: str, mean: float) -> Rows:
        """As data.Data.start."""
        dtype = np.dtype(params.dtype)
        shape = np.array([self.n_users, self.n_items, n_factors, dtype.itemsize])
        begun = Rows(float(dtype.type(mean)), shape, np.array([1, 2]))
        scale = params.init_scale / max(1, n_factors) ** 0.5
        for side in SIDES:
            drawn = (begun.step(side), dtype, n_factors, seed, stream, scale)
            self._each(side, block_work.start, None, *drawn)
            if features := self.features(side):
                weights = np.zeros((features.n_features, n_factors + 1), dtype)
                begun = begun.changed(side, weights)
        return begun

    def solve(
        self,
        model: Rows,
        side: str,
        prior: Prior,
        shift: Array | None = None,
        noise: Noise | None = None,
    ) -> Rows:
        """As data.Data.solve."""
        fixed, weights = self._fixed(model, side), self._weights(model, side)
        made, packed = model.next_of(side), self._is_packed(model, side)
        how = (made.step(side), model.global_mean, prior, shift, noise, weights, packed)
        homes = self._each(side, block_work.solve, packed, *how, more=fixed)
        self._rows[side] = (made.step(side), self._read(made, side, homes))
        return made

    def total(self, model: Rows, side: str, measure: Measure) -> Array:
        """As data.Data.total."""
        return sums.total(self.engine.results(self._total(model, side, measure)))

    def _total(self, model: Rows, side: str, measure: Measure) -> list[Handle]:
        rows = [[handle] for handle in self._handles(model, side)]
        weights = self._weights(model, side)
        return self._hand_out(side, block_work.total, None, measure, weights, more=rows)

    def collected(self, model: Rows, side: str, made: Change) -> Array:
        """As data.Data.collected."""
        return self.total(model, side, partial(parts.collected, made)).astype(model.dtype)

    def totals(self, of: HeldOut | None = None) -> Totals:
        return Totals(of is not None)

    def errors(
        self,
        model: Rows,
        scale: tuple[float, float],
        of: HeldOut | None = None,
        totals: Totals | None = None,
        n_samples: int = 1,
    ) -> Array:
        """As data.Data.errors."""
        held_out, of_mean = of is not None, n_samples if totals else 0
        handles = self._errors(model, scale, held_out, of_mean)
        found = sums.total(self.engine.results(handles))
        for block in self.blocks["user"] if of_mean > 1 else []:
            block_work.total_path(block, held_out, of_mean - 1).unlink(missing_ok=True)
        return found

    def _errors(
        self, model: Rows, scale: tuple[float, float], held_out: bool = False, of_mean: int = 0
    ) -> list[Handle]:
        packed = self._is_packed(model, "user")
        rows, fixed = self._handles(model, "user"), self._fixed(model, "user")
        how = (held_out, model.global_mean, scale, of_mean, packed)
        more = [[mine, *theirs] for mine, theirs in zip(rows, fixed, strict=True)]
        return self._hand_out("user", block_work.errors, packed, *how, more=more)

    def losses(
        self, model: Rows, scale: tuple[float, float], measure: Measure
    ) -> tuple[Array, list[float]]:
        """As data.Data.losses, all handed out at once."""
        of_sides = [self._total(model, side, measure) for side in SIDES]
        errors = self._errors(model, scale)
        found = [sums.total(self.engine.results(each)) for each in (errors, *of_sides)]
        return found[0], [float(each) for each in found[1:]]

    def judge(self, held_out: HeldOut, most: int, seed: int, stream: str) -> Judge:
        """As ranking.Judge.of."""
        users = ranking.sample(self.n_users, most, seed, stream)
        some = [
            users[(users >= block.first) & (users < block.stop)] for block in self.blocks["user"]
        ]
        found = {}
        for is_held_out in (False, True):
            more = [[numbers, is_held_out] for numbers in some]
            found[is_held_out] = _stack(self._each("user", block_work.take, False, more=more))
        return Judge(users, found[False], found[True].ratings, self.counts("item"), self.n_users)

    def lists(self, model: Rows, judge: Judge, n: int) -> Array:
        """As Judge.lists: the best of each block of items, put together."""
        where = [
            judge.users[(judge.users >= block.first) & (judge.users < block.stop)] - block.first
            for block in self.blocks["user"]
        ]
        handles = zip(self._handles(model, "user"), where, strict=True)
        taken = [self.engine.submit(block_work.take_rows, *each) for each in handles]
        users = np.concatenate(self.engine.results(taken))
        more = []
        for block, rows in zip(self.blocks["item"], self._handles(model, "item"), strict=True):
            seen = _columns(judge.seen, block.first, block.stop)
            more.append([users, rows, seen, n, np.ones(block.stop - block.first, bool)])
        found = self._each("item", block_work.top_n, None, more=more)
        lists, scores = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n]  # of equal ones the first
        return np.take_along_axis(lists, best, axis=1)

    # --- whole models, and what is kept of them

    def whole(self, model: Rows | Model) -> Model:
        """The model with its rows, in files that are mapped."""
        return model if isinstance(model, Model) else self.mean_of([model])

    def mean_of(self, samples: Sequence[Rows]) -> Model:
        """As model.mean_of, a block at a time; what one model that is no sample is itself."""
        first, arrays = samples[0], dict[str, Any]()
        for side in SIDES:
            for block in self.blocks[side]:
                rows = [block_work.read_rows(block, sample.step(side)) for sample in samples]
                pairs = [(some[:, :-1], some[:, -1]) for some in rows]
                for name, values in model.mean_rows(side, pairs, first.is_sample).items():
                    if name not in arrays:
                        arrays[name] = self._mapped(name, len(self.counts(side)), values)
                    arrays[name][block.first : block.stop] = values
        more = model.mean_beside([sample.arrays for sample in samples]) if first.is_sample else {}
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
            f"{side}-{one.step(side)}" for one in models if isinstance(one, Rows) for side in SIDES
        }
        for path in (self.source.folder / "rows").glob("*-*"):
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    # --- how work is handed out

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
        for place, (block, home) in enumerate(zip(blocks, self._homes(side), strict=True)):
            if packed is not None and engine.is_here and place + 1 < len(blocks):
                block_work.look_ahead(blocks[place + 1], packed)
            of_block = more[place] if more else ()
            handles.append(engine.submit(function, block, *arguments, *of_block, home=home))
        return handles

    def _homes(self, side: str) -> list[str]:
        """Where each block of a side is solved: always at the same worker, while that lives; each
        has as much work as the others, the largest blocks being given out first."""
        homes, blocks = self.engine.homes, self.blocks[side]
        works = [self._work(block) for block in blocks]
        given, found = dict.fromkeys(homes, 0), [""] * len(blocks)
        for place in sorted(range(len(blocks)), key=lambda place: -works[place]):
            found[place] = min(homes, key=given.__getitem__)
            given[found[place]] += works[place]
        return found

    def _work(self, block: Block) -> int:
        """Of a block, in ratings."""
        rows = self.counts(block.side)[block.first : block.stop]
        return int(rows.sum()) + OF_ROW * len(rows)

    def _weights(self, model: Rows, side: str) -> Array | None:
        return model.weights(side) if self.features(side) else None

    def _is_packed(self, model: Rows, side: str) -> bool:
        """Whether blocks of a side are sent no more of the other side than they need."""
        size = len(self.counts(OTHER[side])) * (model.n_factors + 1) * model.dtype.itemsize
        return bool(size > self.engine.params.broadcast_limit)

    def _handles(self, model: Rows, side: str) -> list[Handle]:
        """The rows of each block of a side."""
        step, handles = self._rows.get(side, (0, []))
        if step != model.step(side):
            step, handles = model.step(side), self._read(model, side, self._homes(side))
            self._rows[side] = (step, handles)
        return handles

    def _read(self, model: Rows, side: str, homes: Sequence[str]) -> list[Handle]:
        """Have rows read where they were written: so that they are made from a file alone, and one
        that is lost is not solved for again."""
        step, submit = model.step(side), self.engine.submit
        pairs = zip(self.blocks[side], homes, strict=True)
        return [submit(block_work.read_rows, block, step, home=home) for block, home in pairs]

    def _fixed(self, model: Rows, side: str) -> list[list[Handle]]:
        """For each block of a side, what it is sent of the other."""
        other, submit = OTHER[side], self.engine.submit
        step = model.step(other)
        if self._sent[:2] != (other, step):
            rows, homes = self._handles(model, other), self._homes(side)
            if self._is_packed(model, side):
                sent = self._pieces(side, rows)
            else:
                joined = {home: submit(block_work.join, *rows, home=home) for home in set(homes)}
                sent = [[joined[home]] for home in homes]
            self._sent = (other, step, sent)
        return self._sent[2]

    def _pieces(self, side: str, rows: Sequence[Handle]) -> list[list[Handle]]:
        others, submit = self.blocks[OTHER[side]], self.engine.submit
        if side not in self._placed:
            self._each(side, block_work.find_places, True, others)
            self._placed.add(side)
        return [
            [
                submit(block_work.cut, some, block_work.places(block, other))
                for some, other in zip(rows, others, strict=True)
            ]
            for block in self.blocks[side]
        ]


def fits_here(engine: EngineParams, settings: TrainParams | ImplicitParams) -> bool:
    """Whether training is done in this process, in memory."""
    limit = engine.memory_limit
    return engine.kind == "local" and (limit is None or in_memory(outputs.SPLIT, settings) <= limit)


def model_of(
    engine: EngineParams, settings: TrainParams | ImplicitParams
) -> type[Model] | type[Rows]:
    """What models are while training by this engine."""
    return Model if fits_here(engine, settings) else Rows


def training_data(
    engine: Engine, settings: TrainParams | ImplicitParams, refit: bool, folder: Path
) -> tuple[Any, Any]:
    """What the engine trains on, and the validation ratings, None if there are none: data.Data and
    Ratings if it fits here, else Blocked and what that has for them.

    refit: train on validation ratings as well. folder: for what lies in files.
    """
    split, index, limit = outputs.SPLIT, outputs.INDEX, engine.params.memory_limit
    kind = settings.model if isinstance(settings, TrainParams) else "mf"
    if fits_here(engine.params, settings):
        held_out = artifacts.read_ratings(split / "validation.parquet")
        if refit:
            by_user = artifacts.read_train_and_validation()
            csrs = by_user, by_user.transpose(artifacts.n_rows(split / "train_items.parquet"))
        else:
            csrs = artifacts.read_train()
        if not isinstance(settings, TrainParams):
            return Data(*csrs), held_out if len(held_out) else None
        genres = artifacts.read_genres() if kind == "genre_mf" else None
        return Data.of(*csrs, settings, genres), held_out if len(held_out) else None
    if kind in ("svdpp", "damped_biases"):
        raise MovierecError(
            f"train.model: {kind} is trained in memory only: set engine.kind to local, and"
            " engine.memory_limit to null"
        )
    memory = limit if engine.is_here else None
    paths = split.absolute(), index.absolute(), folder.absolute()
    data = Blocked(engine, Source(*paths, refit, False, kind == "genre_mf", memory))
    return data, data.held_out if len(data.held_out) else None


def in_memory(split: Path, settings: TrainParams | ImplicitParams) -> int:
    """About as many bytes as training in memory holds at most (docs/scale.md)."""
    n_users, n_items, n_ratings = (
        artifacts.n_rows(split / f"train_{name}.parquet") for name in ("users", "items", "by_user")
    )
    return (
        BASE + OF_RATING * n_ratings + OF_ROWS * 4 * (n_users + n_items) * (settings.n_factors + 1)
    )


def _stack(csrs: Sequence[Csr]) -> Csr:
    """The rows of several, one after the other."""
    indptr = indptr_of(np.concatenate([csr.counts for csr in csrs]))
    indices, values = (
        np.concatenate([getattr(csr, name) for csr in csrs]) for name in ("indices", "values")
    )
    return Csr(indptr, indices, values)


def _columns(csr: Csr, first: int, stop: int) -> Csr:
    """The columns first … stop − 1, counted from the first of them."""
    there = (csr.indices >= first) & (csr.indices < stop)
    counts = np.bincount(csr.row_index[there], minlength=csr.n_rows)
    return Csr(indptr_of(counts), csr.indices[there] - np.int32(first), csr.values[there])
