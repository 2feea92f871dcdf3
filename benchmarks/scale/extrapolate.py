"""Estimate the cost of an epoch on many machines, by a model fitted to measure.py's results.

    python -m benchmarks.scale.extrapolate --folder SPLIT

SPLIT: a folder that measure.py wrote (--folder), whose ratings determine how many rows blocks need
and how evenly work is divided. Prints tables of estimates, which docs/scaling.md quotes.
"""

import argparse
import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import nnls

from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr
from movierec.data.tree_sums import CHUNK
from movierec.engine.blocks import cut_by_cost
from movierec.training.blocks.scheduler import ROW_COST

RESULTS = Path("benchmarks/results")
CORES = 2  # of the machine that was measured
# The assumed machine, and the assumed data and model.
MACHINE = {"cores": 16, "network": 1.25e9, "disk": 1.0e9, "memory": 64e9}
FACTORS, BLOCKS_A_MACHINE = 64, 4
OF_25M = {"n_users": 162_541 / 25_000_095, "n_items": 59_047 / 25_000_095}
RATING, NUMBER = 8, 4  # bytes


@dataclass(frozen=True)
class Size:
    n_ratings: float
    n_users: float
    n_items: float
    n_factors: int = FACTORS

    @property
    def rows(self) -> float:
        return self.n_users + self.n_items

    @property
    def row_bytes(self) -> float:
        """The bytes of one row."""
        return (self.n_factors + 1) * NUMBER

    def arithmetic(self) -> list[float]:
        """The operations of an epoch: products, Cholesky factors, bytes gathered."""
        f, n = self.n_factors, self.n_ratings
        products, factors = 2 * n * (f + 1) * (f + 2), self.rows * (f + 1) ** 3 / 3
        return [products, factors, 2 * n * (RATING + NUMBER * f)]


def of_shape(shape: dict[str, int], n_factors: int) -> Size:
    return Size(shape["n_ratings"], shape["n_users"], shape["n_items"], n_factors)


def reports() -> list[dict[str, Any]]:
    paths = sorted(RESULTS.glob("scale-*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def fit(found: list[dict[str, Any]]) -> tuple[Array, list[tuple[Size, float, float]]]:
    """Seconds for each unit of Size.arithmetic on all cores; measured and fitted seconds."""
    medians: dict[Size, list[float]] = {}
    for report in found:
        for run in report["runs"]:
            if run["engine"] == "memory":
                size = of_shape(report["shape"], run["n_factors"])
                medians.setdefault(size, []).append(run["median"])
    sizes = sorted(medians, key=lambda size: (size.n_ratings, size.n_factors))
    seconds = np.array([float(np.median(medians[size])) for size in sizes])
    terms = np.array([size.arithmetic() for size in sizes])
    scale = terms.max(axis=0)
    weights = nnls(terms / scale / seconds[:, None], np.ones(len(sizes)))[0] / scale
    fitted = terms @ weights
    return weights, list(zip(sizes, seconds.tolist(), fitted.tolist(), strict=True))


def sent_to_all(size: Size, n_machines: int) -> float:
    """Bytes sent in an epoch when each worker gets all rows of either side."""
    return (n_machines - 1) * size.rows * size.row_bytes


def needed_share(ratings: Csr, n_fixed: int, n_blocks: int) -> float:
    """The mean share of the other side's rows that a block needs."""
    size = -(-len(ratings.indices) // n_blocks)
    ends = [ratings.indptr[stop] for _, stop in cut_by_cost(ratings.counts, size, CHUNK)]
    begins = [0, *ends[:-1]]
    pairs = zip(begins, ends, strict=True)
    counts = [len(np.unique(ratings.indices[begin:end])) for begin, end in pairs]
    return float(np.mean(counts)) / n_fixed


def works(counts: Array, n_blocks: int, strip: int = CHUNK) -> list[float]:
    """The costs of blocks of rows, divided as in training."""
    cost = counts + ROW_COST
    size = -(-int(cost.sum()) // n_blocks)
    return [float(cost[first:stop].sum()) for first, stop in cut_by_cost(cost, size, strip)]


def makespan(blocks: list[float], speeds: list[float], moves: bool) -> float:
    """The time when the last worker finishes, by static or dynamic assignment.

    Static: blocks are assigned beforehand as if of equal cost. Dynamic: to the next free worker.
    """
    blocks = sorted(blocks, reverse=True)
    ends = [0.0] * len(speeds)
    given = [(0.0, worker) for worker in range(len(speeds))]
    for work in blocks:
        end, worker = heapq.heappop(given)
        ends[worker] += work / speeds[worker]
        heapq.heappush(given, (ends[worker] if moves else end + work, worker))
    return max(ends)


def efficiency(blocks: list[float], speeds: list[float], moves: bool = False) -> float:
    """The share of the workers' time that is used until the last one finishes."""
    return sum(blocks) / sum(speeds) / makespan(blocks, speeds, moves)


def epoch_on(
    size: Size, n_machines: int, weights: Array, shares: Callable[[str, int], float]
) -> dict[str, float]:
    """The seconds, bytes sent and memory per machine of an epoch, on machines like MACHINE."""
    compute = float(np.dot(size.arithmetic(), weights)) * CORES / MACHINE["cores"] / n_machines
    n_blocks = BLOCKS_A_MACHINE * n_machines
    to_all = sent_to_all(size, n_machines)
    needed = sum(
        n_blocks * shares(side, n_blocks) * fixed * size.row_bytes * (1 - 1 / n_machines)
        for side, fixed in (("user", size.n_items), ("item", size.n_users))
    )
    sent = min(to_all, needed)
    ratings = 2 * RATING * size.n_ratings / n_machines
    largest = max(size.n_users, size.n_items) * size.row_bytes
    held = largest if to_all <= needed else largest * shares("item", n_blocks)
    read = max(0.0, ratings + held - MACHINE["memory"] / 2)
    return {
        "compute": compute,
        "network": sent / n_machines / MACHINE["network"],
        "disk": (read + 2 * size.rows * size.row_bytes / n_machines) / MACHINE["disk"],
        "sent": sent,
        "to_all": to_all,
        "memory": ratings + held,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    weights, fitted = fit(reports())
    by_user, by_item = parquet_tables.read_train(args.folder)
    sides = {"user": (by_user, by_item.n_rows), "item": (by_item, by_user.n_rows)}
    shares = {
        (side, n): needed_share(csr, n_fixed, n)
        for side, (csr, n_fixed) in sides.items()
        for n in (4, 8, 16, 40, 100, 400)
    }
    for line in lines(
        weights, fitted, shares, {side: csr.counts for side, (csr, _) in sides.items()}
    ):
        print(line)


def lines(
    weights: Array,
    fitted: list[tuple[Size, float, float]],
    shares: dict[tuple[str, int], float],
    counts: dict[str, Array],
) -> Iterator[str]:
    yield "| ratings | n_factors | s measured | s by the model |"
    yield "|---|---|---|---|"
    for size, measured, by_model in fitted:
        yield f"| {size.n_ratings:,.0f} | {size.n_factors} | {measured:.2f} | {by_model:.2f} |"
    yield f"weights {weights.tolist()}"
    yield "\n| blocks of a side | items that one of users needs | users that one of items needs |"
    yield "|---|---|---|"
    for n in sorted({n for _, n in shares}):
        yield f"| {n} | {shares['user', n]:.0%} | {shares['item', n]:.0%} |"
    yield "\n| workers | blocks each | users | items | one 10 times slower | and blocks move |"
    yield "|---|---|---|---|---|---|"
    for n_workers in (2, 10, 100):
        for each in (1, 2, 4, 8):
            cut = {side: works(counts[side], n_workers * each) for side in counts}
            even, slow = [1.0] * n_workers, [0.1] + [1.0] * (n_workers - 1)
            cells = [efficiency(cut[side], even) for side in ("user", "item")]
            cells += [efficiency(cut["user"], slow, moves) for moves in (False, True)]
            row = (n_workers, each, *(f"{cell:.0%}" for cell in cells))
            yield f"| {' | '.join(map(str, row))} |"
    columns = "s an epoch | compute | network | disk | sent, GB | each holds, GB"
    yield f"\n| ratings | machines | {columns} |"
    yield "|---|---|---|---|---|---|---|---|"
    for n_ratings in (1e9, 1e10):
        size = Size(int(n_ratings), *(int(share * n_ratings) for share in OF_25M.values()))
        for n_machines in (10, 100):
            found = epoch_on(size, n_machines, weights, lambda side, n: shares[side, n])
            total = found["compute"] + found["network"] + found["disk"]
            yield (
                f"| {n_ratings:,.0f} | {n_machines} | {total:.1f} | {found['compute']:.1f}"
                f" | {found['network']:.1f} | {found['disk']:.1f} | {found['sent'] / 1e9:,.0f}"
                f" | {found['memory'] / 1e9:.1f} |"
            )


if __name__ == "__main__":
    main()
