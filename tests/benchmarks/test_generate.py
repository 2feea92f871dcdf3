"""The benchmarks' generator: ml-25m's shape, every pair once, and a right answer that is known."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import generate as generator
from benchmarks.generate import generate, write_zip
from movierec.core.params import PathSource
from movierec.data.rating_arrays import Csr
from movierec.training import in_memory, rating_model
from tests.helpers.archives import read_archive
from tests.helpers.random_data import SCALE, train_params


@pytest.mark.parametrize("n_ratings", [2000, 50_000])
def test_as_many_as_asked_and_every_pair_once(n_ratings: int) -> None:
    data = generate(n_ratings)
    assert len(data.rating) == len(data.item_index) == len(data.timestamp) == n_ratings
    pairs = data.user_index.astype(np.int64) * data.n_items + data.item_index
    assert len(np.unique(pairs)) == n_ratings
    assert data.item_index.max() < data.n_items


def test_the_shape_is_ml_25ms() -> None:
    n_ratings = 1_000_000
    data = generate(n_ratings)
    assert np.diff(data.indptr).min() >= generator.MIN_RATINGS_PER_USER
    shares = np.bincount((data.rating * 2).astype(int), minlength=11)[1:] / n_ratings
    wanted = generator.ML_25M_HISTOGRAM / generator.ML_25M_HISTOGRAM.sum()
    np.testing.assert_allclose(shares, wanted, atol=0.005)
    counts = np.sort(np.bincount(data.item_index, minlength=data.n_items))[::-1]
    assert counts[: data.n_items // 10].sum() > 0.6 * n_ratings, "few films have most ratings"


def test_the_same_seed_gives_the_same_ratings() -> None:
    one, same, other = generate(3000, 1), generate(3000, 1), generate(3000, 2)
    np.testing.assert_array_equal(one.item_index, same.item_index)
    np.testing.assert_array_equal(one.rating, same.rating)
    assert (one.rating != other.rating).any()


def test_what_was_planted_is_found() -> None:
    data = generate(60_000)
    by_user = Csr(data.indptr, data.item_index, data.rating)
    params = train_params(
        n_factors=generator.N_PLANTED_FACTORS, max_epochs=8, factor_precision=5.0, dtype="float32"
    )
    fit = rating_model.fit(
        in_memory.InMemoryData(by_user, by_user.transpose(data.n_items)), params, 0, SCALE
    )
    predicted = fit.model.predict(data.user_index, data.item_index)
    assert np.corrcoef(predicted, data.expected)[0, 1] > 0.8


def test_the_zip_is_read_back(tmp_path: Path) -> None:
    data = generate(2000)
    write_zip(data, tmp_path / "made.zip", name="made", n_movies=data.n_items + 5)
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        assert archive.namelist() == ["made/movies.csv", "made/ratings.csv"]
    block = PathSource(
        source="path",
        path=None,
        sha256=None,
        layout="csv",
        folder="made",
        rating_min=0.5,
        rating_max=5,
        licence="",
    )
    archive = read_archive(tmp_path / "made.zip", block)
    assert len(archive.movies) == data.n_items + 5
    np.testing.assert_array_equal(archive.ratings.rating, data.rating)
    np.testing.assert_array_equal(archive.user_ids[archive.ratings.user_index], data.user_index + 1)


def test_the_program_lists_movies_that_nobody_rated_in_ml_25ms_proportion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.zip"
    monkeypatch.setattr("sys.argv", ["generate", "--ratings", "300_000", "--zip", str(path)])
    generator.main()
    with zipfile.ZipFile(path) as archive:
        movies = pd.read_csv(archive.open("ml-generated/movies.csv"))
        ratings = pd.read_csv(archive.open("ml-generated/ratings.csv"))
    share = 300_000 / generator.ML_25M_RATINGS
    assert len(movies) == round(share * generator.ML_25M_MOVIES) == 749
    assert ratings["movieId"].nunique() == round(share * generator.ML_25M_RATED_MOVIES) == 709
    assert set(ratings["movieId"]) < set(movies["movieId"])
