"""Reproduce the table of a paper: published models and movierec's on its split, by its metrics.

    python -m benchmarks.quality.papers ml-100k             after dvc repro index; minutes
    python -m benchmarks.quality.papers elliot-ml-1m --only MostPop EASE movierec

papers.yaml describes the protocols. Each model uses the paper's settings, or the best of its grid
by the first metric on validation; it is trained again on train and validation together, and test
is read once, at the end. Differences are paired over users.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ours
from benchmarks.harness import RESULTS, machine, write_report
from benchmarks.quality.paper_models import MODELS, PaperModel, Rated
from movierec.core import manifests, paths, yaml_file
from movierec.core.errors import MovierecError
from movierec.core.params import Params, SplitParams, load_params, validated
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.metrics import measures
from movierec.model import top_n_lists
from movierec.prepare import rating_filter
from movierec.prepare import split as splitting
from movierec.prepare.split import Parts

PAPERS = Path(__file__).with_name("papers.yaml")
Settings = dict[str, Any]


@dataclass(frozen=True)
class Paper:
    """A protocol of papers.yaml."""

    about: str
    source: str
    dataset: str | None
    split: Mapping[str, Any]
    relevant: float | None
    metrics: list[str]
    settings: Mapping[str, Settings]
    published: Mapping[str, Mapping[str, float]]
    capped_recall: bool = False
    trained_only: bool = False


def read_papers() -> dict[str, Paper]:
    return {name: Paper(**block) for name, block in yaml_file.read(PAPERS).items()}


@dataclass(frozen=True)
class Metrics:
    """Computes the paper's metrics, for each user with a relevant rating."""

    names: list[str]
    relevant: float
    capped_recall: bool

    def per_user(self, by: Any, known: Csr, held_out: Ratings) -> dict[str, Array]:
        """Each metric by name. by: a model or a scorer; known: what users have rated."""
        held_out = held_out.take(held_out.rating >= self.relevant)
        users, rows = np.unique(held_out.user_index, return_inverse=True)
        held_out = replace(held_out, user_index=rows.astype(np.int32))
        most = max(int(name.partition("@")[2]) for name in self.names)
        lists, _ = top_n_lists.top_n(by, known.take(users), most, None, users)
        n_relevant = np.bincount(rows)
        result = {}
        for name in self.names:
            kind, n = name.partition("@")[0], int(name.partition("@")[2])
            hits = measures.given_ratings(lists[:, :n], held_out)
            ndcg, recall = measures.per_user_metrics(hits, held_out, -np.inf)
            if kind == "recall" and self.capped_recall:
                recall = recall * n_relevant / np.minimum(n_relevant, n)
            result[name] = ndcg if kind == "ndcg" else recall
        return result


def divide(paper: Paper, params: Params) -> tuple[Parts, tuple[int, int], Params]:
    """The parts of the paper's split, the numbers of users and items, and the params with it."""
    block = validated(SplitParams, **{**params.split.model_dump(), **_floats(paper.split)})
    params = params.model_copy(update={"split": block})
    ratings, n_users, n_items = ours.read_index()
    splitting.check_parts(block, in_parts=hasattr(ratings, "part"))
    scale = params.data.scale
    ratings, left_out = rating_filter.apply(ratings, n_users, n_items, block, scale)
    print(f"left out: {vars(left_out)}", flush=True)
    parts = splitting.split(ratings, n_users, block, params.seed)
    if paper.trained_only:
        is_trained = np.bincount(parts.train.item_index, minlength=n_items) > 0
        parts = Parts(*(part.take(is_trained[part.item_index]) for part in parts))
    counts = np.bincount(ratings.user_index, minlength=n_users)
    splitting.check_sizes(block, counts, len(parts.train), len(parts.test))
    return parts, (n_users, n_items), params


def _floats(block: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: float(value) if key == "positive_rating" else value for key, value in block.items()
    }


@dataclass
class Comparison:
    """A paper's models on one split."""

    paper: Paper
    params: Params
    parts: Parts
    shape: tuple[int, int]
    per_user: dict[str, dict[str, Array]] = field(default_factory=dict)

    @property
    def metrics(self) -> Metrics:
        limit = self.params.data.scale.limit
        relevant = -np.inf if self.paper.relevant is None else limit(self.paper.relevant)
        return Metrics(self.paper.metrics, relevant, self.paper.capped_recall)

    def rated(self, with_validation: bool) -> Rated:
        """What models are trained on: for choosing settings, or in the end."""
        n_users, n_items = self.shape
        train, validation, _, validation_given, test_given = self.parts
        by_user, given = train.by_user(n_users), test_given.by_user(n_users)
        if with_validation:
            by_user = by_user.insert(validation).insert(validation_given)
            return Rated(by_user, n_items, given)
        return Rated(by_user, n_items, given.insert(validation_given), validation)

    def run(self, name: str, model: PaperModel) -> dict[str, Any]:
        """The settings of a model, and its metrics on test."""
        before, fixed = time.perf_counter(), self.paper.settings.get(name, {})
        search, tried = self.rated(with_validation=False), []
        grid = [dict(settings) | fixed for settings in model.grid]
        grid = [settings for k, settings in enumerate(grid) if settings not in grid[:k]]
        held_out = self.parts.validation
        if len(grid) > 1 and len(held_out):
            for settings in grid:
                by = model.fit(search, settings, self.params)
                per_user = self.metrics.per_user(by, search.known, held_out)
                tried.append(float(per_user[self.paper.metrics[0]].mean()))
                print(f"  {name} {settings} {tried[-1]:.4f} on validation", flush=True)
        best = grid[int(np.argmax(tried))] if tried else grid[0]
        final = self.rated(with_validation=True)
        if model.has_epochs and len(held_out):
            final = replace(final, search=search)
        by = model.fit(final, best, self.params)
        self.per_user[name] = self.metrics.per_user(by, final.known, self.parts.test)
        measured = {key: float(values.mean()) for key, values in self.per_user[name].items()}
        print(f"{name} {best} {measured}", flush=True)
        how = f"best of {len(tried)}" if tried else "published" if fixed else "fixed"
        seconds = time.perf_counter() - before
        return {"settings": best, "chosen": how, "test": measured, "seconds": seconds}


def compare(paper: Paper, params: Params, names: list[str]) -> dict[str, Any]:
    """The results of models on a paper's split, with standard errors and paired differences."""
    parts, shape, params = divide(paper, params)
    comparison = Comparison(paper, params, parts, shape)
    results = {name: comparison.run(name, MODELS[name]) for name in names}
    best = max(names, key=lambda name: results[name]["test"][paper.metrics[0]])
    for name, entry in results.items():
        per_user, others = comparison.per_user[name], comparison.per_user[best]
        entry["error"] = {key: _error(values) for key, values in per_user.items()}
        less = {key: others[key] - values for key, values in per_user.items()}
        entry["below_best"] = {key: [float(d.mean()), _error(d)] for key, d in less.items()}
    n_users = len(next(iter(comparison.per_user.values()))[paper.metrics[0]])
    sizes = {name: len(part) for name, part in parts._asdict().items()}
    return {"parts": sizes, "n_users": n_users, "best": best, "results": results}


def _error(values: Array) -> float:
    """The standard error of a mean over users."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def table(report: dict[str, Any]) -> str:
    """The table of a report: the best by the first metric first, then what is only published."""
    paper, results, best = report["paper"], report["results"], report["best"]
    first = paper["metrics"][0]
    names = sorted(results, key=lambda name: -results[name]["test"][first])
    heads = ["", *paper["metrics"], f"{first}, below {best}", f"{first}, published", "settings"]
    rows = [heads, ["---"] * len(heads)]
    for name in names:
        entry = results[name]
        cells = [
            f"{entry['test'][key]:.4f} ± {entry['error'][key]:.4f}" for key in paper["metrics"]
        ]
        less, error = entry["below_best"][first]
        rows.append([name, *cells, "" if name == best else f"{less:.4f} ± {error:.4f}"])
        rows[-1] += [_published(paper, name, first), _shown(entry)]
    blank = [""] * (len(paper["metrics"]) + 1)
    others = [name for name in paper["published"] if name not in results]
    rows += [[name, *blank, _published(paper, name, first), ""] for name in others]
    sizes = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in report["parts"].items() if n)
    about = (
        f"{paper['about']}. {sizes} ratings; {report['n_users']:,} users with relevant test"
        f" ratings. Means ± standard errors over users, seed {report['seed']}."
        f" Source of published figures: {paper['source']}."
    )
    return "\n".join([about, "", *(f"| {' | '.join(row)} |" for row in rows)])


def _published(paper: dict[str, Any], name: str, metric: str) -> str:
    value = paper["published"].get(name, {}).get(metric)
    return "" if value is None else f"{value:.4f}"


def _shown(entry: dict[str, Any]) -> str:
    settings = ", ".join(f"{key} {value:g}" for key, value in entry["settings"].items())
    return f"{settings} ({entry['chosen']})" if settings else "none"


def main(arguments: list[str] | None = None) -> None:
    papers = read_papers()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paper", choices=papers)
    parser.add_argument("--only", nargs="*", choices=MODELS, metavar="NAME", help="which models")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args(arguments)
    paper, params = papers[args.paper], load_params()
    manifests.read_manifest(paths.INDEX, params.dataset)
    if paper.dataset not in (None, params.dataset):
        raise MovierecError(
            f"{args.paper} is on {paper.dataset}, but params.yaml says {params.dataset}; set"
            " dataset and run dvc repro index"
        )
    found = compare(paper, params, args.only or list(MODELS))
    report = {"machine": machine(), "dataset": params.dataset, "seed": params.seed}
    report |= {"paper": vars(paper)} | found
    write_report(args.out / f"papers-{args.paper}", report, table(report))


if __name__ == "__main__":
    main()
