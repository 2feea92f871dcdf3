"""Open the engine that params name."""

from collections.abc import Iterator
from contextlib import contextmanager

from movierec.core.params import EngineParams
from movierec.engine.local import Engine


@contextmanager
def opened(params: EngineParams) -> Iterator[Engine]:
    """Yield the engine that params name; its own cluster, if any, is closed afterwards.

    Raises MovierecError if engine.scheduler does not answer.
    """
    if params.kind == "local":
        yield Engine(params)
        return
    from movierec.engine import dask  # only if needed: Dask is slow to import

    with dask.opened(params) as engine:
        yield engine
