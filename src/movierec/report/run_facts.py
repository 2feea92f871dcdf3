"""Data, params and times of a run, as labels and texts."""

from __future__ import annotations

from datetime import UTC, datetime

from movierec.core import stage
from movierec.core.params import Params
from movierec.core.reporting import words
from movierec.core.text import count
from movierec.plotting.captions import percent
from movierec.plotting.results import Results


def data(params: Params, results: Results) -> dict[str, str]:
    index, split = results.metrics["index"], results.metrics["split"]
    seconds = (index[f"{end}_timestamp"] for end in ("first", "last"))
    dates = (datetime.fromtimestamp(time, UTC) for time in seconds if time is not None)
    years = " to ".join(dict.fromkeys(str(date.year) for date in dates)) or "without times"
    low, high, mean = params.data.rating_min, params.data.rating_max, index["mean_rating"]
    protocol = params.split.protocol.replace("_", " ")
    held_out = percent(params.split.test_fraction)
    return {
        "Ratings": f"{index['n_ratings']:,}, {years}",
        "Scale": f"{low:g} to {high:g} stars, mean {mean:.2f}",
        "Users": f"{index['n_users']:,}",
        "Movies": f"{index['n_rated_movies']:,} rated, of {index['n_movies']:,}",
        "Density": f"{percent(index['density'], 2)} of user–movie pairs",
        "Split": "given with the data" if protocol == "given" else f"{protocol}, {held_out} test",
        "Test": f"{split['n_test']:,} ratings",
        "Validation": f"{split['n_validation']:,} ratings",
        "Training": f"{split['n_train']:,} ratings",
    }


def model(params: Params, results: Results) -> dict[str, str]:
    train, lists, n_implicit = params.train, params.recommend, params.implicit.n_factors
    n_regressed = results.metrics["item_regression"]["n_items"]
    epochs = {stage: results.metrics[stage]["best_epoch"] for stage in ("train", "implicit")}
    priors = {
        "Prior τ": prior(train.factor_precision, train.factor_precision_per_rating),
        "Prior γ": prior(train.bias_precision, train.bias_precision_per_rating),
    }
    implicit = f"{count(n_implicit, 'factor')}, {count(epochs['implicit'], 'epoch')}"
    return {
        "Rating model": f"{train.model}, {train.method}, {count(train.n_factors_used, 'factor')}",
        **(priors if train.model != "damped_biases" else {}),
        "Epochs": f"{epochs['train']} of at most {train.n_epochs}",
        "Implicit model": implicit if n_implicit else "none",
        "Item regression": f"{n_regressed:,} movies" if n_regressed else "none",
        "Ranking": words(lists.ranking),
        "Recommended": f"movies with at least {count(lists.min_ratings, 'rating')}",
        "Seed": f"{params.seed}",
    }


def prior(constant: float, per_rating: float) -> str:
    return f"{constant:g}" + (f" + {per_rating:g} per rating" if per_rating else "")


def times() -> dict[str, str]:
    """Run time of each stage that ran here, and in total."""
    seconds = stage.recorded_times()
    if seconds:
        seconds = seconds | {"total": sum(seconds.values())}
    return {name: stage.format_seconds(duration) for name, duration in seconds.items()}
