"""The report: one HTML page about a run, with its pictures inside the file."""

from __future__ import annotations

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from movierec import __version__
from movierec.core import atomic, manifests
from movierec.core.checksums import unchanged
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import Params, load_params
from movierec.core.paths import RECOMMENDATIONS, details
from movierec.core.text import count
from movierec.experiments import provenance
from movierec.plotting import picture_files
from movierec.plotting.registry import PICTURES, QUESTIONS, Picture
from movierec.plotting.results import Results
from movierec.report import overview, run_facts, sample_users

PAGE = Path("report.html")


def write() -> Path:
    """Write the page about the run in this folder; MovierecError if the run is incomplete."""
    with unchanged(RECOMMENDATIONS):
        html = render()
    with atomic.atomic_file(PAGE) as partial:
        partial.write_text(html, encoding="utf-8")
    return PAGE


def render() -> str:
    params = load_params()
    results = read_run(params)
    environment = Environment(
        loader=PackageLoader("movierec.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = overview.number
    return environment.get_template("page.html").render(
        params=params,
        overview=overview,
        run_facts=run_facts,
        questions=QUESTIONS,
        pictures=PICTURES,
        results=results,
        embed=embed,
        count=count,
        users=sample_users.sample_users(),
        version=__version__,
    )


def read_run(params: Params) -> Results:
    """The results here; MovierecError unless they are of the run of the exports."""
    records = provenance.trace(RECOMMENDATIONS)
    for record in records:
        if record.outdated:
            raise MovierecError(
                f"{RECOMMENDATIONS}: out of date, since {record.outdated[0]}; run dvc repro"
            )
    results = Results.read(params)
    models = {record.stage: record.content for record in records if record.stage != "recommend"}
    check_metrics(results, models)
    return results


def check_metrics(results: Results, models: Manifest) -> None:
    """Raise MovierecError unless the metrics are of the models of this manifest."""
    if results.metrics["evaluate"]["made_from"] != manifests.hash_manifest(models):
        raise MovierecError(
            f"{details('evaluate')}: belongs to other models than {RECOMMENDATIONS}; run dvc repro"
        )


def embed(picture: Picture, results: Results) -> tuple[str, int, int]:
    """A picture of these results as a data URL, its width and its height in pixels."""
    content, width, height = picture_files.read(picture.path, results.digest)
    return "data:image/png;base64," + base64.b64encode(content).decode(), width, height
