"""Index and split give the same bytes on every engine, and workers share the ratings."""

import hashlib
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest

from movierec.core import result_files
from movierec.core.errors import MovierecError
from movierec.core.paths import CHECKPOINTS
from movierec.data import parquet_tables
from movierec.datasets import csv_reader, parquet_reader
from tests.helpers import archives
from tests.helpers.small_project import run_stage, write_params, write_parts

PROTOCOLS = ("per_user_random", "per_rating_random", "last_per_user", "point_in_time")
OUTPUTS = ("data/index", "data/split", "plots")
N_RATINGS = 4000


@pytest.fixture(scope="module")
def cluster():
    """The address of a scheduler with three workers."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=3, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Many pieces of an archive, and row groups that do not end where blocks do."""
    monkeypatch.setattr(csv_reader, "PIECE", 1 << 13)
    monkeypatch.setattr(parquet_reader, "BATCH", 700)
    monkeypatch.setattr(parquet_tables, "ROW_GROUP", 700)


def ratings(seed=0):
    """Of distinct pairs, some users and movies with many."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(200 * 100, N_RATINGS, replace=False, p=_skewed(200 * 100))
    users, movies = 1000 - pairs // 100, 1 + 7 * (pairs % 100)
    stars = rng.integers(1, 11, N_RATINGS) / 2
    seconds = rng.integers(10**9, 10**9 + 2000, N_RATINGS)
    return list(zip(*(each.tolist() for each in (users, movies, stars, seconds)), strict=True))


def _skewed(n):
    weights = 1 / (50 + np.arange(n))
    return weights / weights.sum()


def project(folder, path, layout, **changes):
    """A folder with params and the archive downloaded."""
    folder.mkdir()
    write_params(folder, path, layout, **changes)
    with chdir(folder):
        run_stage("download")
    return folder


def made(folder, *stages):
    """The hash of each file that stages leave in a project's folder."""
    with chdir(folder):
        for stage in stages:
            run_stage(stage)
        assert not list(CHECKPOINTS.glob("*/"))
        paths = [path for name in OUTPUTS for path in sorted(Path(name).rglob("*.*"))]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def both(tmp_path, cluster, rows, layout, stages, **changes):
    """The results in this process, and on the cluster."""
    path = archives.write(tmp_path, layout, rows)
    found = []
    for kind in ("local", "dask"):
        engine = {"kind": kind, "scheduler": cluster, "block_ratings": 900}
        folder = project(tmp_path / kind, path, layout, engine=engine, **changes)
        found.append(made(folder, *stages))
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_split_is_the_same(tmp_path, cluster, protocol):
    fractions = {"protocol": protocol, "test_fraction": 0.2, "validation_fraction": 0.15}
    stages = "index", "split"
    here, there = both(tmp_path, cluster, ratings(), "ratings_csv", stages, split=fractions)
    assert len(here) == 18
    assert there == here


def test_held_out_users_and_a_core_are_the_same(tmp_path, cluster):
    core = {"positive_rating": 2, "min_user_ratings": 8, "min_movie_ratings": 20}
    changes = core | {"protocol": "users", "test_fraction": 0.2, "validation_fraction": 0.15}
    stages = "index", "split"
    here, there = both(tmp_path, cluster, ratings(), "ratings_csv", stages, split=changes)
    assert there == here
    counts = result_files.read_details("split", tmp_path / "dask")
    assert min(counts[f"n_{part}"] for part in ("train", "validation_given", "test_given")) > 80
    assert min(counts["left_out"].values()) > 3, counts


@pytest.mark.parametrize("has_validation", [True, False])
def test_given_parts_are_the_same(tmp_path, cluster, has_validation):
    """With pairs in two parts, of which the earlier counts, and text in one part alone."""
    rows = ratings()
    parts = {"train": rows[:3000], "test": [*rows[3400:], *rows[:40]]}
    parts |= {"validation": rows[3000:3400]} if has_validation else {}
    parts["test"].append(("Änne", 8, 3.5, 10**9))
    source = tmp_path / "parts"
    source.mkdir()
    for name, listed in parts.items():
        archives.write(source, "ratings_csv", listed).rename(source / f"{name}.csv")
    changes = {"split": {"protocol": "given"}, "index": {"max_rejected": 40}}
    found = []
    for kind in ("local", "dask"):
        engine = {"kind": kind, "scheduler": cluster, "block_ratings": 900}
        folder = tmp_path / kind
        folder.mkdir()
        write_params(folder, source / "train.csv", "ratings_csv", engine=engine, **changes)
        write_parts(folder, source)
        with chdir(folder):
            run_stage("download")
        found.append(made(folder, "index", "split"))
    assert found[0] == found[1]
    rejected = result_files.read_details("index", tmp_path / "dask")["rows"]["rejected"]
    assert rejected["in_two_parts"] == 40
    counts = result_files.read_details("split", tmp_path / "dask")
    assert counts["n_test"] == len(parts["test"]) - 40
    held_out = 3000 - counts["n_train"]
    assert counts["n_validation"] == (400 if has_validation else held_out)
    assert held_out == (0 if has_validation else counts["n_validation"])
    write_params(tmp_path / "local", source / "train.csv", "ratings_csv")
    write_parts(tmp_path / "local", source)
    with chdir(tmp_path / "local"), pytest.raises(MovierecError, match="40 ratings of validation"):
        run_stage("index")


def repeated(rows):
    """Ratings of which some are repeated, at the same second or another, shuffled."""
    rng = np.random.default_rng(1)
    more = [(user, movie, 0.5, time + int(rng.integers(-1, 2))) for user, movie, _, time in rows]
    together = rows + more[::3] + [(*row[:2], 4.5, row[3]) for row in more[::6]]
    return [together[place] for place in rng.permutation(len(together))]


@pytest.mark.parametrize("layout", ["csv", "ratings_parquet"])
def test_an_index_of_repeated_ratings_is_the_same(tmp_path, cluster, layout):
    changes = {"index": {"max_rejected": 97}}  # rated movies that are not listed
    here, there = both(tmp_path, cluster, repeated(ratings()), layout, ["index"], **changes)
    assert len(here) == 8
    assert there == here
    counts = result_files.read_details("index", tmp_path / "dask")
    assert counts["rows"]["rejected"]["superseded"] > N_RATINGS / 3
    assert counts["n_unlisted_movies"] == (97 if layout == "csv" else 0)


def test_an_index_of_text_and_of_rejected_rows_is_the_same(tmp_path, cluster):
    """The first id that is not an integer comes late."""
    rows = ratings()
    rows = [*rows[:3500], *((f"Änne {user}", f"tt{movie}", *r) for user, movie, *r in rows[3500:])]
    for place in range(20):
        rows[200 * place] = (*rows[200 * place][:2], ["", "x", 7, "0.1"][place % 4], 0)
    changes = {"index": {"max_rejected": 20}}
    here, there = both(tmp_path, cluster, rows, "ratings_csv", ["index"], **changes)
    assert there == here


@pytest.mark.parametrize("layout", ["ratings_csv", "ratings_parquet"])
def test_an_index_without_times_is_the_same(tmp_path, cluster, layout):
    rows = [row[:3] for row in repeated(ratings())]
    here, there = both(tmp_path, cluster, rows, layout, ["index", "split"])
    assert there == here
    counts = result_files.read_details("index", tmp_path / "dask")
    assert (counts["first_timestamp"], counts["last_timestamp"]) == (None, None)


def test_workers_that_stay_index_other_data_afterwards(tmp_path, cluster):
    """They keep ids between tasks, but not between archives."""
    for number, seed in enumerate((0, 1)):
        source = tmp_path / f"source{number}"
        source.mkdir()
        rows = [(user + 500 * seed, movie, *more) for user, movie, *more in ratings(seed)]
        path = archives.write(source, "ratings_csv", rows)
        if not number:
            folder = project(tmp_path / "same", path, "ratings_csv")
        found = []
        for kind in ("dask", "local"):
            engine = {"kind": kind, "scheduler": cluster, "block_ratings": 900}
            write_params(folder, path, "ratings_csv", engine=engine)
            found.append(made(folder, "download", "index"))
        assert found[0] == found[1]


def test_bad_input_is_rejected_in_the_same_words_and_nothing_stays(tmp_path, cluster):
    rows = [*ratings(), *((5, 6, "much", second) for second in range(30))]
    path, words = archives.write(tmp_path, "ratings_csv", rows), []
    for kind in ("local", "dask"):
        engine = {"kind": kind, "scheduler": cluster, "block_ratings": 900}
        folder = project(tmp_path / kind, path, "ratings_csv", engine=engine)
        with pytest.raises(MovierecError) as caught, chdir(folder):
            run_stage("index")
        words.append((str(caught.value), caught.value.details))
        assert not list((folder / CHECKPOINTS).glob("*/"))
        assert [each.name for each in (folder / "data").iterdir()] == ["raw"]
    assert words[0] == words[1]
    assert len(words[0][1]) == 10
