"""The pages of `dvc plots show` and `dvc plots diff`, in a browser without a network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.helpers.browser import Visit, visiting
from tests.helpers.clone import ROOT, Workspace, make_workspace

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
# Of a plot: as many shapes as have a size, and whether one is of no number.
SHAPES = """card => {
    const paths = [...card.querySelectorAll("svg g.role-mark path")];
    const sizes = paths.map(path => path.getBBox());
    return [sizes.filter(size => size.width + size.height > 1).length,
            paths.some(path => path.outerHTML.includes("NaN"))]
}"""


CHARTS = sorted(next(iter(entry)) for entry in PIPELINE["plots"])
PICTURES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("plots/*/*.png"))


def element(plot: str) -> str:
    """Where DVC puts a plot."""
    return "#" + re.sub(r"[^\w-]", "_", plot) + ":not([hidden])"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("plots") / "project")


@pytest.fixture(scope="module")
def page(workspace: Workspace) -> Path:
    workspace.run("dvc", "plots", "show", "-o", "shown")
    return workspace.path / "shown/index.html"


@pytest.fixture(scope="module")
def visit(page: Path):
    with visiting(page) as visit:
        yield drawn(visit)


def drawn(visit: Visit) -> Visit:
    visit.page.wait_for_function(
        """[...document.querySelectorAll("main > div:not([hidden])")].every(
            card => card.querySelector("svg.marks, img"))"""
    )
    return visit


def test_nothing_leaves_and_nothing_fails(visit: Visit) -> None:
    assert (visit.requests, visit.errors) == ([], [])


@pytest.mark.parametrize("plot", CHARTS)
def test_every_chart_is_drawn(visit: Visit, plot: str) -> None:
    shapes, broken = visit.page.eval_on_selector(element(plot), SHAPES)
    assert shapes >= 1
    assert not broken


@pytest.mark.parametrize("plot", PICTURES)
def test_every_picture_is_there_with_words_for_who_cannot_see_it(visit: Visit, plot: str) -> None:
    image = visit.page.locator(f"{element(plot)} img")
    assert image.evaluate("image => image.naturalWidth") > 300
    assert plot in image.get_attribute("alt")


def test_each_plot_is_shown_once_below_its_title(visit: Visit) -> None:
    shown = visit.page.locator("main > div:not([hidden])")
    headings = [text.strip() for text in shown.locator("h2").all_inner_texts()]
    assert shown.count() == len(headings) == len(set(headings)) == len(CHARTS + PICTURES)
    titles = {
        next(iter(entry.values()))["title"] for entry in PIPELINE["plots"] if type(entry) is dict
    }
    assert titles <= set(headings)


def test_the_page_fits_a_phone(page: Path) -> None:
    with visiting(page, width=400) as visit:
        assert drawn(visit).page.evaluate("document.documentElement.scrollWidth") == 400
        widths = visit.page.eval_on_selector_all(
            "main svg.marks, main > div:not([hidden]) img",
            "drawn => drawn.map(one => one.getBoundingClientRect().right)",
        )
        assert len(widths) == len(CHARTS + PICTURES)
        assert max(widths) <= 400


def test_the_difference_of_two_runs_shows_both(workspace: Workspace) -> None:
    path = workspace.path / "plots/train/training.csv"
    path.write_text(path.read_text("utf-8").replace("0.9", "1.0"), "utf-8")
    workspace.run("dvc", "plots", "diff", "-o", "differ", "HEAD")
    with visiting(workspace.path / "differ/index.html", width=400) as visit:
        chart = drawn(visit).page.locator(f"{element('training')} svg.marks")
        legend = chart.locator(".role-legend text")
        shown = {
            text: legend.nth(i).bounding_box() for i, text in enumerate(legend.all_text_contents())
        }
        assert {"HEAD", "workspace", "train_rmse", "validation_rmse"} <= set(shown)
        frame = chart.bounding_box()
        for box in shown.values():
            assert box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert (visit.requests, visit.errors) == ([], [])


def test_a_plot_without_data_says_so(page: Path) -> None:
    text, n = re.subn(
        r"var spec = .*;(?=\s*vegaEmbed\('#implicit')", "var spec = {};", page.read_text("utf-8")
    )
    assert n == 1
    other = page.with_name("empty.html")
    other.write_text(text, "utf-8")
    with visiting(other) as visit:
        assert visit.page.inner_text("#implicit").split() == ["implicit", "No", "data."]
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
