"""A run as numbers: its metrics and the tables of its plots, from which pictures are drawn."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from movierec.core import result_files
from movierec.core.errors import MovierecError
from movierec.core.params import Params
from movierec.core.paths import PLOTS as FOLDER
from movierec.core.paths import details

GROUP = "rmse damped_biases_rmse n_test"
MOVIE = "title:text n_ratings"
# By the stage that writes them: plots/<stage>/<name>.csv, and its columns of text and of numbers.
PLOTS: Mapping[str, Mapping[str, str]] = {
    "index": {"ratings": "rating n_ratings", "years": "year n_ratings"},
    "train": {"training": "epoch objective train_rmse validation_rmse noise_precision"},
    "implicit": {"implicit": "epoch objective validation_ndcg"},
    "evaluate": {
        "errors": "model:text rmse low high",
        "rankings": "ranking:text ndcg recall hit_rating coverage novelty diversity low high",
        "predicted": "rating p10 p25 median p75 p90 n_test",
        "residuals": "residual n_test",
        "calibration": "predicted_rating rating n_test",
        "interval_coverage": "level coverage",
        "interval_coverage_by_group": "side:text min_ratings max_ratings"
        " coverage_50 coverage_80 coverage_95 n_test",
        "rmse_by_user_activity": f"n_ratings:text {GROUP}",
        "rmse_by_item_popularity": f"n_ratings:text {GROUP}",
        "rmse_by_genre": f"genre:text {GROUP}",
        "rmse_by_decade": f"decade:text {GROUP}",
    },
    "draw": {
        "activity": "side:text n_ratings share share_of_ratings power_law",
        "most_rated": MOVIE,
        "genre_ratings": "genre:text n_ratings",
        "factors": f"{MOVIE} genres:text x y",
        "polarising": f"{MOVIE} deviation",
        "genres": "genre:text n_movies x y",
        "genre_movies": "title:text genre:text x y",
        "neighbours": "title:text rank similar_title:text similarity",
        "recommended": "part ratings recommendations coverage",
        "recommended_genres": "genre:text ratings recommendations",
    },
}


@dataclass(frozen=True)
class Results:
    """dataset: its name. metrics: details.json by stage. plots: the rows of each CSV, by name.

    digest: the sha256 of all these files, which a picture of them records.
    """

    dataset: str
    metrics: Mapping[str, dict[str, Any]]
    plots: Mapping[str, pd.DataFrame]
    digest: str

    @classmethod
    def read(cls, params: Params, folder: Path = Path()) -> "Results":
        """Read the results of the last run.

        Raises MovierecError if one is missing or damaged, or was made with other params than these.
        """
        paths = {
            name: folder / FOLDER / stage / f"{name}.csv"
            for stage, tables in PLOTS.items()
            for name in tables
        }
        columns = {name: text for tables in PLOTS.values() for name, text in tables.items()}
        metrics = {
            stage: result_files.read_details(stage, folder, params)
            for stage in result_files.MADE_WITH
        }
        plots = {name: read_rows(path, columns[name]) for name, path in paths.items()}
        digest = hashlib.sha256()
        for path in (*(folder / details(stage) for stage in metrics), *paths.values()):
            digest.update(result_files.read_bytes(path))
        return cls(params.dataset, metrics, plots, digest.hexdigest())

    @property
    def at_n(self) -> str:
        """The end of the keys of ranking metrics, such as @10."""
        ranking = next(iter(self.metrics["evaluate"]["ranking"].values()))
        return "@" + next(iter(ranking)).partition("@")[2]


def read_rows(path: Path, columns: str) -> pd.DataFrame:
    """Read the rows of a plot; MovierecError unless it has these columns. An empty field is a gap.

    columns: the names, those of texts with `:text`.
    """
    names = [name.removesuffix(":text") for name in columns.split()]
    texts = [name.removesuffix(":text") for name in columns.split() if name.endswith(":text")]
    content = result_files.read_bytes(path)
    try:
        rows = pd.read_csv(  # a movie may be called NA, or 300
            io.BytesIO(content),
            dtype=dict.fromkeys(texts, str),
            keep_default_na=False,
            na_values=[""],
        )
    except (ValueError, OverflowError) as error:
        raise result_files.damaged(path, str(error)) from None
    if missing := [name for name in names if name not in rows]:
        raise result_files.damaged(path, f"no column {missing[0]}")
    for name in names:
        column = rows[name]
        if name in texts:
            rows[name] = column.fillna("")
        elif column.empty:
            rows[name] = column.astype(np.float64)
        elif column.dtype.kind not in "iuf" or np.isinf(column).any():
            raise result_files.damaged(path, f"column {name} has more than numbers")
    return rows[names]


@contextmanager
def explain_errors(picture: str) -> Iterator[None]:
    """Turn the exceptions of code that gets tables which do not fit together into one line."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MovierecError(
            f"{FOLDER}: the tables of the picture {picture!r} are damaged, or not of one run"
            " (MOVIEREC_LOG=debug shows where); run dvc repro"
        ) from error
