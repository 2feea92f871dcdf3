"""A run as numbers: its metrics and the tables of its plots, from which pictures are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from movierec.core import reporting
from movierec.core.errors import MovierecError
from movierec.core.paths import PLOTS as FOLDER

MEASURED = ("index", "split", "train", "implicit", "evaluate", "recommend")  # stages with details
PLOTS = {  # by the stage that writes them: plots/<stage>/<name>.csv
    "index": ("ratings", "years"),
    "train": ("training",),
    "implicit": ("implicit",),
    "evaluate": (
        *("errors", "rankings", "predicted", "residuals", "calibration", "interval_coverage"),
        *(f"rmse_by_{of}" for of in ("user_activity", "item_popularity", "genre", "decade")),
    ),
    "draw": (
        *("activity", "most_rated", "genre_ratings", "factors", "polarising", "genres"),
        *("genre_movies", "neighbours", "recommended", "recommended_genres"),
    ),
}


@dataclass(frozen=True)
class Results:
    """dataset: its name. metrics: details.json by stage. plots: the rows of each CSV, by name."""

    dataset: str
    metrics: Mapping[str, dict[str, Any]]
    plots: Mapping[str, pd.DataFrame]

    @classmethod
    def read(cls, dataset: str, folder: Path = Path()) -> "Results":
        """Read the results of the last run; MovierecError if one is missing or damaged."""
        plots = {name: f"{stage}/{name}.csv" for stage, names in PLOTS.items() for name in names}
        return cls(
            dataset,
            {stage: reporting.read_details(stage, folder) for stage in MEASURED},
            {name: read_rows(folder / FOLDER / path) for name, path in plots.items()},
        )

    @property
    def at_n(self) -> str:
        """The end of the keys of ranking metrics, such as @10."""
        ranking = next(iter(self.metrics["evaluate"]["ranking"].values()))
        return "@" + next(iter(ranking)).partition("@")[2]


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of a plot; only an empty field is a gap, since a movie may be called NA."""
    try:
        return pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError):
        raise MovierecError(f"{path}: missing or damaged; run dvc repro") from None
