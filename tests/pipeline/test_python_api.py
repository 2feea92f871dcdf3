"""From Python: the pipeline's own figures and bits, and the lists of the command line."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import movierec as mr
from movierec.api import run_file
from movierec.core.errors import MovierecError
from movierec.core.paths import IMPLICIT_MODEL, INDEX, MODEL, details
from movierec.data import parquet_tables
from movierec.model import model_file
from movierec.plotting.registry import PICTURES
from tests.helpers import docstrings
from tests.helpers.clone import ROOT


@pytest.fixture(scope="module")
def run(workspace) -> mr.TrainedRun:
    return mr.load(workspace.path / "src")  # the project is found from any folder in it


@pytest.fixture(scope="module")
def parts(workspace) -> mr.Split:
    """All ratings of the data set, split as in the pipeline."""
    folder = workspace.path / INDEX
    users, items = parquet_tables.read_users(folder), parquet_tables.read_items(folder)
    ratings = parquet_tables.read_csr(folder / "ratings_by_user.parquet", folder / "users.parquet")
    ids = users.user_id.to_numpy()[ratings.row_index], items.movie_id.to_numpy()[ratings.indices]
    return mr.split((*ids, ratings.values))


@pytest.mark.parametrize(("kind", "path"), [(mr.ALS, MODEL), (mr.ImplicitALS, IMPLICIT_MODEL)])
def test_an_estimator_is_the_pipeline_s_model_to_the_bit(workspace, parts, kind, path) -> None:
    model = kind(rating_scale=(1, 5)).fit(parts.train, parts.validation).scorer()
    for name, array in model_file.read_model(workspace.path / path).arrays.items():
        np.testing.assert_array_equal(model.arrays[name], array)


def test_evaluate_gives_the_figures_of_the_stage(workspace, parts) -> None:
    blend = mr.Blend().fit(parts.train, parts.validation)
    row = mr.evaluate(blend, parts.test, min_ratings=5).loc["Blend"]
    [stage] = json.loads((workspace.path / details("evaluate")).read_text("utf-8"))
    lists, ends = stage["ranking"]["blend"], stage["intervals"]["ranking"]["blend"]["ndcg@10"]
    expected = {key: value for key, value in lists.items() if key != "diversity@10"}
    expected |= {"rmse": stage["test"]["rmse"], "mae": stage["test"]["mae"]}
    expected |= {"ndcg@10_low": ends["low"], "ndcg@10_high": ends["high"]}
    assert row[list(expected)].to_dict() == pytest.approx(expected, rel=1e-5)


def test_a_run_recommends_what_the_command_line_does(workspace, run) -> None:
    likes = {"Star Wars": 5, "Toy Story": 4.5, "Scream": 1}
    arguments = [f"--like={title}={rating}" for title, rating in likes.items()]
    rows = json.loads(workspace.run("movierec", "recommend", *arguments, "--explain", "--json"))
    frame = run.recommend(likes, explain=True)
    assert frame.movie_id.tolist() == [row["movie_id"] for row in rows]
    for name in ("score", "predicted_rating", "deviation", "score_without_ratings"):
        np.testing.assert_allclose(frame[name], [row[name] for row in rows], atol=1e-4)
    reasons = sum(reason["score"] for reason in frame.because[0])
    assert reasons + frame.score_without_ratings[0] == pytest.approx(frame.score[0], abs=1e-5)
    assert frame.because[0][0]["title"] in ("Star Wars (1977)", "Toy Story (1995)")


def test_a_run_knows_its_movies_users_and_figures(run) -> None:
    assert run.items.title[0] == "Star Wars (1977)"
    assert run.item_factors.shape == (len(run.items), run.params.train.n_factors)
    assert len(run.user_ids) == len(run.user_factors) == 943
    assert run.metrics["test"]["rmse"] == pytest.approx(0.906, abs=0.001)
    assert run.search("star tr", n=2).title.str.contains("Star Trek").all()
    assert run.search("The Matrix").columns.tolist() == run.items.columns.tolist()
    assert run.search("The Matrix").empty
    assert "Alien (1979)" not in run.similar("Alien", n=5).title.tolist()
    predicted = run.predict(run.user_ids[:4], run.items.movie_id[0])
    model = run.model.predict(np.arange(4, dtype=np.int32), np.zeros(4, np.int32))
    np.testing.assert_allclose(predicted, np.clip(model, 1, 5), rtol=1e-6)


def test_the_ratings_are_those_of_the_data_set(run) -> None:
    ratings = run.ratings.set_index(["user_id", "movie_id"])
    assert (len(ratings), ratings.index.is_unique) == (100_000, True)
    # The first line of MovieLens 100k.
    assert ratings.loc[(196, 242)].to_dict() == {"rating": 3.0, "timestamp": 881250949}
    assert ratings.groupby("movie_id").size().to_dict() == (
        run.items.set_index("movie_id").n_ratings.loc[lambda counts: counts > 0].to_dict()
    )


def test_genres_of_the_run_are_those_that_fit_takes(run, parts) -> None:
    genres = run.items.set_index("movie_id").genres
    als = mr.ALS(model="genre_mf", n_factors=2, max_epochs=2)
    model = als.fit(parts.train, genres=genres).scorer()
    lists = {item: list(names) for item, names in genres.items()}
    np.testing.assert_array_equal(
        model.item_factors, als.fit(parts.train, genres=lists).item_factors_
    )


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_that_of_the_pipeline(workspace, run, monkeypatch, tmp_path, picture) -> None:
    monkeypatch.chdir(tmp_path)
    drawn, stored = (
        Image.open(source).convert("RGB")
        for source in (
            io.BytesIO(run.plot(picture.name)._repr_png_()),
            workspace.path / picture.path,
        )
    )
    np.testing.assert_array_equal(drawn, stored)
    assert f'"{picture.name}"' in run.plot.__doc__


def test_what_a_run_hands_out_cannot_change_it(run) -> None:
    items = run.items
    items["title"] = ""
    assert run.items.title[0] == "Star Wars (1977)"
    for array in (run.user_ids, run.user_factors, run.item_factors):
        assert not array.flags.writeable


def test_a_user_may_be_given_as_any_number(run) -> None:
    expected = run.recommend(user_id=196)
    for user in (196.0, np.int8(-60).view(np.uint8), "196"):
        assert run.recommend(user_id=user).equals(expected)


def test_a_run_shows_what_it_is(run) -> None:
    sizes = "100,000 ratings, 943 users, 1,682 movies"
    assert re.fullmatch(
        rf"TrainedRun\(ml-100k: {sizes}; test RMSE 0\.90\d, NDCG@10 0\.\d{{3}}\)", repr(run)
    )


def test_loading_reads_the_models_and_their_params(workspace, run, tmp_path) -> None:
    for name in [*run_file.MEMBERS, "dvc.yaml", details("evaluate").as_posix()]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace.path / name, tmp_path / name)
    params = (tmp_path / "params.yaml").read_text("utf-8")
    edited = re.sub(r"n_factors: 16\b", "n_factors: 9", params, count=1)
    assert edited != params
    (tmp_path / "params.yaml").write_text(edited, "utf-8")
    loaded = mr.load(tmp_path)
    assert loaded.params.train.n_factors == 16
    assert loaded.metrics == run.metrics
    with pytest.raises(MovierecError, match="n_factors was 16, but is 9"):
        loaded.save(tmp_path / "run.zip")
    for name in (MODEL, IMPLICIT_MODEL):  # both were read
        (tmp_path / name).write_bytes(b"")  # if it were mapped, the process would end
        (tmp_path / name).unlink()
    likes = {"Alien": 5}
    assert loaded.recommend(likes, diverse=0.5).equals(run.recommend(likes, diverse=0.5))
    with pytest.raises(MovierecError, match="no such file"):
        mr.load(tmp_path)


def test_a_revision_is_loaded_from_the_cache(run, workspace) -> None:
    earlier = mr.load(workspace.path, rev="HEAD")
    assert earlier.plot("training")._repr_png_() == run.plot("training")._repr_png_()
    assert earlier.ratings.equals(run.ratings)
    new_user = {run.items.movie_id[0]: 5.0}
    assert earlier.recommend(new_user).equals(run.recommend(new_user))


def test_filters_are_those_of_the_command_line(run, tmp_path) -> None:
    watchlist = tmp_path / "watchlist.txt"
    watchlist.write_text("Alien (1979)\nAliens\nNo Such Movie\n", "utf-8")
    for lists in (
        lambda **filters: run.recommend({"Star Wars": 5}, n=2000, **filters),
        lambda **filters: run.similar("Star Wars", n=2000, **filters),
    ):
        everything = list(lists().movie_id)
        with pytest.warns(UserWarning, match="not found: No Such Movie"):
            assert set(lists(only=watchlist).title) == {"Alien (1979)", "Aliens (1986)"}
        assert set(lists(only=["Alien", 176]).title) == {"Alien (1979)", "Aliens (1986)"}
        assert list(lists(not_=everything[:3]).movie_id) == everything[3:]
        with pytest.warns(UserWarning, match="not found"):
            assert list(lists(not_=str(watchlist), only=["Alien", 50]).movie_id) == []
        years = lists(year="1980s").title.str[-5:-1].astype(int)
        assert years.between(1980, 1989).all()
        assert list(lists(year=1985).movie_id) == list(lists(year="1985").movie_id)
        known, obscure = lists(known=True), lists(obscure=0.2)
        assert len(known) == len(lists(known=0.5)) > len(lists(known=0.3)) > 0
        assert not {*known.movie_id} & {*obscure.movie_id}
        assert list(lists(known=False, obscure=None).movie_id) == everything


def test_recommend_for_several_people(run) -> None:
    ann, bob = {"Star Wars": 5}, {"Emma": 5}
    both = run.recommend(ann, companion=bob, explain=True, n=20)
    assert list(both) == ["movie_id", "title", "score", "predicted_rating", "people"]
    for name in ("score", "predicted_rating"):
        mean = [np.mean([person[name] for person in people]) for people in both.people]
        np.testing.assert_allclose(both[name], mean)
    assert not {"Star Wars (1977)", "Emma (1996)"} & {*both.title}
    assert list(run.recommend(bob, companion=[ann], n=20).movie_id) == list(both.movie_id)
    lowest = run.recommend(ann, companion=bob, combine="least_misery", explain=True)
    assert list(lowest.score) == [min(p["score"] for p in people) for people in lowest.people]
    three = run.recommend(user_id=196, companion=[186, ann], explain=True, n=3)
    assert [len(people) for people in three.people] == [3, 3, 3]


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda run: run.recommend(196), TypeError, r"not 196; for a user .* recommend\(user_id="),
        (lambda run: run.recommend(["Alien"]), TypeError, "ratings should be by title or id"),
        (lambda run: run.recommend({50: "5"}), ValueError, "50 should be a number"),
        (lambda run: run.recommend({50: 5, "Star Wars": 1}), ValueError, "Star Wars .* two diff"),
        (lambda run: run.recommend({50: 5}, year="90s"), ValueError, "year: '90s' is not a year"),
        (lambda run: run.similar(50, year=np.nan), ValueError, "year should be an integer from 0"),
        (lambda run: run.recommend({50: 5}, year="1990-1980"), ValueError, "1990 is after 1980"),
        (lambda run: run.recommend({50: 5}, known=2), ValueError, "known should be a number from"),
        (lambda run: run.similar(50, obscure="x"), ValueError, "obscure should be a number from 0"),
        (lambda run: run.recommend({50: 5}, only=50), TypeError, "only should be a file, or movi"),
        (lambda run: run.recommend({50: 5}, only=["zzzzz"]), MovierecError, "no movie called"),
        (lambda run: run.similar(50, not_="no.csv"), MovierecError, "no.csv: no such file"),
        (lambda run: run.recommend({50: 5}, combine="max"), ValueError, "combine should be one of"),
        (
            lambda run: run.recommend({50: 5}, companion={}),
            ValueError,
            "ratings: give at least one",
        ),
        (lambda run: run.recommend({50: 5}, companion=0), MovierecError, "no user 0 in the data"),
        (lambda run: run.recommend({50: 5}, n=1.5), ValueError, "n should be an integer from 1"),
        (lambda run: run.similar(50, n=0), ValueError, "n should be an integer from 1"),
        (lambda run: run.search("alien", n=-1), ValueError, "n should be an integer from 1"),
        (lambda run: run.recommend({50: 5}, min_ratings=-1), ValueError, "min_ratings should be"),
        (lambda run: run.recommend(user_id=b"\x1b" * 999), mr.UnknownIdError, "no user b'"),
        (lambda run: run.recommend({10**30: 5}), mr.UnknownIdError, "no movie has the id 1000"),
        (lambda run: mr.load(run.folder, rev=""), ValueError, "rev should be a revision or an"),
        (lambda run: run.recommend({"zzzzz": 5}), MovierecError, 'no movie called "zzzzz"; these'),
        (lambda run: run.search(" "), MovierecError, "no title given; give words of one"),
        (
            lambda run: run.similar("The Matrix"),
            MovierecError,
            'no movie called "The Matrix"; these data end in 1998',
        ),
        (lambda run: run.recommend({50: 9}), MovierecError, "50: ratings range from 1 to 5"),
        (lambda run: run.recommend({10**9: 5}), MovierecError, "no movie has the id 1000000000"),
        (lambda run: run.recommend(user_id=0), MovierecError, "no user 0 in the data set"),
        (lambda run: run.recommend(), ValueError, "either ratings or user_id"),
        (lambda run: run.recommend({50: 5}, diverse=2), ValueError, "diverse should be a number"),
        (lambda run: run.recommend({50: 5}, genre="x"), MovierecError, "unknown genre 'x'"),
        (lambda run: run.predict(0, 50), mr.UnknownIdError, "user 0 was not in"),
        (lambda run: run.plot("map"), ValueError, "no picture 'map'; choose from ratings, activ"),
        (lambda run: mr.load(run.folder / "no"), MovierecError, "no such file or folder"),
        (lambda run: mr.load(run.folder, rev="no"), MovierecError, "unknown Git revision"),
    ],
)
def test_what_cannot_be_is_one_line(run, ask, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        ask(run)
    assert "\n" not in str(caught.value)


def test_the_examples_of_docstrings_show_what_the_run_gives(workspace, monkeypatch) -> None:
    monkeypatch.chdir(workspace.path)
    examples = filter(docstrings.needs_a_run, docstrings.examples())
    assert docstrings.failures(examples) == ""


def test_the_examples_of_the_docs_run(workspace, monkeypatch) -> None:
    page = (ROOT / "docs/user-guide/python.md").read_text("utf-8")
    monkeypatch.chdir(workspace.path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)  # noqa: S102 - our own page
    assert names["same"] is not names["als"]
