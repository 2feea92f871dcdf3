"""Files of results with any change: what is shown is right, or the error is a line."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from movierec.core import reporting, result_files, stage
from movierec.core.errors import MovierecError
from movierec.core.params import load_params
from movierec.core.paths import CHECKPOINTS, details
from movierec.plotting import picture_files
from movierec.plotting.registry import PICTURES
from movierec.plotting.results import Results
from movierec.recommending import model_card
from movierec.report import html_page, overview, run_facts
from tests.helpers.clone import ROOT

MANIFEST = {"download": {"sha256": {"a": "b"}}, "train": {"versions": {"movierec": "1"}}}
VALUES = [None, True, -1, 0, 1e300, 10**30, "x", "", [], {}, [1], {"a": 1}, "\x1b[31m</script>"]
TEXTS = [b"", b"NaN", b"1e999", b"-Infinity", b"\xff", b"\0", b'"', b"{", b"]", b",", b"\n", b"<b>"]
CELLS = ["", "x", "-1", "0", "1e308", "nan", '"', "9" * 30]
BY_HAND = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The results of the committed run, as its params here would give them, and their files."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(ROOT / "plots", folder / "plots")
    for name in ("params.yaml", "datasets.yaml"):
        shutil.copy(ROOT / name, folder)
    with contextlib.chdir(folder):
        params = load_params()
        for name in result_files.MADE_WITH:
            [measured] = json.loads(details(name).read_text("utf-8"))
            result_files.write_details(name, params, measured)
            with stage.exclusive_lock(name), stage.timed(name):
                pass
        digest = Results.read(params).digest
        for picture in PICTURES:
            with picture_files.Image.open(picture.path) as image:
                picture_files.write(picture.path, image, digest)
        show_all()
        paths = [*Path().glob("plots/*/*"), *CHECKPOINTS.glob("*.time")]
        return folder, {path: path.read_bytes() for path in sorted(paths)}


@pytest.fixture
def files(run, monkeypatch):
    """The folder's files, as they were."""
    folder, contents = run
    monkeypatch.chdir(folder)
    yield contents
    for path, content in contents.items():
        path.write_bytes(content)


def show_all():
    """What summary, report and model card show of the results."""
    params = load_params()
    reporting.summary(result_files.read_details("evaluate", params=params))
    results = Results.read(params)
    model_card.render(params, MANIFEST, dict(results.metrics))
    for describe in (overview.summary, overview.tiles, overview.errors, overview.rankings):
        list(describe(params, results))
    for facts in (run_facts.data, run_facts.model):
        facts(params, results)
    for rows in (overview.errors(params, results), overview.rankings(params, results)):
        axis = overview.BarAxis.from_measures(rows)
        assert all(0 <= axis.place(row.value) <= 100 for row in rows if row.value is not None)
    run_facts.times()
    for picture in PICTURES:
        picture.alt(results)
        html_page.embed(picture, results)


def check_line(error):
    text = str(error)
    assert "\n" not in text
    assert len(text) < 400
    assert "dvc repro" in text


def show_changed(path, content):
    """Show all with one file changed, then change it back."""
    original = path.read_bytes()
    path.write_bytes(content)
    try:
        show_all()
    except MovierecError as error:
        check_line(error)
    finally:
        path.write_bytes(original)


def places(tree, above=()):
    """The keys of all values of nested blocks."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


@BY_HAND
@given(st.data())
def test_a_value_of_details_is_another_or_missing(files, data):
    path = details(data.draw(st.sampled_from([*result_files.MADE_WITH])))
    content = json.loads(files[path])
    *above, last = data.draw(st.sampled_from(list(places(content))))
    block = content
    for key in above:
        block = block[key]
    if data.draw(st.booleans()):
        block[last] = data.draw(st.sampled_from(VALUES))
    else:
        del block[last]
    show_changed(path, json.dumps(content).encode())


@BY_HAND
@given(st.data())
def test_a_part_of_any_file_is_replaced(files, data):
    path = data.draw(st.sampled_from([*files]))
    content = files[path]
    first, stop = sorted(data.draw(st.integers(0, len(content))) for _ in range(2))
    if data.draw(st.booleans()):  # a short part
        stop = min(stop, first + 3)
    text = data.draw(st.sampled_from(TEXTS) | st.binary(max_size=4))
    show_changed(path, content[:first] + text + content[stop:])


@BY_HAND
@given(st.data())
def test_a_cell_of_a_table_is_another(files, data):
    """The pictures show that the table was changed; captions are fine, or a line, without them."""
    path = data.draw(st.sampled_from([path for path in files if path.suffix == ".csv"]))
    rows = [line.split(",") for line in files[path].decode().splitlines()]
    row = data.draw(st.integers(0, len(rows) - 1))
    cell = data.draw(st.integers(0, len(rows[row]) - 1))
    rows[row][cell] = data.draw(
        st.sampled_from(["", "x", "-1", "0", "1e308", "nan", '"', "9" * 30])
    )
    if data.draw(st.booleans()):
        rows = rows[: row + 1]
    path.write_text("\n".join(map(",".join, rows)) + "\n", "utf-8")
    try:
        results = Results.read(load_params())
        for picture in PICTURES:
            with contextlib.suppress(MovierecError):
                picture.alt(results)
    except MovierecError as error:
        check_line(error)
    finally:
        path.write_bytes(files[path])


@settings(parent=BY_HAND, max_examples=40)
@given(st.data())
def test_one_file_is_in_the_place_of_another(files, data):
    """Such as the tables of another picture, or HTML for PNG."""
    path, other = (data.draw(st.sampled_from([*files])) for _ in range(2))
    show_changed(path, files[other])


def test_results_that_were_changed_after_drawing_are_refused(files):
    path = Path("plots/evaluate/errors.csv")
    path.write_text(files[path].decode().replace("0.9", "0.8", 1), "utf-8")
    with pytest.raises(MovierecError, match=r"png: not drawn from the results in plots; run dvc"):
        show_all()
