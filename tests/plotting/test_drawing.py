"""The pictures: all that are listed are drawn, of a real run and of hardly any data; legible."""

import io
import itertools
import struct
import zlib
from dataclasses import replace

import matplotlib
import pytest
import yaml
from PIL import Image

from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.plotting import drawing, picture_files, results, style
from movierec.plotting.registry import PICTURES, QUESTIONS
from movierec.plotting.results import Results
from tests.helpers import archives
from tests.helpers.clone import ROOT
from tests.helpers.clone import STAGES as PIPELINE
from tests.helpers.small_project import run_stages, write_params

STAGES = (*PIPELINE[:8], "draw")
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
NAMES = ("title", "similar_title", "genre", "genres", "decade")
BY_NAME = {picture.name: picture for picture in PICTURES}


@pytest.fixture(scope="module")
def committed():
    return Results.read(load_params(ROOT / "params.yaml"), ROOT)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Six ratings, three of them to train on, no factors, no validation; drawn by the stage."""
    folder = tmp_path_factory.mktemp("tiny")
    write_params(
        folder,
        archives.write(folder, "csv"),
        split={"validation_fraction": 0.0},
        train={"n_factors": 0, "max_epochs": 2},
        implicit={"n_factors": 0},
        recommend={"ranking": "predicted_rating"},
    )
    run_stages(folder, *STAGES)
    return folder


@pytest.fixture(params=["committed", "tiny"])
def any_results(request, committed, tiny):
    return (
        committed
        if request.param == "committed"
        else Results.read(load_params(tiny / "params.yaml"), tiny)
    )


@pytest.fixture
def draw():
    """Draw a picture by its name."""

    def draw(name, results):
        figure = drawing.draw(BY_NAME[name], results)
        figure.canvas.draw()
        return figure

    return draw


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text().strip()]


def assert_nothing_is_cut_off(figure):
    for part in (figure._suptitle, *figure.axes):
        box = part.get_tightbbox(figure.canvas.get_renderer())
        assert min(box.x0, box.y0) > -1
        assert box.x1 < figure.bbox.x1 + 1
        assert box.y1 < figure.bbox.y1 + 1


def committed_files(kind):
    return {str(path.relative_to(ROOT)) for path in ROOT.glob(f"plots/*/*.{kind}")}


def test_the_lists_are_those_of_the_pipeline():
    assert {str(picture.path) for picture in PICTURES} == committed_files("png")
    tables = {
        f"plots/{stage}/{name}.csv" for stage, names in results.PLOTS.items() for name in names
    }
    assert tables == committed_files("csv")
    assert [group for group, _ in itertools.groupby(PICTURES, lambda picture: picture.group)] == [
        *QUESTIONS
    ]
    charts = {name for part in PIPELINE["plots"] for entry in part.values() for name in entry["y"]}
    assert charts <= tables


@pytest.mark.parametrize("name", BY_NAME)
def test_each_picture_is_drawn_with_nothing_cut_off(name, any_results, draw):
    figure = draw(name, any_results)
    title = figure.get_suptitle().replace("\n", " ")
    assert title == BY_NAME[name].caption(any_results)
    assert_nothing_is_cut_off(figure)


def test_the_stage_leaves_small_pictures_and_the_same_each_time(tiny, monkeypatch, draw):
    monkeypatch.chdir(tiny)
    before = {picture.path: picture.path.read_bytes() for picture in PICTURES}
    assert all(content.startswith(b"\x89PNG") for content in before.values())
    tiny_results = Results.read(load_params())
    for name in ("ratings", "result"):
        with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black"}):  # the user's own
            style.save(draw(name, tiny_results), BY_NAME[name].path, tiny_results.digest)
        assert BY_NAME[name].path.read_bytes() == before[BY_NAME[name].path]
    for picture in PICTURES:
        assert (ROOT / picture.path).stat().st_size < 80_000


@pytest.mark.parametrize(("name", "min_names"), [("factors", 30), ("genres", 25)])
def test_names_on_a_map_do_not_overlap_and_include_those_of_the_caption(
    name, min_names, committed, draw
):
    figure = draw(name, committed)
    names = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert len(names) >= min_names
    if name == "factors":
        assert sum(name in BY_NAME["factors"].caption(committed) for name in names) == 2
    else:
        assert set(committed.plots["genres"]["genre"]) <= set(names)
    for axes in figure.axes:
        for one, other in itertools.combinations(boxes(axes.texts), 2):
            assert not one.overlaps(other)


@pytest.mark.parametrize(
    ("name", "fewer"), [("most_rated", 1), ("groups", 2), ("genres", 1), ("recommended", 1)]
)
def test_data_without_genres_and_years_have_all_pictures(name, fewer, committed, draw):
    lists = ["genre_ratings", "rmse_by_genre", "rmse_by_decade", "genres", "genre_movies"]
    lists += ["recommended_genres"]
    none = {name: committed.plots[name].head(0) for name in lists}
    figure = draw(name, replace(committed, plots=committed.plots | none))
    assert len(figure.axes) == len(draw(name, committed).axes) - fewer


def test_gibbs_sampling_shows_the_noise_precision(committed, draw):
    rows = committed.plots["training"]
    sampled = rows.assign(noise_precision=1 + rows["epoch"] / 100)
    figure = draw("training", replace(committed, plots=committed.plots | {"training": sampled}))
    (line,) = figure.axes[0].lines
    assert line.get_ydata().tolist() == sampled["noise_precision"].tolist()
    assert figure.axes[0].get_xlabel() == "sweep"


def test_tables_side_by_side_say_what_the_metrics_say(committed):
    evaluate = committed.metrics["evaluate"]
    intervals = evaluate["intervals"]
    errors = committed.plots["errors"].set_index("model")
    assert errors.loc["model"].to_dict() == {
        "rmse": evaluate["test"]["rmse"],
        **intervals["test"]["rmse"],
    }
    for name, row in committed.plots["rankings"].set_index("ranking").iterrows():
        values = {key.partition("@")[0]: value for key, value in evaluate["ranking"][name].items()}
        assert row.to_dict() == values | intervals["ranking"][name]["ndcg@10"]


@pytest.mark.parametrize("name", ["most_rated", "factors", "genres", "neighbours", "groups"])
def test_titles_and_genres_are_drawn_as_they_are(name, committed, draw, recwarn):
    """Dollar signs are no formula; a name of any length and script leaves room for the chart."""
    odd = {}
    for table, rows in committed.plots.items():
        texts = rows.select_dtypes(["object", "str"]).columns.intersection(NAMES)
        changed = {column: rows[column] + r" 千 $\foo$ _{ $x^2" + 300 * "x" for column in texts}
        odd[table] = rows.assign(**changed)
    draw(name, replace(committed, plots=odd))
    assert not [str(warning.message) for warning in recwarn]


def test_tables_that_do_not_fit_together_are_a_line(committed):
    ratings, others = committed.plots["ratings"].head(0), committed.plots
    with pytest.raises(MovierecError, match=r"plots: the tables of the picture 'ratings' are dam"):
        BY_NAME["ratings"].caption(replace(committed, plots=others | {"ratings": ratings}))


TABLE = "title:text n_ratings"


def test_a_movie_may_be_called_na_or_300_or_nothing(tmp_path):
    path = tmp_path / "plot.csv"
    path.write_text("n_ratings,title\n3,NA\n,nan\n4,300\n5,\n", "utf-8")
    rows = results.read_rows(path, TABLE)
    assert list(rows) == ["title", "n_ratings"]
    assert rows["title"].tolist() == ["NA", "nan", "300", ""]
    assert rows["n_ratings"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "No columns to parse"),
        (b"title\nA\n", "no column n_ratings"),
        (b"title,n_ratings\nA,many\n", "column n_ratings has more than numbers"),
        (b"title,n_ratings\nA,inf\n", "column n_ratings has more than numbers"),
        (b"title,n_ratings\nA,1e999\n", "column n_ratings has more than numbers"),
        (b"title,n_ratings\nA,True\n", "column n_ratings has more than numbers"),
        (b"title,n_ratings\nA,1\nB,2,3\n", "Expected 2 fields in line 3, saw 3"),
        (b"\xff\xfe\0\1", "codec can't decode"),
        (b"\x89PNG\r\n", "codec can't decode"),
    ],
)
def test_another_table_is_a_line(tmp_path, content, reason):
    path = tmp_path / "plot.csv"
    path.write_bytes(content)
    with pytest.raises(
        MovierecError, match=r"^[^\n]*plot\.csv: damaged[^\n]*run dvc repro$"
    ) as error:
        results.read_rows(path, TABLE)
    assert reason in str(error.value)


# --- The files of pictures


def png(size=(9, 9), **options):
    content = io.BytesIO()
    Image.new("L", size).save(content, "PNG", **options)
    return content.getvalue()


def jpeg():
    content = io.BytesIO()
    Image.new("L", (9, 9)).save(content, "JPEG")
    return content.getvalue()


HTML = b"<!doctype html><script>alert(1)</script>"
HEAD = png()[:33]  # the signature and IHDR
HUGE = struct.pack(">II", 60_000, 60_000) + HEAD[24:29]
NO_PICTURES = {
    "nothing": b"",
    "HTML": HTML,
    "the first bytes of a picture, then HTML": HEAD + HTML,
    "a picture, then HTML": png() + HTML,
    "half a picture": png((99, 99))[:60],
    "another byte": png()[:45] + b"?" + png()[46:],
    "JPEG": jpeg(),
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "too large": HEAD[:16] + HUGE + struct.pack(">I", zlib.crc32(b"IHDR" + HUGE)) + png()[33:],
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused(tmp_path, name):
    path = tmp_path / "pictures/data.png"
    path.parent.mkdir()
    path.write_bytes(NO_PICTURES[name])
    with pytest.raises(MovierecError, match=r"data\.png: damaged.*\(not a complete PNG\); run dvc"):
        picture_files.read(path, "")


def test_a_picture_is_of_the_results_it_was_drawn_from(tmp_path):
    path = tmp_path / "pictures/data.png"
    picture_files.write(path, Image.new("L", (90, 30)), "the digest")
    assert picture_files.read(path, "the digest") == (path.read_bytes(), 90, 30)
    path.with_name("plain.png").write_bytes(png())
    for file, digest in ((path, "another"), (path.with_name("plain.png"), "the digest")):
        with pytest.raises(MovierecError, match=r"png: not drawn from the results in .*; run dvc"):
            picture_files.read(file, digest)
