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
import pytest
import yaml
from safetensors.numpy import load_file

from movierec import cli
from movierec.core import result_files
from movierec.core.errors import MovierecError
from movierec.core.params import PackageSource, PathSource, TrainParams, UrlSource
from movierec.core.reporting import words
from movierec.model import baselines, model_file
from movierec.recommending import rankers
from movierec.training import loading, rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.clone import STAGES
from tests.helpers.random_data import SCALE, random_csrs, random_regression, train_params
from tests.helpers.small_project import write_data_set

ROOT = Path(__file__).parents[2]
PAGES = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/**/*.md"))}
PAGES |= {
    ROOT / name: (ROOT / name).read_text("utf-8")
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
}
PAGES |= {
    path: "\n\n".join(
        cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    )
    for path in ROOT.glob("notebooks/*.ipynb")
}
GUIDE = ROOT / "docs/user-guide"
REFERENCE = GUIDE / "python-reference.md"  # all of it is generated
OUTPUTS = PAGES[GUIDE / "outputs.md"]
PARAMS, DATA_SETS = (
    yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    for name in ("params.yaml", "datasets.yaml")
)
TUTORIALS = [
    path.relative_to(ROOT).as_posix() for path in PAGES if path.name.startswith("tutorial-")
]
GENERATED = re.compile(r"<!-- begin \w+ -->.*?<!-- end -->", re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def code_in(text: str) -> set[str]:
    """What stands between backticks, whole."""
    return set(re.findall(r"`([^`\n]+)`", FENCE.sub("", text)))


def section(heading: str) -> str:
    """A section of docs/user-guide/outputs.md, up to the next heading of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, found, after = OUTPUTS.partition(f"\n{heading}\n")
    assert found, f"docs/user-guide/outputs.md has no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def table_in(text: str) -> dict[str, str]:
    """First and second column of a section's table, the first in backticks."""
    return dict(re.findall(r"^\| `([^`|]+)` \| ([^|]+?) \|", text, re.MULTILINE))


# --- What the project has is documented


def test_every_stage_is_described() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    bold = re.findall(r"\*\*(\w+)\*\*", section("## Stages"))
    assert bold == list(stages)


def test_every_data_set_and_every_key_of_its_block_is_documented() -> None:
    known = code_in(PAGES[GUIDE / "data-sets.md"])
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
    name = str(path.relative_to(ROOT))
    headline = re.search(rf"^\| `{name}` .+", OUTPUTS, re.MULTILINE)
    known = code_in(headline[0] if headline else section(f"### `{name}`"))
    content = json.loads(path.read_text(encoding="utf-8"))
    measured = content if isinstance(content, dict) else content[0]
    measured.pop("made_with", None)  # the params
    keys = list(metric_keys(measured))
    assert keys
    for key in keys:
        key = re.sub(r"^intervals\.(.+)\.(low|high)$", r"\1", key)
        generic = re.sub(r"\b(baseline|ranking)\.(\w+)\.", r"\1.<name>.", key)
        assert re.sub(r"@\d+$", "@n", generic) in known
        if generic != key:
            assert key.split(".")[1] in known


def test_metrics_are_there_to_be_looked_at() -> None:
    assert {path.parent.name for path in MEASURED} == {"metrics", *result_files.MADE_WITH}
    assert {path.stem for path in ROOT.glob("metrics/*.json")} == {"train", "test", "test_baseline"}


def test_every_command_is_documented() -> None:
    pages = PAGES[GUIDE / "recommendations.md"] + PAGES[GUIDE / "data-sets.md"]
    assert all(f"movierec {name}" in pages for name in cli.cli.commands)


def test_columns_of_plots_are_documented() -> None:
    """Every table in plots/ is listed with its columns, in their order."""
    rows = re.findall(r"^- `(plots/\S+\.csv)`: (.+)$", OUTPUTS, re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", columns) for name, columns in rows} == {
        path.relative_to(ROOT).as_posix(): list(pd.read_csv(path, nrows=0).columns)
        for path in ROOT.glob("plots/*/*.csv")
    }


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the real stages have written every Parquet file, out of 400 ratings."""
    folder = tmp_path_factory.mktemp("outputs")
    write_ratings(folder / "own.csv")
    local = {"path": "own.csv", "layout": "ratings_csv"}
    shutil.copyfile(ROOT / "dvc.yaml", folder / "dvc.yaml")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # The first download prints the hash of your own file, as docs/user-guide/data-sets.md says.
        write_params(local)
        with pytest.raises(MovierecError, match=r"sha256.* is not set") as stopped:
            run_stage("download")
        write_params(local | {"sha256": re.search("[0-9a-f]{64}", str(stopped.value))[0]})
        for name in STAGES[:-1]:
            run_stage(name)
    return folder


def write_ratings(path: Path) -> None:
    """20 users rate 20 movies."""
    rng = np.random.default_rng(0)
    user_id, movie_id = (ids.ravel() for ids in np.meshgrid(range(180, 200), range(45, 65)))
    ratings = {"user_id": user_id, "movie_id": movie_id, "rating": rng.integers(1, 6, 400)}
    pd.DataFrame(ratings | {"timestamp": 0}).to_csv(path, index=False)


def write_params(local: dict[str, str]) -> None:
    write_data_set(Path(), **local)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS | {"dataset": "local"}), encoding="utf-8")


def run_stage(name: str) -> None:
    runpy.run_path(str(ROOT / "stages" / f"{name}.py"))["main"]()


@pytest.fixture(scope="module")
def generated(outputs: Path) -> dict[str, Any]:
    """The functions of docs/user-guide/generate.py, and by `parts` what they generate."""
    functions = runpy.run_path(str(GUIDE / "generate.py"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(outputs)
        return functions | {"parts": functions["parts_of"](outputs)}


def test_the_generated_parts_are_those_of_the_pipeline(generated: dict[str, Any]) -> None:
    """Stages and charts as in dvc.yaml, columns and types as written, options as in the help."""
    pages = {path: PAGES[path] for path in PAGES if "<!-- begin " in PAGES[path]}
    for path, page in pages.items():
        assert generated["render"](page, generated["parts"]) == page, f"{path}: run make docs"
    shown = {name for page in pages.values() for name in re.findall("<!-- begin (.+) -->", page)}
    assert shown == set(generated["parts"])


def test_the_python_reference_is_that_of_the_docstrings() -> None:
    reference = runpy.run_path(str(GUIDE / "generate_reference.py"))
    assert reference["render"](reference["read_package"]()) == PAGES[REFERENCE], "run make docs"


def test_the_prose_of_the_python_reference_is_clean_markdown() -> None:
    """No backtick without its partner, double space, or name that would be set in italics."""
    prose = re.sub(r"^#.*", "", FENCE.sub("", PAGES[REFERENCE]), flags=re.MULTILINE)
    assert [line for line in prose.splitlines() if line.count("`") % 2] == []
    assert re.findall(r"\S {2,}\S.*", prose) == []
    text = re.sub(r"`[^`\n]+`|\]\(.+?\)", "", prose)
    assert re.findall(r"\b_\w+|\w+_\b|[*]\w+[*](?![*])|<\w+>", text) == []


def test_every_file_of_the_data_folders_is_documented(
    outputs: Path, generated: dict[str, Any]
) -> None:
    files = {path.relative_to(outputs).as_posix() for path in outputs.rglob("*.parquet")}
    assert files == set(generated["FILES"])
    names = {path.name for path in outputs.glob("data/*/*")} - {"own.csv"}
    assert {name for name in names if not name.endswith(".parquet")} <= code_in(OUTPUTS)


def test_arrays_of_the_model_are_documented(tmp_path: Path) -> None:
    model_file.write_model(tmp_path / "model.safetensors", baselines.popularity(*random_csrs(0)))
    types = types_of(load_file(tmp_path / "model.safetensors"))
    params = train_params(model="svdpp", method="gibbs", dtype="float32")
    data = InMemoryData.from_params(*random_csrs(0), params, None)
    more = types_of(rating_model.fit(data, params, 0, SCALE).model.arrays)
    model_file.write_model(tmp_path / "item_regression.safetensors", random_regression(0))
    of_regression = types_of(load_file(tmp_path / "item_regression.safetensors"))
    first, rest = section("## Models").split("`genre_mf`")
    second, third = rest.split("`models/item_regression.safetensors`")
    assert table_in(first) == types
    assert table_in(second) == {name: more[name] for name in more if name not in types}
    assert table_in(third) == of_regression


def types_of(arrays: dict[str, Any]) -> dict[str, str]:
    return {name: str(array.dtype) for name, array in arrays.items()}


def arrows_of(diagram: str) -> set[tuple[str, str]]:
    """The pairs of stages joined in a Mermaid diagram."""
    names = dict(re.findall(r"(node\d+)\[\"(\w+)\"\]", diagram))
    chains = [re.findall(r"\w+", line) for line in diagram.splitlines() if "-->" in line]
    pairs = (pair for chain in chains for pair in itertools.pairwise(chain))
    return {(names.get(one, one), names.get(other, other)) for one, other in pairs}


def test_the_diagram_joins_what_dvc_joins() -> None:
    command = [sys.executable, "-m", "dvc", "dag", "--mermaid"]
    dag = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    [diagram] = re.findall(
        r"^```mermaid\n(.*?)^```", PAGES[ROOT / "docs/architecture.md"], re.MULTILINE | re.DOTALL
    )
    every, some = arrows_of(dag), arrows_of(diagram)
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
NOT_ENOUGH = "git checkout ."  # as docs/user-guide/experiments.md says


def test_every_page_goes_back_to_the_recorded_run_in_the_same_way() -> None:
    recipe, undo = "git stash && dvc checkout", "git stash pop && dvc checkout"
    used = {
        path.relative_to(ROOT).as_posix(): set(map(str.strip, GOING_BACK.findall(text)))
        for path, text in PAGES.items()
    }
    pages = ("README.md", "docs/user-guide/experiments.md", "docs/troubleshooting.md", *TUTORIALS)
    assert all(recipe in used[page] for page in pages)
    known = {recipe, undo, "git stash", NOT_ENOUGH, *REPAIRS}
    assert {page: commands - known for page, commands in used.items() if commands - known} == {}


# --- The model page computes what the code computes


def test_the_example_of_the_model_page_predicts_as_the_code_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_ratings(Path("own.csv"))
    digest = hashlib.sha256(Path("own.csv").read_bytes()).hexdigest()
    write_params({"path": "own.csv", "layout": "ratings_csv", "sha256": digest})
    for stage in ("download", "index", "split", "train"):
        run_stage(stage)
    page = PAGES[ROOT / "docs/model.md"]
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    Path("example.py").write_text(example, encoding="utf-8")
    capsys.readouterr()
    names = runpy.run_path("example.py")
    predicted, model = capsys.readouterr().out.split()[0], model_file.read_model()
    user, item = (np.array([names[name]], np.int32) for name in "ui")
    assert float(predicted) == pytest.approx(model.predict(user, item)[0])


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
    quoted = []
    ranked = results_of("rankings-ml-100k")
    for name in ("blend", "implicit", "popularity", "item_knn"):
        quoted.append(f"| {np.mean([entry['ndcg@10'] for entry in ranked[name]]):.3f} |")
    peers = ("lenskit", "cmfrec CG", "cmfrec Cholesky", "implicit CG", "spark")
    groups = results_of("groups-ml-100k")
    for way in ("mean of 0 to 100", "least_misery of 0 to 100"):
        for key in ("2 people, mean", "2 people, lowest"):
            quoted.append(f"{np.mean([entry[key] for entry in groups[way]]):.3f}")
    timed = [entry for entry in results_of("bench-25000095") if entry["name"] in peers]
    quoted += [f"| {entry['median']:.2f} |" for entry in timed]
    stages = results_of("pipeline-25000095")[2:] + results_of("pipeline-committed-25000095")[2:]
    quoted += [f"{stage['name']} {stage['seconds']:.1f}" for stage in stages]
    ratios = [entry["fit_over_stage"] for entry in results_of("python-api")]
    quoted.append(f"{min(ratios):.2f} to {max(ratios):.2f} times")
    assert [figure for figure in quoted if figure not in page] == []


def test_fit_from_python_is_as_fast_as_the_stages() -> None:
    """Within 5%, on ml-100k and on one million generated ratings."""
    measured = results_of("python-api")
    assert {entry["ratings"] for entry in measured} == {"ml-100k", "generated"}
    for medians in (entry["medians"] for entry in measured):
        assert medians["fit"] <= 1.05 * medians["whole stage"]
        assert medians["fit, process"] <= 1.05 * medians["stage, process"]


def test_the_readme_quotes_the_benchmarks_page_and_the_recorded_run() -> None:
    readme = PAGES[ROOT / "README.md"]
    why = readme.partition("\n## Why not LensKit, implicit or a notebook?\n")[2].partition("\n## ")[
        0
    ]
    full_size = readme.partition("\n## Use 25 million ratings\n")[2].partition("\n## ")[0]
    figures = re.findall(r"\d+\.\d+", why + full_size)
    assert len(figures) >= 10
    assert [one for one in figures if one not in PAGES[ROOT / "docs/benchmarks.md"]] == []
    [details] = json.loads((ROOT / "plots/evaluate/details.json").read_text("utf-8"))
    for name, measured in details["ranking"].items():
        shown = re.search(rf"^{words(name)} .* {measured['ndcg@10']:.4f}$", readme, re.M)
        assert shown, name


def test_the_scaling_page_quotes_the_results_and_the_estimate_of_memory() -> None:
    page = PAGES[ROOT / "docs/scaling.md"]
    seconds = [f"| {run['median']:.2f} |" for run in results_of("scale-100000000")]
    assert [figure for figure in seconds if figure not in page] == []
    formula = f"{loading.BASE:,} + {loading.PER_RATING} · n_ratings + {loading.ROW_COPIES} · rows"
    assert formula in page
    assert f"+ {loading.PER_RUNNING_SUM} · n_ratings" in page


def test_the_docs_are_short() -> None:
    assert len(PAGES[ROOT / "README.md"].splitlines()) <= 150
    docs = [text for path, text in PAGES.items() if (ROOT / "docs") in path.parents]
    docs.remove(PAGES[REFERENCE])  # generated: the limit is on what people write
    assert sum(len(GENERATED.sub("", text).split()) for text in docs) <= 14_264


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
