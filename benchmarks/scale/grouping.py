"""Group ratings by item within 1.5 GB: with prepare/exchange.py, DuckDB and Polars.

    python -m benchmarks.scale.grouping --index data/index

--index: the index stage's output, whose ratings by user are grouped. Each runs in its own process,
on two threads, and writes a Parquet file. DuckDB and Polars are optional: a package that is not
installed is left out. Saved in benchmarks/results; docs/decisions/dask.md quotes it.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, ROOT, machine, memory_of, write_report

MEMORY, THREADS = "1500MB", 2
ROWS = 1 << 20  # of a row group
METHODS = ("exchange", "duckdb", "polars")


def write_input(index: Path, to: Path) -> int:
    """Write the ratings by user with their users; returns the number of ratings."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from movierec.data import parquet_tables

    (counts,) = parquet_tables.read_columns(index / "users.parquet", ["n_ratings"])
    names = ["item_index", "rating"]
    item, rating = parquet_tables.read_columns(index / "ratings_by_user.parquet", names)
    user = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    table = pa.table({"item_index": item, "user_index": user, "rating": rating})
    pq.write_table(table, to, row_group_size=ROWS, compression="zstd")
    return len(item)


def by_exchange(source: Path, index: Path, scratch: Path) -> None:
    from movierec.core.params import load_params
    from movierec.data import parquet_tables
    from movierec.engine.blocks import cut_evenly
    from movierec.engine.local import Engine
    from movierec.prepare import exchange, parquet_writer
    from movierec.prepare.exchange import BY_ITEM, Exchange

    work = Engine(load_params(ROOT / "params.yaml").engine)
    (counts,) = parquet_tables.read_columns(index / "items.parquet", ["n_ratings"])
    to_items = Exchange(scratch / "items", exchange.bounds_of(work, counts))
    blocks = cut_evenly(int(counts.sum()), work.params.block_ratings)

    def send(number: int, block: tuple[int, int]) -> None:
        columns = parquet_tables.read_columns(source, list(BY_ITEM), *block)
        to_items.store(number, columns[0], dict(zip(BY_ITEM, columns, strict=True)))

    list(work.map_in_threads(send, range(len(blocks)), blocks))
    with parquet_writer.tables() as append:
        for table in exchange.by_item(work, to_items, len(blocks)):
            append(scratch / "by_item.parquet", table)


def by_duckdb(source: Path, index: Path, scratch: Path) -> None:
    import duckdb

    with duckdb.connect() as database:
        for name, value in (("memory_limit", MEMORY), ("temp_directory", str(scratch))):
            database.execute(f"set {name} = '{value}'")
        database.execute(f"set threads = {THREADS}")
        rows = database.read_parquet(str(source)).order("item_index, user_index")
        rows.write_parquet(
            str(scratch / "by_item.parquet"), compression="zstd", row_group_size=ROWS
        )


def by_polars(source: Path, index: Path, scratch: Path) -> None:
    import polars

    rows = polars.scan_parquet(source).sort("item_index", "user_index")
    rows.sink_parquet(
        scratch / "by_item.parquet", compression="zstd", row_group_size=ROWS, engine="streaming"
    )


def run(name: str, source: Path, index: Path) -> dict[str, Any]:
    """Seconds and peak memory of one of METHODS, in this process."""
    method = {"exchange": by_exchange, "duckdb": by_duckdb, "polars": by_polars}[name]
    with tempfile.TemporaryDirectory(dir=source.parent) as scratch:
        start = time.perf_counter()
        method(source, index.absolute(), Path(scratch))
        seconds = time.perf_counter() - start
    package = "movierec" if name == "exchange" else name
    return {
        "method": f"{package} {metadata.version(package)}",
        "seconds": seconds,
        "peak": memory_of(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--run", nargs=2, help="one method, and the input, in this process")
    args = parser.parse_args()
    if args.run:
        print(json.dumps(run(args.run[0], Path(args.run[1]), args.index)))
        return
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ratings.parquet"
        n_ratings = write_input(args.index, source)
        for name in METHODS:
            if name != "exchange" and importlib.util.find_spec(name) is None:
                continue
            command = [sys.executable, "-m", "benchmarks.scale.grouping", "--index", args.index]
            limits = {"POLARS_MAX_THREADS": str(THREADS), "NUMBA_NUM_THREADS": str(THREADS)}
            done = subprocess.run(
                [*map(str, command), "--run", name, str(source)],
                env=os.environ | limits,
                stdout=subprocess.PIPE,
                check=True,
            )
            runs.append(json.loads(done.stdout))
    rows = [f"| {one['method']} | {one['seconds']:.1f} | {one['peak'] / 1e9:.2f} |" for one in runs]
    text = [f"{n_ratings:,} generated ratings, grouped by item.", ""]
    table = "\n".join([*text, "| by | s | peak GB |", "|---|---|---|", *rows])
    report = {"machine": machine(), "n_ratings": n_ratings, "runs": runs}
    write_report(RESULTS / f"grouping-{n_ratings}", report, table)


if __name__ == "__main__":
    main()
