"""`make compare`: contenders tuned, trained and judged alike, on a split of generated ratings."""

import contextlib
import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.quality import groups, protocol, run, score
from benchmarks.quality.models import FIELD
from movierec.core import manifests
from movierec.core.params import load_params
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.model import baselines, top_n_lists
from movierec.prepare import split as splitting
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_model, random_ratings

N_USERS, N_ITEMS = 30, 20
PARAMS = load_params(ROOT / "params.yaml")
RATINGS = random_ratings(0, N_USERS, N_ITEMS, 300)
PARTS = splitting.split(RATINGS, N_USERS, PARAMS.split, seed=0)
TRAIN, VALIDATION, TEST, *_ = PARTS
KNOWN = TRAIN.by_user(N_USERS).insert(VALIDATION)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run.write_split(tmp_path, PARTS, N_USERS, N_ITEMS)
    entry = manifests.make_record({"dataset": PARAMS.dataset}, manifests.hash_files(tmp_path))
    manifests.write_manifest(tmp_path, {"download": entry})
    return tmp_path


def test_contenders_are_tuned_trained_and_judged_on_one_split(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")
    versions = run.version_of
    monkeypatch.setattr(
        run, "version_of", lambda package: None if package == "myfm" else versions(package)
    )
    monkeypatch.setattr(run.ours, "read_index", lambda: (RATINGS, N_USERS, N_ITEMS))
    out = folder / "out"
    arguments = ["--split", str(folder), "--out", str(out), "--trials", "3", "--draws", "2"]
    arguments += ["--only", "damped biases", "popularity", "myFM"]
    run.main(arguments)
    written = (out / "compare-ml-100k.json").read_text()
    report = json.loads(written)
    assert report["absent"] == {"myFM": "myfm is not installed"}
    biases, popularity = report["results"]
    assert (biases["name"], biases["trials"], biases["failed_trials"]) == ("damped biases", 3, 0)
    model = baselines.damped_biases(KNOWN, KNOWN.transpose(N_ITEMS), biases["settings"]["damping"])
    predicted = model.predict(TEST.user_index, TEST.item_index)
    error = np.clip(predicted, PARAMS.data.rating_min, PARAMS.data.rating_max) - TEST.rating
    first, second = (draw["test"] for draw in biases["draws"])
    assert first["rmse"] == pytest.approx(np.sqrt((error.astype(float) ** 2).mean()))
    assert first["rmse"] != second["rmse"]
    low, high = first["rmse_interval"]
    assert low < first["rmse"] < high
    assert min(draw["seconds"] for draw in biases["draws"]) > 0
    assert min(draw["memory_bytes"] for draw in biases["draws"]) > 0
    assert biases["draws"][0]["model_bytes"] > 4 * (N_USERS + N_ITEMS)
    assert "rmse" not in popularity["draws"][0]["test"]
    assert 0 < popularity["draws"][0]["test"]["ndcg"] < 1
    monkeypatch.setattr(run, "run_module", None)  # what is finished is not run again
    run.main(arguments)
    assert (out / "compare-ml-100k.json").read_text() == written
    table = (out / "compare-ml-100k.md").read_text()
    assert all(name in table for name in ("damped biases", "popularity", "myFM"))


def known() -> protocol.Known:
    return protocol.Known(TRAIN.by_user(N_USERS), N_ITEMS, PARAMS, 1, protocol.Clock(), VALIDATION)


def test_the_settings_that_predict_validation_best_are_chosen(tmp_path: Path) -> None:
    contender, tried = FIELD["damped biases"], {}

    def train(known: protocol.Known, settings: protocol.Settings) -> protocol.Trained:
        trained = contender.train(known, settings)
        tried[settings["damping"]] = protocol.judge_validation(contender, trained, known)
        if len(tried) == 2:
            raise ValueError("a trial that fails is one less")
        return trained

    lines: list[str] = []
    watched = protocol.Contender("watched", train, contender.space, contender.first)
    found = protocol.tune(watched, known(), 6, tmp_path / "log", lines.append)
    assert len(tried) == len(lines) == 6
    assert next(iter(tried)) == contender.first["damping"], "the package's own defaults come first"
    failed = list(tried)[1]
    assert found["failed_trials"] == 1
    left = {damping: rmse for damping, rmse in tried.items() if damping != failed}
    assert found["validation"] == min(left.values())
    assert found["settings"] == {"damping": min(left, key=lambda damping: left[damping])}


def test_a_search_interrupted_anywhere_has_the_same_result(tmp_path: Path) -> None:
    """The best are tried again with more effort, by which the final choice is made."""
    contender, tried = FIELD["damped biases"], []

    def train(known: protocol.Known, settings: protocol.Settings) -> protocol.Trained:
        tried.append((settings["sweeps"], settings["damping"]))
        if len(tried) in stops:
            raise KeyboardInterrupt
        model = contender.train(known, settings)
        return protocol.Trained(lambda *pairs: model.predict(*pairs) + 1 / settings["sweeps"])

    effort = ({"sweeps": 9}, {"sweeps": 1}, {"sweeps": 3})
    watched = protocol.Contender("watched", train, contender.space, contender.first, *effort)
    found = []
    for name, stops in (("one", ()), ("other", (1, 5, 9, 14))):
        tried.clear()
        for _ in range(1 + len(stops)):
            with contextlib.suppress(KeyboardInterrupt):
                result = protocol.tune(watched, known(), 7, tmp_path / name, lambda _: None)
        found.append({key: of for key, of in result.items() if key != "tuning_seconds"})
        assert len(tried) == 7 + protocol.FINALISTS + len(stops)
    assert found[0] == found[1]
    assert [sweeps for sweeps, _ in tried[-protocol.FINALISTS :]] == [3] * protocol.FINALISTS
    finalist = contender.train(known(), found[0]["settings"])
    again = protocol.Trained(lambda *pairs: finalist.predict(*pairs) + 1 / 3)
    assert found[0]["validation"] == protocol.judge_validation(contender, again, known())


def test_results_of_peers_do_not_depend_on_our_params(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    draw = run.Draw(folder, PARAMS, folder)
    block = PARAMS.train.model_copy(update={"n_factors": 3})
    changed = run.Draw(folder, PARAMS.model_copy(update={"train": block}), folder)
    for name, contender in FIELD.items():
        same = draw.path("train", name) == changed.path("train", name)
        assert same == (contender.package != "movierec")
    assert draw.path("train", "cmfrec") != draw.path("train", "cmfrec", "--settings", "{}")


def test_contenders_know_when_ratings_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.ours, "read_index", lambda: (RATINGS, N_USERS, N_ITEMS))
    times = {
        (user, item): time for user, item, _, time in zip(*vars(RATINGS).values(), strict=True)
    }
    ratings = known().ratings
    pairs = zip(ratings.user_index, ratings.item_index, strict=True)
    assert [times[pair] for pair in pairs] == ratings.timestamp.tolist()
    asked = []

    def predict(user_index: Array, item_index: Array, timestamp: Array) -> Array:
        asked.append(timestamp)
        return np.zeros(len(user_index))

    users = np.array([4, 1], np.int32)
    protocol.top_n(protocol.Trained(predict, by_time=True), known(), users)
    latest = [ratings.timestamp[ratings.user_index == user].max() for user in users]
    assert np.concatenate(asked).tolist() == np.repeat(latest, N_ITEMS).tolist()


def test_a_model_with_days_is_told_the_times_of_test_ratings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spread = replace(RATINGS, timestamp=RATINGS.timestamp * 1000)  # over several days
    monkeypatch.setattr(run.ours, "read_index", lambda: (spread, N_USERS, N_ITEMS))
    trained = FIELD["svdpp, days, als"].train(known(), {"days": True, "max_epochs": 2})
    first, last = (
        trained.predict_at(TEST.user_index, TEST.item_index, np.full(len(TEST), time))
        for time in (spread.timestamp.min(), spread.timestamp.max())
    )
    assert (first != last).all()


def test_the_table_has_means_over_draws_and_the_best_first() -> None:
    def entry(name: str, *rmse: float) -> dict[str, Any]:
        draws = [
            {"test": {"rmse": one}, "seconds": 1.0, "memory_bytes": 1e6, "model_bytes": 2e3}
            for one in rmse
        ]
        about = {"package": "p", "version": "1", "settings": {}, "at_border": [], "effort": {}}
        return {"name": name, "draws": draws, **about}

    report = {"machine": {"processor": "x", "python": "3"}, "dataset": "d", "base": "a"}
    report |= {"protocol": "random", "trials": 40, "threads": 2, "seeds": [20, 1], "absent": {}}
    report["shape"] = score.describe(TEST, KNOWN, N_ITEMS)
    report["results"] = [entry("a", 0.9, 1.1), entry("b", 0.8, 1.1), entry("only ranks", np.nan)]
    lines = score.table(report).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    assert rows[0][:3] == ["model", "test RMSE, draws", "less a, draws"]
    assert rows[2][:3] == ["b", "0.9500 ± 0.2121", "-0.0500 ± 0.0707"]
    assert rows[3][:3] == ["a", "1.0000 ± 0.1414", ""]
    assert "20, 1" in lines[0]


def test_settings_at_the_end_of_their_range_are_told() -> None:
    watched = SimpleNamespace(space={"k": (2, 64), "ridge": (0.01, 1.0), "way": ["a", "b"]})
    at_border = {
        name: protocol.at_border(name, watched, {"k": 64, "ridge": 0.1, "way": "a"})
        for name in watched.space
    }
    assert at_border == {"k": True, "ridge": False, "way": False}


def test_lists_are_those_that_movierec_makes() -> None:
    model = random_model(0, N_USERS, N_ITEMS, dtype="float32")
    both = protocol.Known(KNOWN, N_ITEMS, PARAMS, 1, protocol.Clock())
    users = np.array([3, 0, 17], np.int32)
    lists = protocol.top_n(protocol.Trained(model.predict), both, users)
    expected, _ = top_n_lists.top_n(model, KNOWN.take(users), 10, None, users)
    assert np.array_equal(lists, expected)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    draw = np.random.default_rng(0)
    inside = []
    for seed in range(40):
        of_user = draw.exponential(size=100)  # users differ, so their ratings are not independent
        user = np.repeat(np.arange(100, dtype=np.int32), 5)
        squared = {"a": of_user[user] * draw.exponential(size=500), "b": np.ones(500)}
        test = Ratings(user, user, squared["a"], user)
        found = score.intervals(squared, "b", test, seed)
        inside.append(found["a"]["rmse_interval"][0] < 1 < found["a"]["rmse_interval"][1])
        assert found["b"]["rmse_interval"] == [1, 1]
        above = np.array(found["a"]["rmse_above_base_interval"])
        assert above + 1 == pytest.approx(found["a"]["rmse_interval"])
    assert 0.85 < np.mean(inside) <= 1


def test_pairs_without_ratings_to_learn_from_are_cold() -> None:
    known = Ratings(*(np.array(column, np.int32) for column in ([0, 1], [0, 1], [3, 4], [0, 0])))
    test = Ratings(
        *(np.array(column, np.int32) for column in ([0, 1, 2], [1, 2, 0], [3] * 3, [0] * 3))
    )
    by_user = known.by_user(3)
    assert score.warm(test, by_user, 3).tolist() == [True, False, False]
    shape = score.describe(test, by_user, 3)
    assert (shape["n_cold_users"], shape["n_cold_items"], shape["n_cold_pairs"]) == (1, 1, 2)


def test_groups_are_judged_by_each_member() -> None:
    """A list that everybody's validation movies are at the top of is best for all."""
    n_items = 12
    train = Csr(
        np.arange(0, 13, 2), np.arange(12, dtype=np.int32) % n_items, np.ones(12, np.float32)
    )
    relevant = Csr(
        np.arange(7), (np.arange(6, dtype=np.int32) * 2 + 3) % 12, np.ones(6, np.float32)
    )
    drawn = list(itertools.islice(groups.draw_groups(2, relevant, train, n_items, seed=1), 50))
    assert len({tuple(group) for group, _ in drawn}) > 5
    for group, others in drawn:
        assert not others[train.take(group).indices].any()
        for user in group:
            assert others[relevant.indices[user]]
    scores = np.array([[4.0, 3, 2, 0], [0, 20, 24, 0]])
    every = np.ones(4, bool)
    firsts = {name: items[0] for name, items in groups.lists(scores, every, every, 4).items()}
    assert firsts == {
        "first person's": 0,
        "mean of raw scores": 2,
        "mean of 0 to 100": 1,
        "least_misery of raw scores": 1,
        "least_misery of 0 to 100": 1,
    }
