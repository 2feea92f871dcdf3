"""A run as numbers: its metrics and the data of its plots. All that a picture is drawn from."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from movierec.core.errors import MovierecError

METRICS = ("index", "split", "train", "implicit", "evaluate", "intervals", "recommend")
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
    """dataset: its name. metrics: by stage. plots: the rows of each CSV, by its name."""

    dataset: str
    metrics: Mapping[str, dict[str, Any]]
    plots: Mapping[str, pd.DataFrame]

    @classmethod
    def read(cls, dataset: str, folder: Path = Path()) -> "Results":
        """Those of the last run; MovierecError where one is missing or damaged."""
        return cls(
            dataset,
            {name: _read(folder / "metrics" / f"{name}.json", _metrics) for name in METRICS},
            {
                name: _read(folder / "plots" / stage / f"{name}.csv", _rows)
                for stage, names in PLOTS.items()
                for name in names
            },
        )

    @property
    def at_n(self) -> str:
        """How the keys of ranking metrics end, such as @10."""
        ranking = next(iter(self.metrics["evaluate"]["ranking"].values()))
        return "@" + next(iter(ranking)).partition("@")[2]


def _metrics(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _rows(path: Path) -> pd.DataFrame:
    """A movie may be called NA: nothing but an empty field is a gap."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except (OSError, ValueError):
        raise MovierecError(f"{path}: missing or damaged; run dvc repro") from None
