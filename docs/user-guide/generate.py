"""Write the generated parts of the docs: `make docs`, after a run of the pipeline.

They stand between `<!-- begin NAME -->` and `<!-- end -->`, and come from dvc.yaml, from the
Parquet files of the run, which describe their columns, from the help of the commands, and from
benchmarks/side_by_side and benchmarks/results.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.side_by_side import snippets
from movierec.cli import cli
from movierec.core import yaml_file

PAGES = (*Path("docs/user-guide").glob("*.md"), Path("docs/benchmarks.md"))
COMPARED = Path(__file__).parents[2] / "benchmarks/results/compare-ml-100k.json"
FILES = (  # the Parquet files of the pipeline
    "data/index/users.parquet",
    "data/index/items.parquet",
    "data/index/ratings_by_user.parquet",
    "data/index/ratings_by_item.parquet",
    "data/split/train_users.parquet",
    "data/split/train_items.parquet",
    "data/split/train_by_user.parquet",
    "data/split/train_by_item.parquet",
    "data/split/validation.parquet",
    "data/split/test.parquet",
    "data/split/validation_given.parquet",
    "data/split/test_given.parquet",
    "data/evaluation/by_user.parquet",
    "exports/recommendations.parquet",
    "exports/similar_items.parquet",
    "exports/item_factors.parquet",
    "exports/user_factors.parquet",
)


def parts_of(outputs: Path) -> dict[str, str]:
    """The generated parts by name. outputs: a folder with the Parquet files of a run."""
    pipeline = yaml_file.read(Path("dvc.yaml"))
    schemas = {name: pq.read_schema(outputs / name) for name in FILES}
    return {
        "stages": table(["stage", "params", "writes"], stages(pipeline["stages"])),
        "files": "\n".join(files(schemas)),
        "columns": table(["column", "dtype", "meaning"], columns(schemas.values())),
        "options": "\n".join(options()),
        "accuracy": accuracy(json.loads(COMPARED.read_text("utf-8"))),
        **jobs(),
    }


def stages(entries: dict[str, dict[str, list[object]]]) -> Iterable[list[str]]:
    for name, entry in entries.items():
        kinds = (entry.get(kind, []) for kind in ("outs", "metrics", "plots"))
        writes = [
            out if isinstance(out, str) else next(iter(out)) for kind in kinds for out in kind
        ]
        params = [param for param in entry["params"][1:] if isinstance(param, str)]
        yield [code([name]), code(params), code(writes)]


def files(schemas: dict[str, pa.Schema]) -> Iterable[str]:
    return (f"- {code([name])}: {code(schema.names)}" for name, schema in schemas.items())


def columns(schemas: Iterable[pa.Schema]) -> Iterable[list[str]]:
    """Each column once: it has the same dtype and meaning in every file."""
    fields: dict[str, tuple[str, str]] = {}
    for field in (field for schema in schemas for field in schema):
        described = dtype(field.type), field.metadata[b"description"].decode()
        if fields.setdefault(field.name, described) != described:
            raise ValueError(f"{field.name}: {fields[field.name]} and {described}")
    for described in dict.fromkeys(fields.values()):
        yield [code(name for name in fields if fields[name] == described), *described]


def options() -> Iterable[str]:
    """Each option but --help and --version, the commands that have it, and its help."""
    commands: dict[tuple[str, str], list[str]] = {}
    for name, command in {"movierec": cli, **cli.commands}.items():
        context = click.Context(command, **cli.context_settings)
        for option in command.params:
            record = option.get_help_record(context)
            if isinstance(option, click.Option) and record and option.name != "version":
                commands.setdefault(record, []).append(name)
    for (option, meaning), names in commands.items():
        yield f"- {code([option])} ({code(names)}): {meaning.replace('  [', ' [')}"


def jobs() -> dict[str, str]:
    """The code of each job in each library, by the job's title, and the table of their `lines`."""
    by_library = {name: snippets.read_snippets(name) for name in snippets.LIBRARIES}
    shown, rows = {}, []
    for title in next(iter(by_library.values())):
        of_job = {name: read[title] for name, read in by_library.items()}
        code = (f"{name}:\n\n```python\n{one.text}\n```" for name, one in of_job.items())
        shown[title.lower().replace(" ", "_")] = "\n\n".join(code)
        counts = (f"{one.n_lines} ({one.n_lines_with_imports})" for one in of_job.values())
        rows.append([title, *counts])
    return {**shown, "lines": table(["job", *by_library], rows)}


def accuracy(report: dict[str, Any]) -> str:
    """The contenders of `make compare` that predict ratings, lowest RMSE first; ours are bold."""
    rows = []
    rmse = {
        entry["name"]: np.array([draw["test"].get("rmse", np.nan) for draw in entry["draws"]])
        for entry in report["results"]
    }
    for entry in report["results"]:
        name, of_draws = entry["name"], rmse[entry["name"]]
        less = of_draws - rmse[report["base"]]
        seconds, size = (
            np.median([draw[key] for draw in entry["draws"]]) for key in ("seconds", "model_bytes")
        )
        shown = f"**{name}**" if entry["package"] == "movierec" else name
        row = [shown, f"{of_draws.mean():.4f} ± {of_draws.std(ddof=1):.4f}"]
        row += [f"{less.mean():+.4f}".replace("-", "−") if less.any() else "default"]
        rows.append([*row, f"{seconds:.2f}", f"{size / 1e6:.2f}"])
    rows = sorted((row for row in rows if "nan" not in row[1]), key=lambda row: row[1])
    return table(["model", "test RMSE", "difference", "s", "model, MB"], rows)


def dtype(kind: pa.DataType) -> str:
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"list of {dtype(kind.value_type)}"
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))


def code(names: Iterable[object]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    first, *lines = (f"| {' | '.join(line)} |" for line in [head, *rows])
    return "\n".join([first, "|---" * len(head) + "|", *lines])


def render(page: str, parts: dict[str, str]) -> str:
    """The text of a page with its generated parts up to date."""
    pattern = r"(<!-- begin (\w+) -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda m: f"{m[1]}\n{parts[m[2]]}\n\n{m[3]}", page, flags=re.DOTALL)


if __name__ == "__main__":
    parts = parts_of(Path())
    for path in PAGES:
        path.write_text(render(path.read_text("utf-8"), parts), "utf-8")
