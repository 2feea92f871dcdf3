"""Paths of the pipeline's files, relative to the folder of dvc.yaml."""

from pathlib import Path

from movierec.core.errors import MovierecError

RAW, INDEX, SPLIT = Path("data/raw"), Path("data/index"), Path("data/split")
EVALUATION_BY_USER = Path("data/evaluation/by_user.parquet")
MODEL, IMPLICIT_MODEL, ITEM_REGRESSION = (
    Path(f"models/{name}.safetensors") for name in ("model", "implicit", "item_regression")
)
RECOMMENDATIONS = Path("exports/recommendations.parquet")
PAGE = RECOMMENDATIONS.with_name("movierec.html")
METRICS, PLOTS = Path("metrics"), Path("plots")
CHECKPOINTS = Path(".checkpoints")  # also locks and scratch files; ignored by Git, no DVC output


def details(stage: str) -> Path:
    """The file with all results of a stage; metrics/ has only the few that DVC shows."""
    return PLOTS / stage / "details.json"


def expand(path: str | Path) -> Path:
    """A path that the user named, with ~ replaced by the home folder.

    Raises MovierecError if there is no such user, or this user has no home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise MovierecError(f"{path}: no home folder of this name; write the full path") from None


PROJECT_FILES = ("params.yaml", "dvc.yaml")  # a folder with both is a project


def is_project(folder: Path) -> bool:
    return all((folder / name).is_file() for name in PROJECT_FILES)


def find_project(folder: Path) -> Path | None:
    """The nearest project, from an absolute folder upwards; None if there is none."""
    return next(filter(is_project, (folder, *folder.parents)), None)
