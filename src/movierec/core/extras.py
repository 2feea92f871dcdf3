"""Packages that only an extra of movierec installs, so they may be missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from movierec.core.errors import MovierecError

# The extra in pyproject.toml, by the package as it is imported.
EXTRAS = {
    "PIL": "plots",
    "dask": "dask",
    "distributed": "dask",
    "dvc": "pipeline",
    "jinja2": "pipeline",
    "matplotlib": "plots",
    "optuna": "dev",
    "requests": "pipeline",
    "urllib3": "pipeline",
}


@contextmanager
def explained() -> Iterator[None]:
    """Turn the error of a missing package into one line that says which extra installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MovierecError(
            f"{package} is not installed; run pip install 'movierec[{EXTRAS[package]}]'"
        ) from None
