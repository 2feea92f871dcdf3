"""Write the model card: a description of the models, their metrics and their limits."""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from movierec.core.manifests import Manifest
from movierec.core.params import Params

STAGES = ("index", "split", "evaluate", "recommend")  # whose details.json the card uses


def render(params: Params, manifest: Manifest, measured: Mapping[str, dict[str, Any]]) -> str:
    """Render the card as Markdown. manifest: of the models. measured: details.json by stage."""
    environment = Environment(
        loader=PackageLoader("movierec.recommending"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("MODEL_CARD.md").render(
        **measured,
        intervals=measured["evaluate"]["intervals"],
        params=params,
        archive=manifest["download"]["sha256"],
        version=manifest["train"]["versions"]["movierec"],
        ranking_keys=list(next(iter(measured["evaluate"]["ranking"].values()))),
        number="{:,}".format,
        share="{:.0%}".format,
        value=_value,
    )


def _value(metrics: dict[str, Any], key: str, intervals: dict[str, Any]) -> str:
    """Format a metric, with its 95% interval if there is one."""
    if metrics.get(key) is None:
        return "–"
    low, high = (intervals.get(key, {}).get(end) for end in ("low", "high"))
    interval = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
    return f"{metrics[key]:.4g}{interval}"
