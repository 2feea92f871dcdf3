"""Write the model card: a description of the models, their metrics and their limits."""

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from movierec.core.manifests import Manifest, read_value
from movierec.core.params import Params
from movierec.core.paths import MODEL

MARKUP = re.compile(r"[\\`*_{}\[\]|~$]")  # of Markdown inside a line
ENTITY = re.compile(r"&(?=#?\w+;)")  # HTML's, such as &lt;
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # among them all ends of lines
STAGES = ("index", "split", "evaluate", "recommend")  # whose details.json the card uses


def render(params: Params, manifest: Manifest, measured: Mapping[str, dict[str, Any]]) -> str:
    """Render the card as Markdown. manifest: of the models. measured: details.json by stage."""
    environment = Environment(
        loader=PackageLoader("movierec.recommending"),
        autoescape=False,  # noqa: S701 - that is of HTML; escape is of Markdown
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    return environment.get_template("MODEL_CARD.md").render(
        **measured,
        intervals=measured["evaluate"]["intervals"],
        params=params,
        archive=manifest["download"]["sha256"],
        version=read_value(manifest, MODEL, str, "train", "versions", "movierec"),
        ranking_keys=list(next(iter(measured["evaluate"]["ranking"].values()))),
        number="{:,}".format,
        share="{:.0%}".format,
        value=_value,
    )


def escape(value: object) -> object:
    """A value as plain text in a line of Markdown: no markup, HTML or new block comes out of it.

    Examples
    --------
    >>> print(escape("*free* <b>use</b>"))
    \\*free\\* &lt;b&gt;use&lt;/b&gt;
    """
    if isinstance(value, Markup):
        return value
    text = MARKUP.sub(r"\\\g<0>", CONTROLS.sub(" ", str(value)))
    return ENTITY.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def code(value: object) -> Markup:
    """A value in a code span: between more backticks than it has in a row."""
    text = CONTROLS.sub(" ", str(value))
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return Markup(f"{ticks}{space}{text}{space}{ticks}")  # noqa: S704 - of Markdown


def _value(metrics: dict[str, Any], key: str, intervals: dict[str, Any]) -> str:
    """Format a metric, with its 95% interval if there is one."""
    if metrics.get(key) is None:
        return "–"
    low, high = (intervals.get(key, {}).get(end) for end in ("low", "high"))
    interval = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
    return f"{metrics[key]:.4g}{interval}"
