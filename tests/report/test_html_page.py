"""`movierec report`: a page that says what the metrics say, reads well, and needs nothing else."""

import contextlib
import io
import itertools
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree.ElementTree import TreeBuilder

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image, ImageColor

from movierec import cli
from movierec.core import result_files, stage
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.core.paths import RECOMMENDATIONS, details
from movierec.core.reporting import words
from movierec.data import parquet_tables
from movierec.plotting import picture_files, registry, results
from movierec.plotting.registry import QUESTIONS, Picture
from movierec.plotting.results import Results
from movierec.report import html_page, overview, sample_users
from movierec.report.overview import BarAxis, Measure
from tests.helpers import archives
from tests.helpers.browser import visiting
from tests.helpers.clone import ROOT
from tests.helpers.clone import STAGES as PIPELINE
from tests.helpers.small_project import run_stages, write_params

STAGES = PIPELINE[:8]
CLICKED = "exports/movierec.html"  # the page of the export stage
HARMFUL = "<script>alert('x')</script> & Sons (1999)"
TITLES = [HARMFUL, *(f"A movie with a title of some length, part {n} (2001)" for n in range(11))]


class PlainPicture(Picture):
    def caption(self, results):
        return f'"<b>" of {results.dataset}'


PICTURES = [PlainPicture(group, group, f"Shows {group}.") for group in QUESTIONS]
VOID = ("meta", "link", "img", "br")
PLOTS = results.PLOTS
CSS = Path(html_page.__file__).with_name("templates") / "page.css"


def make_project(folder, **changes):
    """All numbers of a run in a folder, by the stages; pictures that stand for the real ones."""
    ratings = [
        (user, movie, 1 + (user * movie) % 5, user * movie)
        for user in range(1, 13)
        for movie in range(1, len(TITLES) + 1)
        if (user + movie) % 5
    ]
    movies = [(number, title, ["Drama"]) for number, title in enumerate(TITLES, 1)]
    train = {"n_factors": 2, "max_epochs": 3} | changes.pop("train", {})
    write_params(folder, archives.write(folder, "csv", ratings, movies), train=train, **changes)
    run_stages(folder, *STAGES)
    (folder / "plots/pictures").mkdir()
    with contextlib.chdir(folder):
        digest = Results.read(load_params()).digest
        for picture in PICTURES:
            picture_files.write(picture.path, Image.new("L", (900, 300)), digest)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module", autouse=True)
def pictures():
    """The pictures of the page are plain ones, drawn from no table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html_page, "PICTURES", PICTURES)
        patch.setattr(results, "PLOTS", {})
        yield


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of it, to change."""
    shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


class Page(HTMLParser):
    """A page as an element tree; every element must be closed."""

    def __init__(self, html):
        super().__init__()
        self.builder, self.open = TreeBuilder(), []
        self.feed(html)
        assert self.open == []
        self.root = self.builder.close()

    def handle_starttag(self, tag, attrs):
        self.builder.start(tag, dict(attrs))
        self.open.append(tag)
        if tag in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.builder.end(tag)

    def handle_data(self, data):
        if self.open:
            self.builder.data(data)

    def all(self, *tags):
        """The elements of these tags, or all, in order."""
        return [element for element in self.root.iter() if not tags or element.tag in tags]

    def texts(self, tag):
        return [text_of(element) for element in self.all(tag)]

    def table(self, caption, number=0):
        """The rows, as lists of cells, of the table with this caption (one of several)."""
        table = self.root.findall(f".//table[caption='{caption}']")[number]
        return [[text_of(cell) for cell in row] for row in table.iter("tr")]


def text_of(element):
    return " ".join("".join(element.itertext()).split())


@pytest.fixture(scope="module")
def html(finished):
    with contextlib.chdir(finished):
        return html_page.render()


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_command_writes_the_page(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["movierec", "report"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0
    assert re.fullmatch(r"wrote report\.html \(0\.\d MB\); .* browser\n", capsys.readouterr().out)
    assert Path("report.html").read_text("utf-8") == html_page.render()


def test_headings_language_title_and_links_to_sections(page):
    assert page.root.attrib == {"lang": "en"}
    assert page.texts("title") == ["movierec: local"]
    assert HARMFUL in page.texts("th"), "titles are text"
    levels = [int(element.tag[1]) for element in page.all("h1", "h2", "h3")]
    assert levels.count(1) == 1
    assert all(after - level <= 1 for level, after in itertools.pairwise(levels))
    assert set(QUESTIONS.values()) < set(page.texts("h2"))
    ids = [element.get("id") for element in page.all() if element.get("id")]
    assert len(ids) == len(set(ids)) > len(QUESTIONS)
    sections = [f"#{element.get('id')}" for element in page.all("section")]
    assert [element.get("href") for element in page.all("a")] == [*sections, CLICKED]


def test_pictures_are_inside_and_have_words(page):
    assert [image.get("alt") for image in page.all("img")] == page.texts("figcaption")
    assert page.texts("figcaption") == [f'"<b>" of local. Shows {group}.' for group in QUESTIONS]
    for image in page.all("img"):
        assert (image.get("width"), image.get("height")) == ("900", "300")
        assert image.get("src").startswith("data:image/png;base64,iVBORw0KGgo")


def test_every_picture_of_the_committed_run_can_be_embedded(monkeypatch):
    monkeypatch.setattr(results, "PLOTS", PLOTS)
    monkeypatch.chdir(ROOT)
    for picture in registry.PICTURES:
        source, width, _ = html_page.embed(picture, Results.read(load_params()))
        assert len(source) > 4000
        assert width == 880


def test_tables_have_captions_and_headers_with_scope(page):
    assert len(page.texts("caption")) == len(page.all("table")) > 4
    for part, scope in (("thead", "col"), ("tbody", "row")):
        headers = page.root.findall(f".//{part}/tr/th")
        assert {header.get("scope") for header in headers} == {scope}
        assert all(map(text_of, headers))


def test_nothing_is_asked_of_elsewhere(page):
    assert not page.all("script", "iframe", "object", "base")
    for element in page.all():
        for name in ("src", "href"):
            assert element.get(name, "#").startswith(("#", "data:", CLICKED))
    assert not re.search(r"url\(|@import", CSS.read_text("utf-8"))
    policy = page.root.find(".//meta[@http-equiv]")
    assert policy.get("content").startswith("default-src 'none'")


def test_numbers_are_those_of_the_metrics(page, finished):
    evaluate = result_files.read_details("evaluate", finished)
    rows = page.table("Test RMSE in stars, highest first (lower is better)")
    errors = {name: (value, interval) for name, value, interval, *_ in rows[1:]}
    low, high = evaluate["intervals"]["test"]["rmse"].values()
    rmse = evaluate["test"]["rmse"]
    assert errors["model"] == (f"{rmse:.4f}", f"{low:.3f} to {high:.3f}")
    assert errors["item mean"][0] == f"{evaluate['baseline']['item_mean']['rmse']:.4f}"
    assert list(errors.values()) == sorted(errors.values(), reverse=True)
    rankings = {
        row[0]: row[1] for row in page.table("Test NDCG@10, lowest first (higher is better)")[1:]
    }
    assert rankings == {
        words(name): f"{ranking['ndcg@10']:.4f}" for name, ranking in evaluate["ranking"].items()
    }


def test_sample_users_have_the_best_of_training_and_the_first_of_the_export(page, finished):
    with contextlib.chdir(finished):
        by_user, titles = parquet_tables.read_train_by_user(), parquet_tables.read_items()["title"]
        ids = parquet_tables.read_users()["user_id"]
        export = pq.read_table(RECOMMENDATIONS).to_pandas()
    for number, user in enumerate((3, 6, 9)):
        row = slice(*by_user.indptr[user : user + 2])
        rated = dict(zip(titles[by_user.indices[row]], by_user.values[row], strict=True))
        assert f"User {ids[user]}: {len(rated)} training ratings" in page.texts("h3")
        rows = page.table("Highest ratings", number)[1:]
        best = sorted(rated.values(), reverse=True)[: sample_users.N_LISTED]
        assert [float(stars) for _, stars in rows] == best
        assert all(rated[title] == float(stars) for title, stars in rows)
        listed = export[export["user_id"] == ids[user]].head(sample_users.N_LISTED)
        assert page.table("Recommendations, highest score first", number)[1:] == [
            [title, f"{stars:.1f}"]
            for title, stars in zip(listed["title"], listed["predicted_rating"], strict=True)
        ]


@pytest.mark.parametrize(("n_users", "expected"), [(1, 1), (2, 2), (3, 3), (900, 3)])
def test_few_users_are_shown_once(n_users, expected):
    assert len(sample_users.choose_users(n_users)) == expected
    assert max(sample_users.choose_users(n_users)) < n_users


def test_a_run_with_less(tmp_path, monkeypatch):
    """Biases alone, nobody to validate on, no model of who watches what."""
    monkeypatch.chdir(
        make_project(
            tmp_path,
            train={"model": "biases"},
            implicit={"n_factors": 0},
            recommend={"ranking": "predicted_rating", "min_ratings": 1},
            split={"validation_fraction": 0.0},
        )
    )
    page = Page(html_page.render())
    models = dict(page.table("Models"))
    assert models["Rating model"] == "biases, als, 0 factors"
    assert models["Implicit model"] == "none"
    assert dict(page.table("Data"))["Validation"] == "0 ratings"


# --- The figure of the original project


@pytest.mark.parametrize(
    ("dataset", "protocol", "is_comparable"),
    [
        ("ml-25m", "per_user_random", True),
        ("ml-25m", "point_in_time", False),
        ("ml-100k", "per_user_random", False),
    ],
)
def test_the_original_project_is_compared_only_on_its_own_data(
    project, dataset, protocol, is_comparable
):
    params = load_params(ROOT / "params.yaml")
    split = params.split.model_copy(update={"protocol": protocol})
    params = params.model_copy(update={"dataset": dataset, "split": split})
    names = [name for name, *_ in overview.errors(params, html_page.read_run(load_params()))]
    assert ("original project" in names) == is_comparable
    assert ("not comparable" in overview.original_project(params)) != is_comparable


# --- Bars


def test_bars_share_an_axis_from_the_least_to_the_most():
    rows = [Measure("a", 2.0, 1.0, 3.0), Measure("b", 4.0), Measure("c", None)]
    axis = BarAxis.from_measures(rows)
    assert [axis.place(value) for value in (1.0, 2.0, 4.0)] == [0, 33.33, 100]
    assert axis.place_from_right(3.0) == 33.33
    assert (rows[0].interval, rows[1].interval) == ("1.000 to 3.000", "–")
    assert overview.number(rows[2].value, 4) == "–"


@pytest.mark.parametrize("value", [0.5, None])
def test_bars_of_one_value_or_none(value):
    assert BarAxis.from_measures([Measure("a", value)]).place(value or 0) == 0


def test_times_are_on_the_page(project):
    with stage.timed("train"):
        pass
    rows = dict(Page(html_page.render()).table("Run time on this machine"))
    assert list(rows) == ["train", "total"]


# --- What is refused


def edit(path, change):
    read = json.loads if str(path).endswith(".json") else yaml.safe_load
    content = read(Path(path).read_text("utf-8"))
    change(content)
    Path(path).write_text(json.dumps(content), "utf-8")  # which is YAML, too


def remove(name):
    shutil.rmtree(name) if Path(name).is_dir() else Path(name).unlink()


MISSING = r"run (dvc repro|this in the project folder)"


@pytest.mark.parametrize(
    ("break_run", "reason"),
    [
        (lambda: remove("exports"), MISSING),
        (lambda: remove("plots/split"), MISSING),
        (lambda: remove("plots/pictures/data.png"), MISSING),
        (lambda: remove("params.yaml"), MISSING),
        (lambda: remove("data"), MISSING),
        (lambda: remove("models"), MISSING),
        (
            lambda: edit("params.yaml", lambda params: params["train"].update(factor_precision=77)),
            r"^exports/recommendations\.parquet: .*factor_precision.*; run dvc repro$",
        ),
        (
            lambda: edit(details("evaluate"), lambda measured: measured[0].update(made_from="0")),
            r"^plots/evaluate/details\.json: belongs to other models than .*; run dvc repro$",
        ),
    ],
)
def test_an_incomplete_or_changed_run_is_refused_in_a_line(project, break_run, reason):
    break_run()
    with pytest.raises(MovierecError, match=reason) as caught:
        html_page.write()
    assert "\n" not in str(caught.value)
    assert not (project / "report.html").exists()


# --- How it looks


def palettes():
    """The colours of each :root block, those not set as in the first."""
    blocks = [
        dict(re.findall(r"--(\w+): (#\w{6});", block))
        for block in re.findall(r":root \{(.*?)\}", CSS.read_text("utf-8"), re.DOTALL)
    ]
    return [blocks[0] | block for block in blocks]


def luminance(colour):
    shares = [value / 255 for value in ImageColor.getrgb(colour)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_of_the_palettes_contrast():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert len(palettes()) == 3, "light, dark, print"
    for colours in palettes():
        for name in ("ink", "muted", "accent", "mark", "other"):
            min_contrast = 3 if name in ("mark", "other") else 4.5  # of shapes, of text
            assert contrast(colours[name], colours["paper"]) >= min_contrast, name


# Of each element with words of its own: its colour, and that of what is behind it.
COLOURS = """[...document.body.querySelectorAll("*")]
  .filter(each => [...each.childNodes].some(node => node.nodeType == 3 && node.data.trim()))
  .map(each => {
    let behind = each
    const of = name => getComputedStyle(name).backgroundColor
    while (of(behind) == "rgba(0, 0, 0, 0)") behind = behind.parentElement
    return [getComputedStyle(each).color, of(behind)]
  })"""


@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser(project, width):
    with visiting(html_page.write(), width) as visit:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate("[...document.images].map(each => each.naturalWidth)") == [900] * 5
        assert page.evaluate("Math.max(...[...document.images].map(each => each.width))") <= width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            colours = {tuple(pair) for pair in page.evaluate(COLOURS)}
            assert len(colours) >= 3
            assert min(contrast(*pair) for pair in colours) >= 4.5
        shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        assert shot.width == width
        assert (visit.errors, visit.requests) == ([], [])
