"""The engine that params ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from movierec.engine import Engine
from movierec.errors import MovierecError
from movierec.params import EngineParams


@contextmanager
def opened(params: EngineParams) -> Iterator[Engine]:
    """The engine that params ask for.

    Raises MovierecError where Dask is not installed, or nobody answers at engine.scheduler.
    """
    if params.kind == "local":
        yield Engine(params)
        return
    try:
        from movierec import dask_engine  # here, since importing Dask takes its time
    except ImportError:
        raise MovierecError(
            "engine.kind: dask is not installed: pip install 'movierec[dask]'"
        ) from None
    with dask_engine.opened(params) as engine:
        yield engine
