"""Compare the speed of movierec and every installed peer on the same arrays, in one table.

    python -m benchmarks.speed.run                      ml-25m's shape, minutes per peer
    python -m benchmarks.speed.run --smoke              small, a minute

The ratings are generated (benchmarks/generate.py); 80 % of them are trained on. Results are saved
as JSON and Markdown.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generate import ML_25M_RATINGS, generate
from benchmarks.harness import RESULTS, machine, run_module, write_report

FACTORS = 64
RUNS = [  # contender, n_factors
    ("sgemm", 0),
    ("movierec", 10),
    ("movierec", 32),
    ("movierec", FACTORS),
    ("movierec", 128),
    ("lenskit", FACTORS),
    ("cmfrec CG", FACTORS),
    ("cmfrec Cholesky", FACTORS),
    ("implicit CG", FACTORS),
    ("spark", FACTORS),
    ("movierec", FACTORS),  # again, to reveal a drift of the machine's speed
    ("movierec top-n", FACTORS),
    ("implicit top-n", FACTORS),
]
SGEMM_OPERATIONS = 2 * 4096**3


def necessary_operations(shape: dict[str, int], n_factors: int) -> float:
    """The floating-point operations that an epoch of exact solves needs at least.

    For each row: half of the symmetric Gram matrix with the bias and the rhs, and a Cholesky.
    """
    rows = shape["n_users"] + shape["n_items"]
    products = 2 * shape["n_train"] * (n_factors + 1) * (n_factors + 2)
    return products + rows * (n_factors + 1) ** 3 / 3


def prepare(n_ratings: int, seed: int, folder: Path) -> dict[str, int]:
    """Generate ratings, take 80 %, index them by descending count, and save the arrays."""
    data = generate(n_ratings, seed)
    kept = np.random.default_rng(seed).random(n_ratings) < 0.8
    user, item, rating = data.user_index[kept], data.item_index[kept], data.rating[kept]
    counts = np.bincount(item, minlength=data.n_items)
    rank = np.empty(data.n_items, np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(data.n_items)
    item = rank[item]
    order = np.lexsort((item, user))
    n_users = len(data.indptr) - 1
    indptr = np.concatenate(([0], np.cumsum(np.bincount(user, minlength=n_users))))
    arrays = {"indptr": indptr, "indices": item[order], "values": rating[order]}
    for name, array in (arrays | {"n_items": np.array(data.n_items)}).items():
        np.save(folder / f"{name}.npy", array)
    return {
        "n_ratings": n_ratings,
        "n_train": len(user),
        "n_users": n_users,
        "n_items": data.n_items,
    }


def contend(name: str, n_factors: int, folder: Path, epochs: int) -> dict[str, Any]:
    environment = {}
    if name.startswith("implicit"):  # as its documentation requires
        environment = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    options = ("--n-factors", n_factors, "--epochs", epochs)
    result = run_module(
        "benchmarks.speed.trainers", name, folder, *options, environment=environment
    )
    return {"name": name, "n_factors": n_factors, **result}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    entries = report["results"]
    ours = [e["median"] for e in entries if (e["name"], e["n_factors"]) == ("movierec", FACTORS)]
    top_n = [e["median"] for e in entries if e["name"] == "movierec top-n" and "median" in e]
    speed = next((SGEMM_OPERATIONS / e["median"] for e in entries if e["name"] == "sgemm"), np.nan)
    shape, host = report["shape"], report["machine"]
    lines = [
        f"{shape['n_ratings']:,} generated ratings, {shape['n_train']:,} trained on,"
        f" {shape['n_users']:,} users, {shape['n_items']:,} items; {host['processor']},"
        f" {host['cores']} cores, Python {host['python']}; float32 product of NumPy:"
        f" {speed / 1e9:.0f} GFLOP/s.",
        "",
        "| | n_factors | s, median (least–greatest) | over movierec | of sgemm's speed | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for entry in entries:
        label = f"{entry['name']} {entry.get('version', '')}".strip()
        if "median" not in entry:
            why = entry.get("absent") or entry.get("failed")
            lines.append(f"| {label} | {entry['n_factors']} | {why} | | | |")
            continue
        seconds = entry["seconds"]
        of_peer, share = "", ""
        if entry["name"].endswith("top-n"):
            of_peer = f"{entry['median'] / top_n[0]:.2f}" if top_n else ""
        elif entry["n_factors"] == FACTORS and ours:
            of_peer = f"{entry['median'] / np.median(ours):.2f}"
        if entry["name"] == "movierec":
            needed = necessary_operations(shape, entry["n_factors"])
            share = f"{needed / entry['median'] / speed:.0%}"
        lines.append(
            f"| {label} | {entry['n_factors'] or ''} | {entry['median']:.3f}"
            f" ({min(seconds):.3f}–{max(seconds):.3f}) | {of_peer} | {share}"
            f" | {entry['peak_bytes'] / 1e6:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", type=int, default=ML_25M_RATINGS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="small: a minute, for the tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", help="contenders to run")
    parser.add_argument("--factors", nargs="*", type=int, help="numbers of factors to run")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.smoke:
        args.ratings, args.epochs = 50_000, 1
    with tempfile.TemporaryDirectory() as scratch:
        shape = prepare(args.ratings, args.seed, Path(scratch))
        report: dict[str, Any] = {"machine": machine(), "shape": shape, "results": []}
        for name, n_factors in RUNS:
            if args.only and name not in args.only:
                continue
            if args.factors and n_factors not in (0, *args.factors):
                continue
            entry = contend(name, n_factors, Path(scratch), args.epochs)
            report["results"].append(entry)
            print(json.dumps(entry), file=sys.stderr, flush=True)
    name = "bench-smoke" if args.smoke else f"bench-{args.ratings}"
    write_report(args.out / name, report, table(report))


if __name__ == "__main__":
    main()
