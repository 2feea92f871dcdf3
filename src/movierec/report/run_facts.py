"""What a run was made from and how long it took, as labels and texts."""

from __future__ import annotations

from datetime import UTC, datetime

from movierec.core import stage
from movierec.core.params import Params
from movierec.plotting.captions import percent, words
from movierec.plotting.results import Results


def data(params: Params, results: Results) -> dict[str, str]:
    index, split = results.metrics["index"], results.metrics["split"]
    dates = (datetime.fromtimestamp(index[f"{end}_timestamp"], UTC) for end in ("first", "last"))
    years = " to ".join(dict.fromkeys(str(date.year) for date in dates))
    low, high, mean = params.data.rating_min, params.data.rating_max, index["mean_rating"]
    protocol = params.split.protocol.replace("_", " ")
    return {
        "Ratings": f"{index['n_ratings']:,}, of {years}",
        "Stars": f"{low:g} to {high:g}, mean {mean:.2f}",
        "Users": f"{index['n_users']:,}",
        "Movies": f"{index['n_rated_movies']:,} rated, of {index['n_movies']:,}",
        "Rated": f"{percent(index['density'], 2)} of all pairs",
        "Held out": f"{protocol}, {percent(params.split.test_fraction)}",
        "Test": f"{split['n_test']:,}",
        "Validation": f"{split['n_validation']:,}",
        "Train": f"{split['n_train']:,}",
    }


def model(params: Params, results: Results) -> dict[str, str]:
    train, lists, n_implicit = params.train, params.recommend, params.implicit.n_factors
    epochs = {stage: results.metrics[stage]["best_epoch"] for stage in ("train", "implicit")}
    priors = {
        "Prior τ": prior(train.factor_precision, train.factor_precision_per_rating),
        "Prior γ": prior(train.bias_precision, train.bias_precision_per_rating),
    }
    implicit = f"{count(n_implicit, 'factor')}, {count(epochs['implicit'], 'epoch')}"
    return {
        "Ratings by": f"{train.model} by {train.method}, {count(train.n_factors_used, 'factor')}",
        **(priors if train.model != "damped_biases" else {}),
        "Epochs": f"{epochs['train']} of at most {train.n_epochs}",
        "Watching by": implicit if n_implicit else "no model",
        "Lists by": words(lists.ranking),
        "Listed from": f"{count(lists.min_ratings, 'rating')} on",
        "Seed": f"{params.seed}",
    }


def prior(constant: float, per_rating: float) -> str:
    return f"{constant:g}" + (f" + {per_rating:g} a rating" if per_rating else "")


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s'[: n != 1]}"


def times() -> dict[str, str]:
    """How long each stage took, of those that ran here."""
    seconds = stage.recorded_times()
    if seconds:
        seconds = seconds | {"together": sum(seconds.values())}
    return {name: stage.format_seconds(duration) for name, duration in seconds.items()}
