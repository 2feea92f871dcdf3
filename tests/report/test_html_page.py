"""`movierec report`: a page that says what the metrics say, reads well, and needs nothing else."""

import itertools
import json
import re
import shutil
import struct
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from movierec import cli
from movierec.core import stage
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.core.paths import RECOMMENDATIONS
from movierec.data import parquet_tables
from movierec.plotting import results
from movierec.plotting.captions import words
from movierec.plotting.registry import QUESTIONS, Picture
from movierec.report import html_page, overview, sample_users
from movierec.report.overview import BarAxis, Measure
from tests.helpers import archives
from tests.helpers.browser import visiting
from tests.helpers.clone import ROOT
from tests.helpers.small_project import run_stage, write_params

STAGES = ("download", "index", "split", "train", "implicit", "evaluate", "recommend")
HARMFUL = "<script>alert('x')</script> & Sons (1999)"
TITLES = [HARMFUL, *(f"A movie with a title of some length, part {n} (2001)" for n in range(11))]


class PlainPicture(Picture):
    def caption(self, results):
        return f'"<b>" of {results.dataset}'


PICTURES = [PlainPicture(group, group, f"Shows {group}.") for group in QUESTIONS]
VOID = ("meta", "link", "img", "br")
CSS = Path(html_page.__file__).with_name("templates") / "page.css"


def png(width=900, height=300):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height))
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


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
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in STAGES:
            run_stage(name)
    for picture in PICTURES:
        (folder / picture.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / picture.path).write_bytes(png())
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("made"))


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    monkeypatch.setattr(html_page, "PICTURES", PICTURES)
    monkeypatch.setattr(results, "PLOTS", {})  # of which the real pictures are drawn


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of it, to change."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


class Page(HTMLParser):
    """The elements of a page: (tag, attributes), the tags around it, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(html)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), tuple(each[0] for each in self.open), ""])
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[3] += data

    def all(self, *tags):
        return [element for element in self.elements if element[0] in tags]

    def texts(self, *tags):
        return [" ".join(element[3].split()) for element in self.all(*tags)]

    def table(self, caption, number=0):
        """The rows, as lists of cells, of the table (of several alike one) with this caption."""
        at = [
            place
            for place, element in enumerate(self.elements)
            if element[0] == "caption" and element[3] == caption
        ][number]
        rows = []
        for tag, _, _, text in self.elements[at + 1 :]:
            if tag == "table":
                break
            if tag == "tr":
                rows.append([])
            elif tag in ("th", "td"):
                rows[-1].append(" ".join(text.split()))
        return [row for row in rows if row]


@pytest.fixture
def page(project):
    return Page(html_page.render())


def test_the_command_writes_the_page(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["movierec", "report"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0
    assert re.fullmatch(r"report\.html: 0\.\d MB, .* browser\n", capsys.readouterr().out)
    assert Path("report.html").read_text("utf-8") == html_page.render()


def test_headings_language_and_title(page):
    assert page.all("html")[0][1] == {"lang": "en"}
    assert page.texts("title") == ["movierec: local"]
    levels = [int(tag[1]) for tag, *_ in page.all("h1", "h2", "h3")]
    assert levels.count(1) == 1
    assert all(after - level <= 1 for level, after in itertools.pairwise(levels))
    assert set(QUESTIONS.values()) < set(page.texts("h2"))


def test_links_lead_to_sections(page):
    ids = [attrs["id"] for _, attrs, *_ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids)) > len(QUESTIONS)
    targets = [attrs["href"] for _, attrs, *_ in page.all("a")]
    sections = [attrs["id"] for _, attrs, *_ in page.all("section")]
    assert targets == [f"#{each}" for each in sections]


def test_pictures_are_inside_and_have_words(page):
    images = page.all("img")
    assert [attrs["alt"] for _, attrs, *_ in images] == [
        f'"<b>" of local. Shows {group}.' for group in QUESTIONS
    ]
    for _, attrs, *_ in images:
        assert (attrs["width"], attrs["height"]) == ("900", "300")
        assert attrs["src"].startswith("data:image/png;base64,iVBORw0KGgo")
    assert page.texts("figcaption") == [f'"<b>" of local. Shows {each}.' for each in QUESTIONS]


def test_every_picture_of_the_committed_run_is_shown(monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(ROOT)
    shown = html_page.embed_pictures(results.Results.read("ml-100k"))
    assert [each.shows for pictures in shown.values() for each in pictures] == [
        picture.shows for picture in html_page.PICTURES
    ]


def test_tables_have_captions_and_headers_with_scope(page):
    assert len(page.texts("caption")) == len(page.all("table")) > 4
    for _, attrs, above, text in page.all("th"):
        assert attrs["scope"] == ("col" if "thead" in above else "row")
        assert text.strip()


def test_nothing_is_asked_of_elsewhere(page):
    assert not page.all("script", "iframe", "object", "base")
    for _, attrs, *_ in page.elements:
        for name in ("src", "href"):
            assert attrs.get(name, "#").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import", CSS.read_text("utf-8"))
    [policy] = [attrs["content"] for _, attrs, *_ in page.all("meta") if "http-equiv" in attrs]
    assert policy.startswith("default-src 'none'")


def test_titles_are_text(page):
    assert HARMFUL in page.texts("th")
    assert "alert('x')" not in page.texts("script")


def test_numbers_are_those_of_the_metrics(page):
    found = json.loads(Path("metrics/evaluate.json").read_text("utf-8"))
    intervals = json.loads(Path("metrics/intervals.json").read_text("utf-8"))
    rows = page.table("RMSE of predicted ratings, stars; less is better")
    errors = {name: value for name, value, *_ in rows[1:]}
    assert errors["model"] == f"{found['test']['rmse']:.4f}"
    assert errors["item mean"] == f"{found['baseline']['item_mean']['rmse']:.4f}"
    assert list(errors.values()) == sorted(errors.values(), reverse=True)
    low, high = intervals["test"]["rmse"].values()
    [mine] = [row for row in rows if row[0] == "model"]
    assert mine[2] == f"{low:.3f} to {high:.3f}"
    rankings = {row[0]: row[1] for row in page.table("NDCG@10 of lists; more is better")[1:]}
    assert set(rankings) == set(map(words, found["ranking"]))
    assert rankings["blend"] == f"{found['ranking']['blend']['ndcg@10']:.4f}"
    assert rankings["popularity"] == f"{found['ranking']['popularity']['ndcg@10']:.4f}"


def test_favourites_are_the_best_rated_in_training(page):
    by_user, titles = parquet_tables.read_train_by_user(), parquet_tables.read_items()["title"]
    ids = parquet_tables.read_users()["user_id"]
    for number, user in enumerate((3, 6, 9)):
        mine = slice(*by_user.indptr[user : user + 2])
        rated = dict(zip(titles[by_user.indices[mine]], by_user.values[mine], strict=True))
        assert f"User {ids[user]}, {len(rated)} ratings in training" in page.texts("h3")
        best = sorted(rated.values(), reverse=True)[: sample_users.N_LISTED]
        rows = page.table("Rated best", number)[1:]
        assert [float(stars) for _, stars in rows] == best
        assert all(rated[title] == float(stars) for title, stars in rows)


def test_recommendations_are_the_export(page):
    ids, export = parquet_tables.read_users()["user_id"], pq.read_table(RECOMMENDATIONS).to_pandas()
    for number, user in enumerate((3, 6, 9)):
        listed = export[export["user_id"] == ids[user]].head(sample_users.N_LISTED)
        rows = page.table("Recommended, first to last", number)[1:]
        assert [title for title, _ in rows] == listed["title"].to_list()
        assert [stars for _, stars in rows] == [f"{r:.1f}" for r in listed["predicted_rating"]]


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
    assert models["Ratings by"] == "biases by als, 0 factors"
    assert models["Watching by"] == "no model"
    assert dict(page.table("Data"))["Validation"] == "0"


# --- The course project's figure


@pytest.mark.parametrize(
    ("dataset", "protocol", "is_comparable"),
    [
        ("ml-25m", "per_user_random", True),
        ("ml-25m", "point_in_time", False),
        ("ml-100k", "per_user_random", False),
    ],
)
def test_the_course_project_is_compared_on_its_own_data_alone(
    project, dataset, protocol, is_comparable
):
    params = load_params(ROOT / "params.yaml")
    split = params.split.model_copy(update={"protocol": protocol})
    params = params.model_copy(update={"dataset": dataset, "split": split})
    names = [name for name, *_ in overview.errors(params, html_page.read_run())]
    assert ("course project" in names) == is_comparable
    assert ("not to be compared" in overview.course_project(params)) != is_comparable


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
    rows = dict(Page(html_page.render()).table("Time, on this machine"))
    assert list(rows) == ["train", "together"]


# --- What is refused


def refusal(project, reason):
    with pytest.raises(MovierecError, match=reason) as caught:
        html_page.write()
    assert "\n" not in str(caught.value)
    assert not (project / "report.html").exists()


@pytest.mark.parametrize(
    "missing", ["exports", "metrics", "plots/draw/data.png", "params.yaml", "data", "models"]
)
def test_a_part_is_missing(project, missing):
    path = project / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    refusal(project, r"run (dvc repro|this in the project's folder)")


def test_params_changed_since(project):
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))
    params["train"]["factor_precision"] = 77.0
    Path("params.yaml").write_text(yaml.safe_dump(params), "utf-8")
    refusal(project, r"^exports/recommendations\.parquet: .*factor_precision.*; run dvc repro$")


def test_metrics_of_other_models(project):
    path = Path("metrics/evaluate.json")
    found = json.loads(path.read_text("utf-8")) | {"made_from": ["0" * 64]}
    path.write_text(json.dumps(found), "utf-8")
    refusal(project, r"^metrics/evaluate\.json: of other models than .*; run dvc repro$")


# --- How it looks


def palettes():
    """The colours of each :root block, those not set as in the first."""
    blocks = [
        dict(re.findall(r"--(\w+): (#\w{6});", block))
        for block in re.findall(r":root \{(.*?)\}", CSS.read_text("utf-8"), re.DOTALL)
    ]
    return [blocks[0] | block for block in blocks]


def luminance(colour):
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_colours_of_the_palettes_contrast():
    assert len(palettes()) == 3, "light, dark, print"
    for colours in palettes():
        for name in ("ink", "muted", "accent"):
            assert contrast(colours[name], colours["paper"]) >= 4.5, name
        for name in ("mark", "other"):
            assert contrast(colours[name], colours["paper"]) >= 3, name


# Of each element with words of its own: its colour, and that of what is behind it.
COLOURS = """[...document.body.querySelectorAll("*")]
  .filter(each => [...each.childNodes].some(node => node.nodeType == 3 && node.data.trim()))
  .map(each => {
    let behind = each
    const of = name => getComputedStyle(name).backgroundColor
    while (of(behind) == "rgba(0, 0, 0, 0)") behind = behind.parentElement
    return [getComputedStyle(each).color, of(behind)]
  })"""


def hexadecimal(colour):
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])


@pytest.mark.parametrize("width", [360, 1280])
def test_in_a_browser(project, width):
    with visiting(html_page.write(), width) as visit:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate("[...document.images].map(each => each.naturalWidth)") == [900] * 5
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            colours = {tuple(map(hexadecimal, pair)) for pair in page.evaluate(COLOURS)}
            assert len(colours) >= 3
            assert min(contrast(*pair) for pair in colours) >= 4.5
        shot = page.screenshot(full_page=True)
        assert struct.unpack(">I", shot[16:20]) == (width,)
        assert (visit.errors, visit.left) == ([], [])
