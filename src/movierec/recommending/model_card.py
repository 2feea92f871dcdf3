"""The model card: what the models are, how well they did, and their limits."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from movierec.core.errors import MovierecError
from movierec.core.manifests import Manifest
from movierec.core.params import Params

METRICS = ("index", "split", "evaluate", "intervals", "recommend")
Metrics = dict[str, dict[str, Any]]


def read_metrics(folder: Path = Path("metrics")) -> Metrics:
    """The metrics of the last run, by stage."""
    metrics = {}
    for name in METRICS:
        path = folder / f"{name}.json"
        try:
            metrics[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise MovierecError(f"{path}: no metrics there; run dvc repro") from None
    return metrics


def render(params: Params, manifest: Manifest, metrics: Metrics) -> str:
    """The card as Markdown. manifest: of the models."""
    environment = Environment(
        loader=PackageLoader("movierec.recommending"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("MODEL_CARD.md").render(
        **metrics,
        params=params,
        archive=manifest["download"]["sha256"],
        version=manifest["train"]["versions"]["movierec"],
        ranking_keys=list(next(iter(metrics["evaluate"]["ranking"].values()))),
        number="{:,}".format,
        share="{:.0%}".format,
        value=_value,
    )


def _value(metrics: dict[str, Any], key: str, intervals: dict[str, Any]) -> str:
    """A metric, with its 95 % interval where there is one."""
    if metrics.get(key) is None:
        return "–"
    low, high = (intervals.get(key, {}).get(end) for end in ("low", "high"))
    interval = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
    return f"{metrics[key]:.4g}{interval}"
