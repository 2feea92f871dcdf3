"""Parquet files: round trips, and the same bytes for the same values."""

import itertools
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import ours
from benchmarks.quality.run import write_split
from movierec.core.errors import MovierecError
from movierec.data import parquet_tables
from movierec.data.rating_arrays import indptr_from_counts
from movierec.data.stored_ratings import StoredRatings
from movierec.prepare import parquet_writer
from movierec.recommending import export
from tests.helpers.random_data import random_csrs, random_ratings

N_USERS, N_ITEMS, N_RATINGS = 12, 9, 60


def divided(folder, seed=1):
    """Write the files of data/split; validation consists of the pairs that are not in train."""
    everything = random_ratings(seed, N_USERS, N_ITEMS, N_RATINGS)
    in_train = np.arange(N_RATINGS) % 4 > 0
    train, validation = everything.take(in_train), everything.take(~in_train)
    none = everything.take(np.zeros(0, np.int64))
    write_split(folder, (train, validation, none), N_USERS, N_ITEMS)
    by_user = train.by_user(N_USERS)
    return everything, train, validation, by_user, by_user.transpose(N_ITEMS)


def write_index(folder, seed=1):
    """Write the files of data/index; returns the ratings and the movies."""
    ratings = random_ratings(seed, N_USERS, N_ITEMS, N_RATINGS)
    by_user = ratings.by_user(N_USERS)
    by_item = by_user.transpose(N_ITEMS)
    movies = pd.DataFrame(
        {
            "movie_id": np.arange(N_ITEMS) * 7 + 1,
            "title": [f"Amélie, part {number}" for number in range(N_ITEMS)],
            "year": pd.array([None, *range(1980, 1979 + N_ITEMS)], dtype="Int32"),
            "genres": [["Drama", "War"][: number % 3] for number in range(N_ITEMS)],
        }
    )
    user_ids = np.arange(N_USERS)[::-1] + 100
    parquet_tables.write_rows(folder / "users.parquet", by_user.counts, {"user_id": user_ids})
    parquet_tables.write_rows(
        folder / "items.parquet", by_item.counts, parquet_tables.movie_columns(movies)
    )
    columns = dict(list(vars(ratings).items())[1:])
    parquet_tables.write_table(folder / "ratings_by_user.parquet", columns)
    columns = {"user_index": by_item.indices, "rating": by_item.values}
    parquet_tables.write_table(folder / "ratings_by_item.parquet", columns)
    return ratings, movies


def assert_same(found, expected):
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values)
        assert getattr(found, name).dtype == values.dtype


def test_index_round_trip(tmp_path):
    ratings, movies = write_index(tmp_path)
    found, n_users, n_items = ours.read_index(tmp_path)
    assert_same(found, ratings)
    assert (n_users, n_items) == (N_USERS, N_ITEMS)
    items = parquet_tables.read_items(tmp_path)
    assert items["movie_id"].tolist() == movies["movie_id"].tolist()
    assert items["title"].tolist() == movies["title"].tolist()
    assert items["genres"].map(list).tolist() == movies["genres"].tolist()
    assert items["year"].isna().tolist() == [True] + [False] * (N_ITEMS - 1)
    assert items["n_ratings"].sum() == N_RATINGS
    users = parquet_tables.read_users(tmp_path)
    assert users["user_id"].tolist() == list(range(111, 99, -1))
    np.testing.assert_array_equal(
        users["offset"], indptr_from_counts(users["n_ratings"].to_numpy())[:-1]
    )


def test_columns_and_types_of_the_index(tmp_path):
    write_index(tmp_path)
    types = {name: str(kind) for name, kind in schema(tmp_path / "items.parquet").items()}
    assert types == {
        "movie_id": "int64",
        "title": "string",
        "year": "int32",
        "genres": "list<element: string>",
        "n_ratings": "int32",
        "offset": "int64",
    }
    assert list(schema(tmp_path / "users.parquet")) == ["user_id", "n_ratings", "offset"]
    by_user = schema(tmp_path / "ratings_by_user.parquet")
    assert by_user == {"item_index": pa.int32(), "rating": pa.float32(), "timestamp": pa.int64()}
    by_item = schema(tmp_path / "ratings_by_item.parquet")
    assert by_item == {"user_index": pa.int32(), "rating": pa.float32()}


def schema(path):
    found = pq.read_schema(path)
    return dict(zip(found.names, found.types, strict=True))


def test_split_round_trip(tmp_path):
    everything, train, validation, by_user, by_item = divided(tmp_path)
    found_by_user, found_by_item = parquet_tables.read_train(tmp_path)
    assert_same(found_by_user, by_user)
    assert_same(found_by_item, by_item)
    assert_same(parquet_tables.read_ratings(tmp_path / "validation.parquet"), validation)
    assert_same(StoredRatings.train("user", True, tmp_path).read_all(), everything.by_user(N_USERS))
    assert len(train) + len(validation) == N_RATINGS


def test_same_values_give_the_same_bytes(tmp_path):
    folders = [tmp_path / "first", tmp_path / "again"]
    for folder in folders:
        folder.mkdir()
        write_index(folder)
    written = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert written[0] == written[1]
    assert len(written[0]) == 4
    write_index(folders[1], seed=2)
    assert (folders[1] / "users.parquet").read_bytes() != written[0]["users.parquet"]


@pytest.mark.parametrize("row_group", [1, 7, 1 << 20])
def test_a_block_of_rows_equals_the_full_read(tmp_path, monkeypatch, row_group):
    """Also if its ratings cross row groups, or if it has none."""
    monkeypatch.setattr(parquet_tables, "ROW_GROUP", row_group)
    ratings, _ = write_index(tmp_path)
    by_user = ratings.by_user(N_USERS)
    paths = tmp_path / "ratings_by_user.parquet", tmp_path / "users.parquet"
    assert pq.read_metadata(paths[0]).num_row_groups == -(-N_RATINGS // row_group)
    for first, stop in itertools.combinations_with_replacement(range(N_USERS + 1), 2):
        assert_same(
            parquet_tables.read_block(*paths, first, stop), by_user.rows(slice(first, stop))
        )


def test_counts_that_do_not_fit_the_ratings(tmp_path):
    by_user, by_item = random_csrs(1)
    columns = {"user_index": by_item.indices, "rating": by_item.values}
    parquet_tables.write_table(tmp_path / "train_by_item.parquet", columns)
    parquet_tables.write_rows(tmp_path / "rows.parquet", by_user.counts[:3])
    with pytest.raises(
        MovierecError, match=r"30 ratings, but .*rows\.parquet counts \d+; run dvc repro --force$"
    ):
        parquet_tables.read_csr(tmp_path / "train_by_item.parquet", tmp_path / "rows.parquet")


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_appended_rows_are_the_same_bytes_as_all_at_once(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("appended")
    columns = {"n": np.arange(sum(sizes)), "rating": np.arange(sum(sizes), dtype=np.float32) % 3}
    with mock.patch.object(parquet_tables, "ROW_GROUP", 5):
        parquet_tables.write_table(folder / "all", columns)
        with parquet_writer.tables() as append:
            for first, stop in itertools.pairwise([0, *itertools.accumulate(sizes)]):
                some = {name: values[first:stop] for name, values in columns.items()}
                append(folder / "parts", some)
    assert (folder / "parts").read_bytes() == (folder / "all").read_bytes()


def test_appended_numbers_are_finite(tmp_path):
    with (
        pytest.raises(MovierecError, match=r"not written: column rating has numbers that are not"),
        parquet_writer.tables() as append,
    ):
        append(tmp_path / "a", {"rating": np.array([1, np.inf], np.float32)})


def test_the_first_and_the_last_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_tables, "ROW_GROUP", 2)
    for values, span in (([], None), ([0, 0, 0], None), ([5], (5, 5)), ([3, 0, 9, 4, 4], (0, 9))):
        columns = {"other": np.zeros(len(values)), "timestamp": np.array(values, np.int64)}
        parquet_tables.write_table(tmp_path / "a", columns)
        assert parquet_tables.read_times(tmp_path / "a") == span


def test_files_written_at_once(tmp_path):
    columns = {name: {"n": np.arange(size)} for name, size in (("a", 3), ("b", 50), ("c", 0))}
    with parquet_writer.tables() as append:
        for name, values in columns.items():
            append(tmp_path / name, values)
    for name, values in columns.items():
        assert pq.read_table(tmp_path / name)["n"].to_pylist() == values["n"].tolist()


def test_a_file_that_cannot_be_written_at_once_is_an_error(tmp_path):
    def write_both():
        with parquet_writer.tables() as append:
            append(tmp_path / "b", {"n": np.arange(3)})
            append(tmp_path / "none" / "a", {"n": np.arange(3)})

    with pytest.raises(FileNotFoundError):
        write_both()


@pytest.mark.parametrize("row_group", [1, 7, 1 << 20])
def test_read_columns_over_row_groups(tmp_path, monkeypatch, row_group):
    monkeypatch.setattr(parquet_tables, "ROW_GROUP", row_group)
    columns = {"n": np.arange(20), "rating": np.arange(20, dtype=np.float32) % 5}
    parquet_tables.write_table(tmp_path / "a", columns)
    found = parquet_tables.read_columns(tmp_path / "a", ["rating", "n"])
    for name, array in zip(("rating", "n"), found, strict=True):
        np.testing.assert_array_equal(array, columns[name])
        assert array.dtype == columns[name].dtype


def test_missing_column(tmp_path):
    parquet_tables.write_table(tmp_path / "a", {"n": np.arange(3)})
    with pytest.raises(MovierecError, match=r"/a: .*other.*; restore it with dvc checkout --force"):
        parquet_tables.read_columns(tmp_path / "a", ["other"])


def test_missing_file(tmp_path):
    with pytest.raises(MovierecError, match=r"users\.parquet: no such file; run dvc repro"):
        parquet_tables.read_users(tmp_path)


def test_cut_file(tmp_path):
    write_index(tmp_path)
    path = tmp_path / "items.parquet"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(MovierecError) as caught:
        parquet_tables.read_items(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; restore it with dvc checkout --force")
    assert "\n" not in str(caught.value)


def test_recommendations(tmp_path):
    """One row per entry; shorter lists have fewer rows."""
    users = pd.DataFrame({"user_id": [30, 10]})
    items = pd.DataFrame({"movie_id": [5, 6, 7], "title": ["A", "B", "C"]})
    lists = np.array([[2, 0], [1, -1]], np.int32)
    scores = np.array([[5.5, 4.0], [3.0, -np.inf]], np.float32)
    path = tmp_path / "recommendations.parquet"
    block = np.arange(len(lists)), lists, scores, scores.clip(1, 5)
    export.write_recommendations(path, users, items, [block])
    assert pq.read_table(path).to_pylist() == [
        entry(30, 1, 7, "C", 5.5, 5.0),
        entry(30, 2, 5, "A", 4.0, 4.0),
        entry(10, 1, 6, "B", 3.0, 3.0),
    ]


def entry(user_id, rank, movie_id, title, score, predicted_rating):
    return {
        "user_id": user_id,
        "rank": rank,
        "movie_id": movie_id,
        "title": title,
        "score": score,
        "predicted_rating": predicted_rating,
    }


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["score", "factors", "ndcg"])
def test_a_number_that_is_not_finite_is_not_written(tmp_path, name, number):
    """NaN is allowed where it means that there is nothing to measure."""
    column = pa.array(np.array([1.0, number], np.float32))
    if name == "factors":
        column = pa.FixedSizeListArray.from_arrays(column, 2)
    path = tmp_path / "table.parquet"
    if name == "ndcg" and np.isnan(number):
        parquet_tables.write_table(path, {name: column})
        return
    with pytest.raises(MovierecError, match=f"not written: column {name} has numbers that are not"):
        parquet_tables.write_table(path, {name: column})
