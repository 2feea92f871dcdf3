"""What a run was made of and how long it took, as names and words."""

from __future__ import annotations

from datetime import UTC, datetime

from movierec.core import stage
from movierec.core.params import Params, TrainParams
from movierec.plotting.captions import words
from movierec.plotting.results import Results


def data(params: Params, results: Results) -> dict[str, str]:
    index, split = results.metrics["index"], results.metrics["split"]
    dates = (datetime.fromtimestamp(index[f"{end}_timestamp"], UTC) for end in ("first", "last"))
    years = " to ".join(dict.fromkeys(str(date.year) for date in dates))
    low, high, mean = params.data.rating_min, params.data.rating_max, index["mean_rating"]
    how = params.split.protocol.replace("_", " ")
    return {
        "Ratings": f"{index['n_ratings']:,}, of {years}",
        "Stars": f"{low:g} to {high:g}, mean {mean:.2f}",
        "Users": f"{index['n_users']:,}",
        "Movies": f"{index['n_rated_movies']:,} rated, of {index['n_movies']:,}",
        "Rated": f"{share(index['density'], 2)} of all pairs",
        "Held out": f"{how}, {share(params.split.test_fraction)}",
        "Test": f"{split['n_test']:,}",
        "Validation": f"{split['n_validation']:,}",
        "Train": f"{split['n_train']:,}",
    }


def model(params: Params, results: Results) -> dict[str, str]:
    train, lists = params.train, params.recommend
    epochs = results.metrics["train"]["best_epoch"]
    return {
        "Ratings by": f"{train.model} by {train.method}, {count(train.n_factors_used, 'factor')}",
        **(priors(train) if train.model != "damped_biases" else {}),
        "Epochs": f"{epochs} of at most {train.n_epochs}",
        "Watching by": watching(params, results),
        "Lists by": words(lists.ranking),
        "Listed from": f"{count(lists.min_ratings, 'rating')} on",
        "Seed": f"{params.seed}",
    }


def priors(train: TrainParams) -> dict[str, str]:
    return {
        "Prior τ": prior(train.factor_precision, train.factor_precision_per_rating),
        "Prior γ": prior(train.bias_precision, train.bias_precision_per_rating),
    }


def prior(constant: float, per_rating: float) -> str:
    return f"{constant:g}" + (f" + {per_rating:g} a rating" if per_rating else "")


def watching(params: Params, results: Results) -> str:
    if not params.implicit.n_factors:
        return "no model"
    epochs = results.metrics["implicit"]["best_epoch"]
    return f"{count(params.implicit.n_factors, 'factor')}, {count(epochs, 'epoch')}"


def count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s'[: n != 1]}"


def share(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def times() -> dict[str, str]:
    """How long each stage took, of those whose result was made here."""
    found = stage.times()
    rows = {name: stage.duration(seconds) for name, seconds in found.items()}
    return rows | ({"together": stage.duration(sum(found.values()))} if found else {})
