"""Results of a run: metrics, details and plots. What is read is checked, and is of the params here.

Every reader of results goes through this module: a file that is missing, damaged, written by
another version or made with other params is one line, never a figure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from movierec.core.atomic import atomic_file
from movierec.core.errors import MovierecError, reason_of
from movierec.core.params import Params
from movierec.core.paths import METRICS, details

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 6  # significant digits
HEADLINES = ("test", "test_baseline", "train")  # the files in metrics/
MAX_SIZE = 32_000_000  # bytes of a file of results; the largest are a few hundred kB
TAG = re.compile(r"<(?=[A-Za-z/!?])|{(?=(scripts|plot_divs|refresh_tag)})")  # HTML's, and DVC's
MAX_SHOWN, MAX_REASON = 60, 120  # characters of a value, and of a reason, in a message
MAX_CHANGES = 3  # params that a message names
# The params that the results of a stage depend on; `data` is the block of the data set.
DATA = ("dataset", "data")
SPLIT = (*DATA, "index", "seed", "split")
MODELS = ("train", "implicit", "item_regression")
MADE_WITH = {
    "index": (*DATA, "index"),
    "split": SPLIT,
    "train": (*SPLIT, "train"),
    "implicit": (*SPLIT, "implicit"),
    "item_regression": (*SPLIT, "item_regression"),
    "evaluate": (*SPLIT, *MODELS, "evaluate", "recommend"),
    "recommend": (*SPLIT, *MODELS, "recommend"),
}
# Where the data come from, which does not change them: their hash is compared instead.
PLACE_OF_DATA = {"source", "requirement", "url", "mirror_url", "path", "file", "size", "licence"}

# --- What each file contains. More keys are allowed; None is a figure that there is not.

Count = Annotated[int, Field(ge=0, lt=2**63)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Figure = Number | None
Second = Annotated[int, Field(ge=-62_135_596_800, lt=253_402_300_800)]  # years 1 to 9999


class _Figures(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Ends(_Figures):
    """A 95% interval."""

    model_config = ConfigDict(extra="forbid")
    low: Figure
    high: Figure


class _Errors(_Figures):
    rmse: Figure
    mae: Figure


class _ErrorEnds(_Figures):
    rmse: _Ends


class _Intervals(_Figures):
    test: _ErrorEnds
    baseline: dict[str, _ErrorEnds]
    ranking: dict[str, dict[str, _Ends]]


class _IndexDetails(_Figures):
    n_ratings: Count
    n_users: Count
    n_movies: Count
    n_rated_movies: Count
    mean_rating: Number
    density: Number
    first_timestamp: Second | None
    last_timestamp: Second | None


class _SplitDetails(_Figures):
    n_train: Count
    n_validation: Count
    n_test: Count
    n_validation_given: Count
    n_cold_items: Count
    left_out: dict[str, Count]


class _TrainingDetails(_Figures):
    best_epoch: Count


class _RegressionDetails(_Figures):
    n_items: Count


class _EvaluateDetails(_Figures):
    test: _Errors
    baseline: Annotated[dict[str, _Errors], Field(min_length=1)]
    ranking: Annotated[dict[str, dict[str, Figure]], Field(min_length=1)]
    n_ranked_users: Count
    calibration: dict[str, Number]
    interval_coverage: dict[str, Number]
    intervals: _Intervals
    made_from: str

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        """All rankings have the same metrics, and what the report shows has an interval."""
        keys = list(next(iter(self.ranking.values())))
        ndcg, _, n = (keys or [""])[0].partition("@")
        if ndcg != "ndcg" or not n.isdecimal() or f"coverage@{n}" not in keys:
            raise ValueError("a ranking should have ndcg@n, ..., coverage@n")
        if any(list(ranking) != keys for ranking in self.ranking.values()):
            raise ValueError("all rankings should have the same metrics")
        if self.intervals.baseline.keys() != self.baseline.keys():
            raise ValueError("the intervals should be of the baselines")
        if any(keys[0] not in self.intervals.ranking.get(name, {}) for name in self.ranking):
            raise ValueError("the intervals should be of the rankings")
        return self


class _RecommendDetails(_Figures):
    n_users: Count
    coverage: Number
    median_n_ratings: Figure


DETAILS: dict[str, type[_Figures]] = {
    "index": _IndexDetails,
    "split": _SplitDetails,
    "train": _TrainingDetails,
    "implicit": _TrainingDetails,
    "item_regression": _RegressionDetails,
    "evaluate": _EvaluateDetails,
    "recommend": _RecommendDetails,
}

# --- Writing


def round_metrics(value: Any) -> Any:
    """Metrics, also nested ones, rounded to 6 significant digits; NaN becomes None for JSON.

    NaN is a figure that there is not, such as an interval for a single user. Raises ValueError for
    infinity, which is none of a usable model.
    """
    if isinstance(value, Mapping):
        return {key: round_metrics(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [round_metrics(entry) for entry in value]
    if value is None or isinstance(value, int | str):
        return value
    number = float(value)
    if math.isinf(number):
        raise ValueError("a figure is infinite")
    return None if math.isnan(number) else float(f"{number:.{DIGITS}g}")


def write_metrics(name: str, metrics: Mapping[str, Any]) -> None:
    """Write metrics/<name>.json, the few numbers that DVC shows; MovierecError for infinity."""
    path = METRICS / f"{name}.json"
    _write_json(path, _finite(path, metrics))


def write_details(stage: str, params: Params, measured: Mapping[str, Any]) -> None:
    """Write all results of a stage, for the report, the model card and other programs.

    The file is a list of one object, because DVC warns about files in plots/ that are not lists.
    Its `made_with` has the params that the results depend on. Raises MovierecError for infinity.
    """
    path = details(stage)
    _write_json(path, [_finite(path, measured) | {"made_with": made_with(stage, params)}])


def _finite(path: Path, measured: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(round_metrics(measured))
    except ValueError as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, reason: object) -> MovierecError:
    return MovierecError(
        f"{path}: not written: {reason}, so the model is unusable; check the params that you"
        " changed, and the ratings"
    )


def _write_json(path: Path, content: Any) -> None:
    with atomic_file(path) as partial:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")


def write_plot(path: str | Path, rows: pd.DataFrame) -> None:
    """Write a plot's data as CSV, with numbers rounded like metrics; NaN is an empty field.

    Texts contain no tags of HTML or DVC: its page of plots would run a title with a script. Raises
    MovierecError for infinity.
    """
    path, rows = Path(path), rows.copy()
    for name, column in rows.items():
        if column.dtype.kind == "O":
            rows[name] = column.map(_without_tags, na_action="ignore")
        elif column.dtype.kind == "f" and (column.abs() == math.inf).any():
            raise _unusable(path, f"column {name} is infinite")
    with atomic_file(path) as partial:
        rows.to_csv(partial, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def _without_tags(text: object) -> object:
    return TAG.sub("‹", text) if isinstance(text, str) else text


# --- The params that results are of


def made_with(stage: str, params: Params) -> dict[str, Any]:
    """The params that the results of a stage depend on, as in params.yaml."""
    blocks = params.model_dump(include=set(MADE_WITH[stage]), exclude={"data": PLACE_OF_DATA})
    return {name: blocks[name] for name in MADE_WITH[stage]}


def check_params(where: Path, recorded: Mapping[str, Any], params: Params) -> None:
    """Raise MovierecError, which names them, if recorded params have other values here.

    recorded: nested, such as `made_with` or the params of a manifest's record. Keys that are no
    longer a param count as changed; where the data come from does not.
    """
    dataset = recorded.get("dataset", params.dataset)
    if dataset != params.dataset:
        raise MovierecError(
            f"{where}: made from data set {_shown(dataset)}, but params.yaml says"
            f" {params.dataset!r}; run dvc repro"
        )
    place = {f"data.{key}" for key in PLACE_OF_DATA}
    changed = [text for key, text in changes(recorded, params).items() if key not in place]
    if changed:
        more = f", and {len(changed) - MAX_CHANGES} more" if len(changed) > MAX_CHANGES else ""
        raise MovierecError(
            f"{where}: out of date, since {', and '.join(changed[:MAX_CHANGES])}{more}; run dvc"
            f" repro, or set {'it' if len(changed) == 1 else 'them'} back"
        )


def changes(recorded: Mapping[str, Any], params: Params) -> dict[str, str]:
    """How each recorded param with another value here differs, by its dotted key.

    Such as "seed was 20, but is 1 in params.yaml"; those of `data` are in datasets.yaml.
    """
    here, texts = leaves(params.model_dump()), {}
    for key, old in leaves(recorded).items():
        if key not in here or here[key] != old:
            of_data = key.startswith("data.")
            name = key.replace("data", params.dataset, 1) if of_data else key
            file = "datasets.yaml" if of_data else "params.yaml"
            now = f"is {_shown(here[key])}" if key in here else "is missing"
            texts[key] = f"{name} was {_shown(old)}, but {now} in {file}"
    return texts


def leaves(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of nested blocks, by their dotted keys.

    Examples
    --------
    >>> leaves({"seed": 1, "train": {"refit": True}})
    {'seed': 1, 'train.refit': True}
    """
    values: dict[str, Any] = {}
    for key, value in tree.items():
        nested = isinstance(value, Mapping)
        values |= leaves(value, f"{above}{key}.") if nested else {f"{above}{key}": value}
    return values


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


# --- Reading


def read_details(stage: str, folder: Path = Path(), params: Params | None = None) -> dict[str, Any]:
    """Read what `write_details` wrote: all results of a stage.

    params: those of the project here, which the results have to be made with. Raises MovierecError
    if the file is missing, damaged, of another version or made with other params.
    """
    path = folder / details(stage)
    content = read_json(path)
    if not (isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict)):
        raise damaged(path, "not a list of one object")
    try:
        measured = DETAILS[stage].model_validate(content[0]).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise damaged(path, f"{key}: {reason}" if key else reason) from None
    recorded = measured.get("made_with")
    if not isinstance(recorded, dict) or recorded.keys() != set(MADE_WITH[stage]):
        raise damaged(path, "made_with: should be the params of the run")
    if params is not None:
        check_params(path, recorded, params)
    return measured


def read_json(path: Path) -> Any:
    """Read strict JSON: no NaN or infinity, and no key twice; MovierecError if it is not."""
    try:
        return json.loads(
            read_bytes(path).decode(),
            parse_constant=_no_number,
            parse_float=_parse_float,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _no_number(text)
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is there twice")
    return content


def read_bytes(path: Path) -> bytes:
    """The content of a file of results; MovierecError if there is none, or it is no such file."""
    try:
        if not path.is_file():
            is_there = path.exists() or path.is_symlink()
            reason = "not a file" if is_there else "no such file"
            raise MovierecError(f"{path}: {reason}; run dvc repro")
        if path.stat().st_size > MAX_SIZE:
            raise damaged(path, f"larger than {MAX_SIZE / 1e6:g} MB")
        return path.read_bytes()
    except OSError as error:
        raise MovierecError(f"{path}: not read: {reason_of(error)}") from None


def damaged(path: Path, reason: str) -> MovierecError:
    """The error about a file of results that does not contain what it should."""
    reason = " ".join(reason.split())
    if len(reason) > MAX_REASON:
        reason = f"{reason[: MAX_REASON - 1]}…"
    return MovierecError(
        f"{path}: damaged, or written by another version of movierec ({reason}); run dvc repro"
    )
