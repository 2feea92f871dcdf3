"""The engine that params ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from movierec.core.errors import MovierecError
from movierec.core.params import EngineParams
from movierec.engine.local import Engine


@contextmanager
def opened(params: EngineParams) -> Iterator[Engine]:
    """The engine that params ask for.

    Raises MovierecError where Dask is not installed, or nobody answers at engine.scheduler.
    """
    if params.kind == "local":
        yield Engine(params)
        return
    try:
        from movierec.engine import dask  # here, since importing Dask takes its time
    except ImportError:
        raise MovierecError(
            "engine.kind: dask is not installed: pip install 'movierec[dask]'"
        ) from None
    with dask.opened(params) as engine:
        yield engine
