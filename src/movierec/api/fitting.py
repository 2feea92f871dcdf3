"""Fit a model with early stopping and refit, as the training stages do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from movierec.api.rating_table import RatingTable
from movierec.core.errors import MovierecError
from movierec.core.params import ImplicitParams, TrainParams
from movierec.data.rating_arrays import Csr, Ratings

if TYPE_CHECKING:
    from movierec.training.in_memory import InMemoryData
    from movierec.training.search import TrainedModel

Settings = TrainParams | ImplicitParams
Load = Callable[[Csr, Csr, Ratings | None], "InMemoryData"]  # by user, by item, validation


@contextlib.contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
    """Run kernels in this many threads; None: in as many as there are cores."""
    import numba

    before, most = numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    if n_jobs is not None and n_jobs < 1:
        raise ValueError(f"n_jobs should be None or at least 1, not {n_jobs}")
    numba.set_num_threads(min(n_jobs or before, most))
    try:
        yield
    except MovierecError as error:
        raise ValueError(str(error)) from None
    finally:
        numba.set_num_threads(before)


def search_and_refit(
    name: str,
    params: Settings,
    load: Load,
    make_trainer: Callable[[InMemoryData, Any], Any],
    train: RatingTable,
    validation: RatingTable | None,
    both: RatingTable,
) -> tuple[TrainedModel[Any, Any], list[Any]]:
    """The model, and the epochs of the search; name: of the progress bar."""
    from movierec.core import reporting
    from movierec.training import early_stopping, search

    epochs: list[Any] = []

    def fit(settings: Any, is_refit: bool) -> Any:
        by_user = (both if is_refit else train).by_user
        held_out = None if is_refit or validation is None else validation.ratings
        data = load(by_user, by_user.transpose(len(train.item_ids)), held_out)
        trainer = make_trainer(data, settings)
        with reporting.progress(name, trainer.max_epochs) as advance:
            state = early_stopping.fit(trainer, lambda state: advance())
        if not is_refit:
            epochs.extend(state.epochs)
        return state, data

    return search.fit_twice(fit, params), epochs
