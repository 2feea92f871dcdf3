"""Read Parquet files without importing pandas or Numba, which are slow to load."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from movierec.core import log
from movierec.core.errors import MovierecError
from movierec.core.paths import INDEX


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Turn the exceptions of pyarrow into one line that names the file.

    Raises an audit event, as Python's own open does, so that tests see which files are read
    (docs/decisions/test-data.md).
    """
    sys.audit("open", str(path), "rb", 0)
    try:
        with log.timed("read", path):
            yield
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run dvc repro") from None
    except (pa.ArrowException, OSError, LookupError, ValueError, MemoryError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise MovierecError(f"{path}: {reason}; restore it with dvc checkout --force") from None


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a file: all columns, or those named."""
    with explain_errors(path), pq.ParquetFile(path) as file:  # pq.read_table would load pandas
        table = file.read(columns)
        return table if columns is None else table.select(columns)


def read_item_table(folder: Path = INDEX) -> pa.Table:
    """Read items.parquet; row number = item_index."""
    return read_table(folder / "items.parquet")
