"""The model card: what the models are, what they were measured to be worth, and their limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import Params

METRICS = ("index", "split", "evaluate", "intervals", "recommend")
Metrics = dict[str, dict[str, Any]]

CARD = """# Model card: {dataset}

Two factorisations by the same least squares: one of ratings ("will you like it"), one of who rated
what ("will you watch it"). `recommendations.parquet` ranks by `{ranking}`.

## Data

{data}
- Licence of the data: {licence}

## Protocol

{protocol}

## Predicted ratings, on test

In brackets 95 % intervals, over draws of users.

{errors}

## Rankings, on test

{rankings}

## Limits

- It knows who rated what{features}, and nothing else of people or movies. Who is not in the
  data gets recommendations only after naming movies.
- Ratings are by those who chose to watch and to rate; they say nothing of who did not. Much-rated
  movies are favoured: half of all recommendations have at least {median} ratings, and {coverage} of
  all movies are recommended to anyone.
- {n_cold} movies had no rating in the training part: what is predicted of them is a mean.
- Figures are of one split of this data. They tell what would have been found among what people
  rated anyway, not what showing these lists would change.
- Not for decisions about people, nor for guessing what somebody's ratings say of him.

## Made with

{made}
"""


def read_metrics(folder: Path = Path("metrics")) -> Metrics:
    """The metrics of the last run, by stage."""
    found = {}
    for name in METRICS:
        path = folder / f"{name}.json"
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise MovierecError(f"{path}: no metrics there; run dvc repro") from None
    return found


def render(params: Params, manifest: Manifest, metrics: Metrics) -> str:
    index, split, evaluate = metrics["index"], metrics["split"], metrics["evaluate"]
    recommended, settings, train = metrics["recommend"], params.split, params.train
    low, high, mean = params.data.rating_min, params.data.rating_max, index["mean_rating"]
    data = [
        f"- `{params.dataset}`: {index['n_ratings']:,} ratings of {index['n_users']:,} users for"
        f" {index['n_movies']:,} movies, from {low:g} to {high:g}, mean {mean:.2f}",
        f"- Archive: `{_archive(manifest)}`",
    ]
    protocol = [
        f"- Split: `{settings.protocol}`, {settings.test_fraction:.0%} for test, and"
        f" {settings.validation_fraction:.0%} of the rest for validation: {split['n_train']:,}"
        f" train, {split['n_validation']:,} validation, {split['n_test']:,} test ratings",
        "- Epochs were chosen on validation; test is read by the evaluate stage alone",
        "- Rankings: every movie that is not in the user's train or validation part competes;"
        f" relevant are test ratings of at least {params.evaluate.relevant_rating:g}, which"
        f" {evaluate['n_ranked_users']:,} judged users have",
    ]
    made = [
        f"- Ratings: `{train.model}` by `{train.method}`, {train.n_factors} factors",
        f"- Who rated what: {params.implicit.n_factors} factors, unseen weight"
        f" {params.implicit.unseen_weight:g}",
        f"- movierec {manifest['train']['versions']['movierec']}, seed {params.seed}",
    ]
    return CARD.format(
        dataset=params.dataset,
        ranking=params.recommend.ranking,
        licence=params.data.licence,
        data="\n".join(data),
        protocol="\n".join(protocol),
        errors="\n".join(_errors(metrics)),
        rankings="\n".join(_rankings(metrics)),
        features=" and the movies' genres" if train.model == "genre_mf" else "",
        median=f"{recommended['median_n_ratings'] or 0:,.0f}",
        coverage=f"{recommended['coverage']:.0%}",
        n_cold=f"{split['n_cold_items']:,}",
        made="\n".join(made),
    )


def _archive(manifest: Manifest) -> str:
    [(name, digest)] = manifest["download"]["sha256"].items()
    return f"{name}`, sha256 `{digest}"


def _errors(metrics: Metrics) -> Iterator[str]:
    evaluate, intervals = metrics["evaluate"], metrics["intervals"]
    yield "| | RMSE |"
    yield "|---|---|"
    yield f"| the model | {_value(evaluate['test'], 'rmse', intervals['test'])} |"
    for name, entry in evaluate["baseline"].items():
        yield f"| {_words(name)} | {_value(entry, 'rmse', intervals['baseline'][name])} |"


def _rankings(metrics: Metrics) -> Iterator[str]:
    rankings, intervals = metrics["evaluate"]["ranking"], metrics["intervals"]["ranking"]
    keys = list(next(iter(rankings.values())))
    yield f"| ranked by | {' | '.join(map(_words, keys))} |"
    yield "|---" * (len(keys) + 1) + "|"
    for name, entry in rankings.items():
        cells = [_value(entry, key, intervals[name]) for key in keys]
        yield f"| {_words(name)} | {' | '.join(cells)} |"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(entry: dict[str, Any], key: str, intervals: dict[str, Any]) -> str:
    """A metric, with its 95 % interval where there is one."""
    if entry.get(key) is None:
        return "–"
    low, high = (intervals.get(key, {}).get(end) for end in ("low", "high"))
    interval = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
    return f"{entry[key]:.4g}{interval}"
