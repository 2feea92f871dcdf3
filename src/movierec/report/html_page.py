"""The report: one HTML page of a run, with its pictures inside it, that opens anywhere."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from movierec.core import atomic, manifests
from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import load_params
from movierec.core.paths import RECOMMENDATIONS
from movierec.experiments import provenance
from movierec.plotting.registry import PICTURES, QUESTIONS, Picture
from movierec.plotting.results import Results
from movierec.report import overview, sample_users

PAGE = Path("report.html")


def write() -> Path:
    """Write the page of the run in this folder; MovierecError unless it is a whole one."""
    html = render()
    with atomic.atomic_file(PAGE) as partial:
        partial.write_text(html, encoding="utf-8")
    return PAGE


def render() -> str:
    params, results = load_params(), whole_run()
    environment = Environment(
        loader=PackageLoader("movierec.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        overview=overview.of(params, results),
        questions=dict(questions(results)),
        people=sample_users.sample(),
        licence=params.data.licence,
    )


def whole_run() -> Results:
    """The results here, all of one run: the one that made the recommendations here."""
    records = provenance.trace(RECOMMENDATIONS)
    for record in records:
        if record.outdated:
            raise MovierecError(
                f"{RECOMMENDATIONS}: {record.outdated[0]} since {record.stage}; run dvc repro"
            )
    results = Results.read(load_params().dataset)
    models = {record.stage: record.content for record in records if record.stage != "recommend"}
    check_metrics(results, models)
    return results


def check_metrics(results: Results, models: Manifest) -> None:
    """Raise MovierecError unless the metrics are of the models of this manifest."""
    if results.metrics["evaluate"].get("made_from") != [manifests.hash_manifest(models)]:
        raise MovierecError(
            f"metrics/evaluate.json: of other models than {RECOMMENDATIONS}; run dvc repro"
        )


@dataclass(frozen=True)
class Shown:
    """A picture as the page holds it; width, height: pixels."""

    source: str
    width: int
    height: int
    finding: str
    shows: str
    alt: str

    @classmethod
    def of(cls, picture: Picture, results: Results) -> Shown:
        try:
            content = picture.path.read_bytes()
        except FileNotFoundError:
            raise MovierecError(f"{picture.path}: no such file; run dvc repro") from None
        width, height = struct.unpack(">2I", content[16:24])  # where every PNG has them
        source = "data:image/png;base64," + base64.b64encode(content).decode()
        said = picture.finding(results), picture.shows, picture.alt(results)
        return cls(source, width, height, *said)


def questions(results: Results) -> Iterator[tuple[str, tuple[str, list[Shown]]]]:
    """Each group of pictures, by its name: its question and the pictures that answer it."""
    for group, question in QUESTIONS.items():
        shown = [Shown.of(each, results) for each in PICTURES if each.group == group]
        yield group, (question, shown)
