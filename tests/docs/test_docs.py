"""The docs against the project: what it has is documented, and what the docs name exists."""

import ast
import hashlib
import itertools
import json
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.numpy import load_file

from movierec import cli
from movierec.core.errors import MovierecError
from movierec.core.params import PackageSource, PathSource, TrainParams, UrlSource
from movierec.data import parquet_tables
from movierec.model import baselines, model_file
from movierec.plotting import results
from movierec.plotting.registry import PICTURES, QUESTIONS
from movierec.recommending import export, rankers
from movierec.training import loading, rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.options_table import options_table
from tests.helpers.random_data import random_csrs, train_params
from tests.helpers.small_project import write_data_set

ROOT = Path(__file__).parents[2]
PAGES = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/**/*.md"))}
PAGES |= {
    ROOT / name: (ROOT / name).read_text("utf-8")
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
}
PIPELINE = PAGES[ROOT / "docs/pipeline.md"]
PARAMS, DATA_SETS = (
    yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    for name in ("params.yaml", "datasets.yaml")
)
TUTORIALS = [
    path.relative_to(ROOT).as_posix() for path in PAGES if path.name.startswith("tutorial-")
]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def code_in(text: str) -> set[str]:
    """What stands between backticks, whole."""
    return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))


def section(heading: str) -> str:
    """A section of docs/pipeline.md, up to the next heading of the same level or a higher one."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, after = PIPELINE.partition(f"\n{heading}\n")
    assert found, f"docs/pipeline.md has no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def table_in(text: str) -> dict[str, str]:
    """First and second column of a section's table, the first in backticks."""
    return dict(re.findall(r"^\| `([^`|]+)` \| ([^|]+?) \|", text, re.MULTILINE))


# --- What the project has is documented


def test_every_stage_has_a_section_and_its_program_is_named() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name in stages:
        assert f"`stages/{name}.py`" in section(f"## `{name}`")


def outs_of(entry: dict[str, Any]) -> Iterator[str]:
    for kind in ("outs", "metrics", "plots"):
        for out in entry.get(kind, []):
            yield out if isinstance(out, str) else next(iter(out))


def test_every_output_is_named_in_the_section_of_its_stage() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for name, entry in stages.items():
        named = {code.rstrip("/") for code in code_in(section(f"## `{name}`"))}
        assert set(outs_of(entry)) <= named


def param_keys() -> list[str]:
    def keys_of(entry: object, name: str) -> list[str]:
        if not isinstance(entry, dict):
            return [name]
        return [key for part in entry for key in keys_of(entry[part], f"{name}.{part}")]

    return [key for block in PARAMS for key in keys_of(PARAMS[block], block)]


@pytest.mark.parametrize("key", param_keys())
def test_every_param_is_documented(key: str) -> None:
    assert key in code_in(PIPELINE)


def test_every_data_set_and_every_key_of_its_block_is_documented() -> None:
    known = code_in(PAGES[ROOT / "docs/data.md"])
    used = {key for block in DATA_SETS.values() for key in block}
    allowed = {key for kind in (PackageSource, PathSource, UrlSource) for key in kind.model_fields}
    assert set(DATA_SETS) | used | allowed <= known


def metric_keys(metrics: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in metrics.items():
        if isinstance(value, dict):
            yield from metric_keys(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


MEASURED = [*sorted(ROOT.glob("metrics/*.json")), *sorted(ROOT.glob("plots/*/details.json"))]


@pytest.mark.parametrize("path", MEASURED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_metric_is_documented(path: Path) -> None:
    known = code_in(section(f"### `{path.relative_to(ROOT)}`"))
    content = json.loads(path.read_text(encoding="utf-8"))
    keys = list(metric_keys(content if isinstance(content, dict) else content[0]))
    assert keys
    for key in keys:
        generic = re.sub(r"\b(baseline|ranking)\.(\w+)\.", r"\1.<name>.", key)
        assert re.sub(r"@\d+$", "@n", generic) in known
        if generic != key:
            assert key.removeprefix("intervals.").split(".")[1] in known


def test_metrics_are_there_to_be_looked_at() -> None:
    assert {path.parent.name for path in MEASURED} == {"metrics", *results.MEASURED}
    assert {path.stem for path in ROOT.glob("metrics/*.json")} == {"train", "test", "test_baseline"}


def test_every_command_and_its_options_are_documented() -> None:
    page = PAGES[ROOT / "docs/user-guide/recommendations.md"]
    assert all(f"movierec {name}" in page for name in cli.cli.commands)
    table = options_table()
    assert table in page, f"paste what python -m tests.helpers.options_table prints:\n{table}"


def test_columns_of_plots_are_documented() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    tables = [(stage, out) for stage in stages for out in outs_of(stages[stage]) if "csv" in out]
    for stage, out in tables:
        columns = pd.read_csv(ROOT / out, nrows=0).columns
        assert set(columns) <= code_in(section(f"## `{stage}`")), out


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folders that the real stages write out of a few ratings, and an export."""
    folder = tmp_path_factory.mktemp("outputs")
    ratings = {"user_id": np.repeat([3, 5, 9], 4), "movie_id": np.tile([10, 20, 30, 40], 3)}
    ratings |= {"rating": np.tile([1.0, 2.5, 4.0], 4), "timestamp": np.arange(12)}
    pd.DataFrame(ratings).to_csv(folder / "own.csv", index=False)
    local = {"path": "own.csv", "layout": "ratings_csv"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # The first download tells the hash of one's own file, as docs/data.md says.
        write_params(local)
        with pytest.raises(MovierecError, match=r"sha256.* is not set") as stopped:
            run_stage("download")
        write_params(local | {"sha256": re.search("[0-9a-f]{64}", str(stopped.value))[0]})
        for name in ("download", "index", "split"):
            run_stage(name)
        users, items = parquet_tables.read_users(), parquet_tables.read_items()
        lists = np.array([[0, 1], [2, -1], [-1, -1]], np.int32)
        scores = np.ones(lists.shape, np.float32)
        path = Path("recommendations.parquet")
        block = np.arange(3), lists, scores, scores
        export.write_recommendations(path, users, items, [block])
        scores = np.ones((len(items), 2), np.float32)
        near = np.tile(np.arange(2, dtype=np.int32), (len(items), 1))
        export.write_similar_items(Path("similar_items.parquet"), items, near, scores)
        ids = {"movie_id": items["movie_id"], "title": pa.array(items["title"], pa.string())}
        export.write_factors(Path("item_factors.parquet"), ids, scores)
        ids = {"user_id": users["user_id"]}
        export.write_factors(Path("user_factors.parquet"), ids, scores[: len(users)])
    return folder


def write_params(local: dict[str, str]) -> None:
    write_data_set(Path(), **local)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS | {"dataset": "local"}), encoding="utf-8")


def run_stage(name: str) -> None:
    runpy.run_path(str(ROOT / "stages" / f"{name}.py"))["main"]()


def test_columns_and_their_types_are_documented_as_the_stages_write_them(outputs: Path) -> None:
    spelt = {"float": "float32", "list<element: string>": "list of string"}
    spelt["fixed_size_list<element: float>[2]"] = "list of float32"
    files = [*outputs.glob("data/*/*.parquet"), *outputs.glob("*.parquet")]
    assert len(files) == 14
    for path in files:
        schema = pq.read_schema(path)
        columns = {field.name: spelt.get(str(field.type), str(field.type)) for field in schema}
        assert table_in(section(f"### `{path.name}`")) == columns, path.name


def test_every_file_of_the_data_folders_has_a_section_or_is_named(outputs: Path) -> None:
    names = {path.name for path in outputs.glob("data/*/*")} - {"own.csv"}
    assert names <= code_in(PIPELINE)


def test_arrays_of_the_model_are_documented(tmp_path: Path) -> None:
    model_file.write_model(tmp_path / "model.safetensors", baselines.popularity(*random_csrs(0)))
    arrays = load_file(tmp_path / "model.safetensors")
    types = {name: str(array.dtype) for name, array in arrays.items()}
    assert table_in(section("### `model.safetensors`")) == types


def test_more_arrays_of_the_model_are_documented() -> None:
    params = train_params(model="svdpp", method="gibbs", dtype="float32")
    data = InMemoryData.from_params(*random_csrs(0), params, None)
    arrays = rating_model.fit(data, params, 0, (0.5, 5)).model.arrays
    types = {name: str(array.dtype) for name, array in arrays.items()}
    assert table_in(section("### More arrays of `model.safetensors`")) == {
        name: types[name] for name in types if "sample" in name or "weights" in name
    }


def test_the_gallery_shows_every_picture_by_question() -> None:
    gallery = PAGES[ROOT / "docs/gallery.md"]
    assert re.findall(r"^## (.+)$", gallery, re.MULTILINE)[:-1] == list(QUESTIONS.values())
    shown = re.findall(r"^!\[(.+)\]\(\.\./(plots/\S+)\)$", gallery, re.MULTILINE)
    assert shown == [
        (picture.shows, picture.path.as_posix())
        for group in QUESTIONS
        for picture in PICTURES
        if picture.group == group
    ]


def test_the_diagram_is_that_of_dvc(tmp_path: Path) -> None:
    for name in ("dvc.yaml", "params.yaml", "datasets.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    command = [sys.executable, "-m", "dvc", "dag", "--mermaid"]
    dag = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f"```mermaid\n{dag.strip()}\n```" in PIPELINE, "paste what dvc dag --mermaid prints"


def arrows_of(page: str) -> set[tuple[str, str]]:
    """The pairs of stages joined in a page's diagram."""
    [diagram] = re.findall(r"^```mermaid\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names = dict(re.findall(r"(node\d+)\[\"(\w+)\"\]", diagram))
    chains = [re.findall(r"\w+", line) for line in diagram.splitlines() if "-->" in line]
    pairs = (pair for chain in chains for pair in itertools.pairwise(chain))
    return {(names.get(one, one), names.get(other, other)) for one, other in pairs}


def test_the_short_diagram_joins_what_is_joined() -> None:
    every, some = arrows_of(PIPELINE), arrows_of(PAGES[ROOT / "docs/architecture.md"])
    assert some <= every
    assert set(itertools.chain(*some)) == set(itertools.chain(*every))


def test_every_room_is_in_the_layout_in_the_order_of_imports() -> None:
    text = PAGES[ROOT / "docs/architecture.md"]
    rooms = re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)
    [contract, *_] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    assert [f"movierec.{room}" for room in reversed(rooms)] == contract["layers"]
    package = ROOT / "src/movierec"
    assert set(rooms) == {path.parent.name for path in package.glob("*/__init__.py")}


@pytest.mark.parametrize("path", sorted((ROOT / "src/movierec").glob("*/__init__.py")))
def test_every_room_says_what_it_holds_and_what_it_may_import(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert len(text.splitlines()) >= 2
    assert re.search(r"\b[Ii]mports?\b", text)


def test_only_the_public_api_lies_in_the_package_root() -> None:
    modules = {path.name for path in (ROOT / "src/movierec").glob("*.py")}
    assert modules == {"__init__.py", "__main__.py"}


def test_no_class_name_exists_twice() -> None:
    names = Counter(
        node.name
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


DECISIONS = sorted((ROOT / "docs/decisions").glob("[!R]*.md"))


def test_ten_decisions_are_listed() -> None:
    listed = re.findall(r"\(([\w-]+\.md)\)", PAGES[ROOT / "docs/decisions/README.md"])
    assert sorted(listed) == [path.name for path in DECISIONS]
    assert len(listed) == 10


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_of_one_form(path: Path) -> None:
    assert re.findall(r"^\*\*(.+?)\*\*", PAGES[path], re.MULTILINE) == [
        "Decision.", "Why.", "What it costs.",
    ]  # fmt: skip
    assert len(PAGES[path].split()) <= 150


GOING_BACK = re.compile(r"(?:git (?:checkout|reset|restore|stash)|(?<!&& )dvc checkout)\b[^`\n#]*")
# Repairs, not ways back: a dvc.lock that a kill damaged; the rest of the recipe after a refusal.
REPAIRS = {"git checkout dvc.lock", "dvc checkout"}
NOT_ENOUGH = "git checkout ."  # as docs/how-to.md says


def test_every_page_goes_back_to_the_recorded_run_in_the_same_way() -> None:
    recipe, undo = "git stash && dvc checkout", "git stash pop && dvc checkout"
    used = {
        path.relative_to(ROOT).as_posix(): set(map(str.strip, GOING_BACK.findall(text)))
        for path, text in PAGES.items()
    }
    pages = ("README.md", "docs/how-to.md", "docs/troubleshooting.md", *TUTORIALS)
    assert all(recipe in used[page] for page in pages)
    known = {recipe, undo, "git stash", NOT_ENOUGH, *REPAIRS}
    assert {page: commands - known for page, commands in used.items() if commands - known} == {}


# --- The model page computes what the code computes


def test_the_examples_of_the_model_page_predict_and_solve_as_the_code_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    user_id, movie_id = (ids.ravel() for ids in np.meshgrid(range(180, 200), range(45, 65)))
    ratings = {"user_id": user_id, "movie_id": movie_id, "rating": rng.integers(1, 6, 400)}
    pd.DataFrame(ratings | {"timestamp": 0}).to_csv("own.csv", index=False)
    digest = hashlib.sha256(Path("own.csv").read_bytes()).hexdigest()
    write_params({"path": "own.csv", "layout": "ratings_csv", "sha256": digest})
    for stage in ("download", "index", "split", "train"):
        run_stage(stage)
    page = PAGES[ROOT / "docs/model.md"]
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    Path("example.py").write_text("\n".join(blocks), encoding="utf-8")
    capsys.readouterr()
    names = runpy.run_path("example.py")
    predicted, model = capsys.readouterr().out.split()[0], model_file.read_model()
    user, item = (np.array([names[name]], np.int32) for name in "ui")
    assert float(predicted) == pytest.approx(model.predict(user, item)[0])
    stored = np.append(model.item_factors[item], model.item_biases[item])
    assert np.abs(names["row"] - stored).max() < 1e-5


def test_ndcg_on_the_model_page_is_that_of_the_recorded_run() -> None:
    [details] = json.loads((ROOT / "plots/evaluate/details.json").read_text("utf-8"))
    page = PAGES[ROOT / "docs/model.md"]
    stated = dict(re.findall(r"^\| `(\w+)` \| .+ \| (0\.\d{3}) \|", page, re.MULTILINE))
    stated |= dict(re.findall(r"`(popularity)` has (0\.\d{3})", page))
    measured = {name: f"{of['ndcg@10']:.3f}" for name, of in details["ranking"].items()}
    for name in (*rankers.RANKINGS, "popularity"):
        assert stated[name] == measured[name], name


def test_the_sweeps_of_gibbs_sampling_on_the_model_page_are_those_of_the_params() -> None:
    sweeps = TrainParams(**PARAMS["train"] | {"method": "gibbs"}).n_epochs
    assert f"{sweeps} sweeps" in PAGES[ROOT / "docs/model.md"]


# --- What the docs quote was measured


def results_of(name: str) -> Any:
    """The entries of a file of benchmarks/results."""
    content = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text("utf-8"))
    return next(content[key] for key in ("results", "runs", "parts") if key in content)


def test_the_benchmarks_page_quotes_the_results() -> None:
    page = PAGES[ROOT / "docs/benchmarks.md"]
    errors = [entry["test"].get("rmse") for entry in results_of("compare-ml-100k")]
    quoted = [f"| {rmse:.4f} |" for rmse in errors if rmse]
    ranked = results_of("rankings-ml-100k")
    for name in ("blend", "implicit", "popularity", "item_knn"):
        quoted.append(f"| {np.mean([entry['ndcg@10'] for entry in ranked[name]]):.3f} |")
    peers = ("lenskit", "cmfrec CG", "cmfrec Cholesky", "implicit CG", "spark")
    timed = [entry for entry in results_of("bench-25000095") if entry["name"] in peers]
    quoted += [f"| {entry['median']:.2f} |" for entry in timed]
    quoted += [f"| {part['seconds']:.1f} |" for part in results_of("pipeline-25000095")[2:]]
    assert [figure for figure in quoted if figure not in page] == []


def test_the_readme_quotes_the_benchmarks_page_and_the_recorded_run() -> None:
    readme = PAGES[ROOT / "README.md"]
    why = readme.partition("\n## Why not LensKit, implicit or a notebook?\n")[2].partition("\n## ")[0]
    full_size = readme.partition("\n## Use 25 million ratings\n")[2].partition("\n## ")[0]
    figures = re.findall(r"\d+\.\d+", why + full_size)
    assert len(figures) >= 10
    assert [one for one in figures if one not in PAGES[ROOT / "docs/benchmarks.md"]] == []
    [details] = json.loads((ROOT / "plots/evaluate/details.json").read_text("utf-8"))
    for name, measured in details["ranking"].items():
        shown = re.search(rf"^{name.replace('_', ' ')} .* {measured['ndcg@10']:.4f}$", readme, re.M)
        assert shown, name


def test_the_scaling_page_quotes_the_results_and_the_estimate_of_memory() -> None:
    page = PAGES[ROOT / "docs/scaling.md"]
    seconds = [f"| {run['median']:.2f} |" for run in results_of("scale-100000000")]
    assert [figure for figure in seconds if figure not in page] == []
    formula = f"{loading.BASE:,} + {loading.PER_RATING} · n_ratings + {loading.ROW_COPIES} · rows"
    assert formula in page
    assert f"+ {loading.PER_RUNNING_SUM} · n_ratings" in page


# --- What the docs name exists


def anchors_of(text: str) -> set[str]:
    """The anchors that headings get, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in headings}


def each_page(function: Any) -> Any:
    names = [path.relative_to(ROOT).as_posix() for path in PAGES]
    return pytest.mark.parametrize("page", PAGES, ids=names)(function)


@each_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", PAGES[page])
    for link in re.findall(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"", text):
        link = "".join(link)
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target.read_text(encoding="utf-8")), link


@each_page
def test_paths_named_exist(page: Path) -> None:
    folders = "src|stages|tests|benchmarks|docs"
    named = re.findall(rf"(?<![\w/.-])(?:{folders})/[\w./<>-]*[\w>]", PAGES[page])
    assert not [path for path in named if "<" not in path and not (ROOT / path).exists()]


@each_page
def test_make_targets_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    indented = re.findall(r"^ {4}.*", PAGES[page], re.MULTILINE)
    commands = "\n".join([*code_in(PAGES[page]), *FENCE.findall(PAGES[page]), *indented])
    assert set(re.findall(r"^[ $]*make ([a-z][\w-]*)", commands, re.MULTILINE)) <= targets
