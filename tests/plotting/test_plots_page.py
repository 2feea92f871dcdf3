"""The pages of `dvc plots show` and `dvc plots diff`, in a browser without a network."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.helpers.browser import Visit, visiting
from tests.helpers.clone import ROOT, Workspace, make_workspace

CHARTS = {
    name: chart
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["plots"]
    for name, chart in entry.items()
}
SECTIONS = ["data", "training", "errors", "recommendations"]
STAGES = ("index", "train", "implicit", "evaluate", "draw")  # those with a folder in plots/
SEVERAL = [  # charts with several series
    name
    for name, chart in CHARTS.items()
    if any(type(fields) is list for fields in chart["y"].values())
]
EVIL = """</script></plaintext><script>document.title = "run"</script>'🎬' {plot_divs}"""
# Of a chart: as many shapes as have a size, and whether one is of no number.
SHAPES = """card => {
    const paths = [...card.querySelectorAll("svg g.role-mark path")];
    const sizes = paths.map(path => path.getBBox());
    return [sizes.filter(size => size.width + size.height > 1).length,
            paths.some(path => path.outerHTML.includes("NaN"))]
}"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The project; next to the tables lie figures that are none."""
    workspace = make_workspace(tmp_path_factory.mktemp("plots") / "project")
    figures = [{"test": {"rmse": 0.9, "by": {"a": None}}}]
    for stage in STAGES:
        (workspace.path / f"plots/{stage}/details.json").write_text(json.dumps(figures), "utf-8")
    workspace.commit("figures")
    return workspace


def written(workspace: Workspace, *command: str) -> Path:
    """The page of `dvc plots`, which prints its path and no warnings."""
    folder = f"page-of-{len(list(workspace.path.glob('page-of-*')))}"
    page = workspace.path / folder / "index.html"
    said = workspace.run("dvc", "plots", *command, "-o", folder)
    assert said == f"{page.as_uri()}\n"
    return page


def drawn(visit: Visit) -> Visit:
    visit.page.wait_for_function(
        "[...document.querySelectorAll('article')].every(card => card.querySelector('svg.marks'))"
    )
    return visit


@pytest.fixture(scope="module")
def page(workspace: Workspace) -> Path:
    return written(workspace, "show")


@pytest.fixture(scope="module")
def visit(page: Path):
    with visiting(page) as visit:
        yield drawn(visit)


def edit(path: Path, column: str, change, rows=slice(None)) -> None:
    """Change the cells of a column of a table, in these rows."""
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    for row in table[rows]:
        row[column] = change(row[column])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)


@pytest.fixture(scope="module")
def three(workspace: Workspace) -> Path:
    """The page of three revisions: training, errors and the map differ, the data do not."""
    plots = workspace.path / "plots"
    workspace.run("git", "tag", "first")
    for name in ("second-with-a-long-name", "third"):
        for path, column in (
            ("train/training.csv", "validation_rmse"),
            ("evaluate/errors.csv", "rmse"),
            ("evaluate/rmse_by_genre.csv", "rmse"),
            ("draw/factors.csv", "y"),
        ):
            edit(plots / path, column, lambda cell: f"{1.05 * float(cell):.6g}")
        workspace.commit(name)
        workspace.run("git", "tag", name)
    page = written(workspace, "diff", "first", "second-with-a-long-name", "third")
    workspace.run("git", "checkout", "-q", "first", "--", "plots")
    return page


@pytest.fixture(scope="module")
def visit_three(three: Path):
    with visiting(three) as visit:
        yield drawn(visit)


def tooltip(visit: Visit, selector: str, place: int = 0) -> str:
    """What pointing at a mark shows, as "name value, ..."."""
    visit.page.locator(selector).nth(place).dispatch_event("pointermove")
    rows = visit.page.locator("#vg-tooltip-element tr").all_inner_texts()
    return ", ".join(" ".join(text.split()) for text in rows)


# --- The run in this folder


@pytest.mark.parametrize("kind", ["visit", "visit_three"])
def test_nothing_leaves_nothing_fails_and_nothing_is_a_picture(kind: str, request) -> None:
    visit = request.getfixturevalue(kind)
    assert (visit.requests, visit.errors) == ([], [])
    assert visit.page.locator("img").count() == 0


def test_a_dozen_charts_stand_in_sections_each_below_its_own_question(visit: Visit) -> None:
    assert len(CHARTS) == 12
    sections = visit.page.locator("section:visible")
    assert sections.evaluate_all("found => found.map(section => section.id)") == SECTIONS
    assert [text.lower() for text in sections.locator("h2").all_inner_texts()] == SECTIONS
    assert all(len(lead) > 20 for lead in sections.locator("h2 + p").all_inner_texts())
    for section in SECTIONS:
        cards = visit.page.locator(f"#{section} > article")
        names = [name for name in CHARTS if name.startswith(f"{section}_")]
        assert cards.evaluate_all("cards => cards.map(card => card.id)") == names
        questions = [CHARTS[name]["title"] for name in names]
        assert cards.locator("h3").all_inner_texts() == questions
        assert all("?" in question for question in questions)
    assert visit.page.locator("article").count() == len(CHARTS)


@pytest.mark.parametrize("kind", ["visit", "visit_three"])
@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_drawn_with_titles_of_its_axes(name: str, kind: str, request) -> None:
    visit = request.getfixturevalue(kind)
    shapes, broken = visit.page.eval_on_selector(f"#{name}", SHAPES)
    assert shapes >= 1
    assert not broken
    titles = visit.page.locator(f"#{name} .role-axis-title").all_text_contents()
    assert {CHARTS[name]["x_label"], CHARTS[name]["y_label"]} <= set(titles)


@pytest.mark.parametrize("name", SEVERAL)
def test_series_of_one_chart_have_colours_and_a_legend(visit: Visit, name: str) -> None:
    legend = visit.page.locator(f"#{name} .role-legend")
    assert legend.locator(".role-legend-label text").count() == 2
    marks = legend.locator(".role-legend-symbol path")
    assert (
        len(set(marks.evaluate_all("paths => paths.map(path => path.getAttribute('fill'))"))) == 2
    )


def test_a_chart_of_few_years_has_bars_from_zero(visit: Visit) -> None:
    bars = visit.page.locator("#data_years .mark-rect.role-mark path")
    table = list(csv.DictReader((ROOT / "plots/index/years.csv").open(encoding="utf-8")))
    heights = bars.evaluate_all("bars => bars.map(bar => bar.getBBox().height)")
    counts = [int(row["n_ratings"]) for row in table]
    assert [height / heights[0] for height in heights] == pytest.approx(
        [count / counts[0] for count in counts], rel=0.01
    )


MARKS = {  # a chart, the kind of its marks, and what pointing at the first one shows
    "data_ratings": ("rect", "rating, stars 1, number of ratings 6,110"),
    "training_ratings": ("symbol", "series train, epoch 1, RMSE, stars 0.9"),
    "errors_models": ("symbol", "model model, test RMSE, stars (95% interval) 0.9"),
    "errors_by_movie": ("symbol", "training ratings of the movie 0, series model, test RMSE"),
    "errors_by_genre": ("symbol", "genre Action, series model, test RMSE, stars 0."),
    "recommendations_rankings": ("symbol", "ranking blend, test NDCG (95% interval) 0.4"),
    "recommendations_genres": ("symbol", "genre Drama, series ratings, share of ratings"),
    "recommendations_movies": ("symbol", "movie Star Wars (1977), "),
}


@pytest.mark.parametrize("name", MARKS)
def test_pointing_at_a_mark_names_it(visit: Visit, name: str) -> None:
    kind, text = MARKS[name]
    assert tooltip(visit, f"#{name} .mark-{kind}.role-mark path").startswith(text)


@pytest.mark.parametrize("kind", ["page", "three"])
def test_the_page_fits_a_phone(kind: str, request) -> None:
    with visiting(request.getfixturevalue(kind), width=390) as visit:
        assert drawn(visit).page.evaluate("document.documentElement.scrollWidth") == 390
        cut_off = visit.page.eval_on_selector_all(
            "svg.marks",
            """charts => charts.flatMap(chart => {
                const {left, right} = chart.getBoundingClientRect();
                return [...chart.querySelectorAll("text")].filter(text => {
                    const box = text.getBoundingClientRect();
                    return box.left < left - 1 || box.right > right + 1 || box.right > 390;
                }).map(text => text.textContent);
            })""",
        )
        assert cut_off == []


# --- Three revisions


def test_each_revision_has_a_colour_and_dashes_are_of_series(visit_three: Visit) -> None:
    labels = visit_three.page.locator("#training_ratings .role-legend-label text")
    assert labels.all_text_contents() == [
        *("first", "second-with-a-long-name", "third"),
        *("train", "validation"),
    ]
    lines = visit_three.page.locator("#training_ratings .mark-line path")
    styles = lines.evaluate_all(
        """lines => lines.map(line =>
            ["stroke", "stroke-dasharray"].map(name => line.getAttribute(name)))"""
    )
    assert len({tuple(style) for style in styles}) == len(styles) == 6


def test_what_is_equal_in_all_revisions_is_drawn_once(visit_three: Visit) -> None:
    for name in ("data_ratings", "data_years", "training_implicit"):
        assert "Identical in all revisions." in visit_three.page.inner_text(f"#{name}")
    assert visit_three.page.locator("#data_ratings .mark-rect.role-mark path").count() == 5
    assert "Identical" not in visit_three.page.inner_text("#errors_models")


def test_each_revision_has_a_map_and_movies_name_theirs(visit_three: Visit) -> None:
    names = ["first", "second-with-a-long-name", "third"]
    card = visit_three.page.locator("#recommendations_movies")
    texts = card.locator("svg text").all_text_contents()
    assert [text for text in texts if text in names] == names
    shown = tooltip(visit_three, "#recommendations_movies .mark-symbol.role-mark path", 400)
    assert shown.startswith("movie Star Wars (1977)")
    assert shown.endswith("revision second-with-a-long-name")


# --- What may go wrong


def test_no_title_breaks_the_page_or_runs(workspace: Workspace) -> None:
    edit(workspace.path / "plots/draw/factors.csv", "title", lambda _: EVIL, slice(1))
    edit(workspace.path / "plots/evaluate/rmse_by_genre.csv", "genre", lambda _: EVIL, slice(1))
    with visiting(written(workspace, "diff", "first", "workspace")) as visit:
        assert drawn(visit).page.locator("article").count() == len(CHARTS)
        assert visit.page.title() == "movierec: plots"
        assert f"movie {EVIL}," in tooltip(
            visit, "#recommendations_movies .mark-symbol.role-mark path"
        )
        assert (visit.requests, visit.errors) == ([], [])
    workspace.run("git", "checkout", "-q", "plots")


def test_a_chart_without_data_says_so(workspace: Workspace) -> None:
    path = workspace.path / "plots/draw/factors.csv"
    path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    with visiting(written(workspace, "show", "recommendations_movies", "data_years")) as visit:
        assert visit.page.inner_text("#recommendations_movies p") == "No data."
        assert visit.page.locator("#data_years svg.marks").count() == 1
        assert (visit.requests, visit.errors) == ([], [])
    workspace.run("git", "checkout", "-q", "plots")


def test_a_file_is_shown_where_it_alone_is_asked_for(workspace: Workspace) -> None:
    with visiting(written(workspace, "show", "plots/index/years.csv")) as visit:
        assert drawn(visit).page.locator("#other > article h3").all_inner_texts() == [
            "plots/index/years.csv"
        ]
        assert (visit.requests, visit.errors) == ([], [])


# --- The template


def renew(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "renew.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_template_is_what_its_source_and_the_stated_hashes_say() -> None:
    assert renew(ROOT / ".dvc/plots", "--check").returncode == 0
    assert (ROOT / ".dvc/plots/page.html").stat().st_size < 1_500_000


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("<h1>", "<h1>My ", "page.html is not of the present source.html"),
        ("vega-embed 6.29.0 of npm", "vega-embed 6.29.1 of npm", "renew.py names others"),
        ("vegaLite", "vegalite", "renew.py names others"),
    ],
)
def test_another_page_is_told(tmp_path: Path, old: str, new: str, error: str) -> None:
    folder = shutil.copytree(ROOT / ".dvc/plots", tmp_path / "plots")
    page = (folder / "page.html").read_text("utf-8")
    assert old in page
    (folder / "page.html").write_text(page.replace(old, new, 1), "utf-8")
    checked = renew(folder, "--check")
    assert checked.returncode == 1
    assert error in checked.stderr


def test_a_changed_source_needs_no_network(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / ".dvc/plots", tmp_path / "plots")
    source = (folder / "source.html").read_text("utf-8")
    (folder / "source.html").write_text(source.replace("<h1>", "<h1>My "), "utf-8")
    assert renew(folder, "--check").returncode == 1
    assert renew(folder).returncode == 0
    assert "<h1>My " in (folder / "page.html").read_text("utf-8")
    assert renew(folder, "--check").returncode == 0


def test_licences_of_what_the_page_holds_are_in_it() -> None:
    page = (ROOT / ".dvc/plots/page.html").read_text("utf-8")
    licences = page.partition("-->\n")[0]
    assert "\nvega-lite\n\nCopyright (c) 2015, University of Washington" in licences
    for name in ("vega", "vega-embed", "d3-scale", "topojson-client", "fast-json-patch", "semver"):
        assert re.search(rf"^(.*, )?{name}(, .*)?\n\n", licences, re.MULTILINE), name
