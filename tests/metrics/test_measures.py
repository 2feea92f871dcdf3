"""Errors and rankings, compared with brute force, other libraries and worked examples."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as peer
from hypothesis import given
from hypothesis import strategies as st

from movierec.data.rating_arrays import Ratings
from movierec.metrics import measures
from movierec.model.biased_mf import Model
from tests.helpers import reference_kernels
from tests.helpers.random_data import random_model, random_ratings


def pairs(*user_item):
    """Ratings of 5 stars for these pairs."""
    columns = np.array(user_item, np.int32).reshape(-1, 2).T
    n = columns.shape[1]
    return Ratings(*columns, np.full(n, 5, np.float32), np.zeros(n, np.int64))


def constant(stars):
    none = np.zeros((2, 0), np.float32)
    return Model(stars, none, none, np.zeros(2, np.float32), np.zeros(2, np.float32))


def test_errors_worked_by_hand():
    """6 stars predicted, 5 on the scale; the ratings are 5, 5 and 2."""
    ratings = Ratings(*np.array([[0, 1, 1], [0, 0, 1]]), np.float32([5, 5, 2]), np.zeros(3))
    errors = measures.errors_of(constant(6.0), ratings, (1, 5))
    assert vars(errors) == pytest.approx(
        {"rmse": math.sqrt(3), "mae": 1, "rmse_unclipped": math.sqrt(6)}
    )


def test_errors_of_no_ratings_are_nan():
    errors = measures.errors_of(constant(3.0), pairs(), (1, 5))
    assert all(math.isnan(value) for value in vars(errors).values())


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(0, 40), st.sampled_from([-9, 3, 5.5]))
def test_ranking_against_brute_force(seed, n, n_held_out, relevant):
    """With lists of different lengths, users without relevant items, items without ratings."""
    rng = np.random.default_rng(seed)
    n_users, n_items = 7, 9
    lists = np.array([rng.permutation(n_items)[:n] for _ in range(n_users)], np.int32)
    lists[np.arange(n) >= rng.integers(0, n + 1, n_users)[:, None]] = -1
    held_out = random_ratings(seed, n_users, n_items, n_held_out)
    counts = rng.integers(0, 20, n_items)
    quality = measures.ranking(lists, held_out, relevant, counts, 20)
    expected = reference_kernels.ranking(lists, held_out, relevant, counts, 20)
    assert tuple(vars(quality).values()) == pytest.approx(expected, abs=1e-12)


def test_ranking_worked_by_hand():
    """User 0: two of three relevant items listed; user 1: none relevant; user 2: none listed."""
    lists = np.array([[4, 0, 2], [0, 1, 2], [0, 1, -1]], np.int32)
    relevant = pairs((0, 0), (0, 2), (0, 5), (2, 3))
    counts = np.array([8, 4, 2, 1, 1, 0, 0, 0])
    quality = measures.ranking(lists, relevant, 4, counts, 8)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert quality.ndcg == pytest.approx((1 / math.log2(3) + 1 / 2) / ideal / 2)
    assert quality.recall == pytest.approx((2 / 3 + 0) / 2)
    assert quality.coverage == 4 / 8
    assert quality.novelty == pytest.approx((3 + 0 + 2 + 0 + 1 + 2 + 0 + 1) / 8)


@given(st.integers(0, 1000), st.integers(2, 6))
def test_diversity_one_pair_at_a_time(seed, n):
    """Lists of different lengths; item 3 has no factors and is unlike all others."""
    rng, factors = np.random.default_rng(seed), random_model(seed, n_items=9).item_factors
    factors[3] = 0
    lists = np.array([rng.permutation(9)[:n] for _ in range(6)], np.int32)
    lists[np.arange(n) >= np.r_[n, rng.integers(0, n + 1, 5)][:, None]] = -1
    means = []
    for items in ([item for item in row if item >= 0] for row in lists):
        pairs = [(a, b) for a in items for b in items if a != b]
        lengths = [
            max(np.linalg.norm(factors[a]) * np.linalg.norm(factors[b]), 1e-9) for a, b in pairs
        ]
        far = [1 - factors[a] @ factors[b] / of for (a, b), of in zip(pairs, lengths, strict=True)]
        means += [np.mean(far)] if far else []
    assert measures.diversity(lists, factors) == pytest.approx(np.mean(means))


def test_lists_of_one_item_or_without_factors_have_no_diversity():
    assert math.isnan(measures.diversity(np.array([[0, -1]], np.int32), np.ones((2, 3))))
    assert math.isnan(measures.diversity(np.array([[0, 1]], np.int32), np.ones((2, 0))))


@pytest.mark.parametrize(
    ("lists", "relevant"),
    [
        ([[0, 1], [0, -1]], pairs((0, 3), (1, 2))),  # −1 is not user 0's last item
        ([[0, 1]], pairs()),  # nobody has a relevant item
    ],
)
def test_lists_without_a_hit_score_zero(lists, relevant):
    quality = measures.ranking(np.array(lists, np.int32), relevant, 4, np.ones(4), 4)
    assert (quality.ndcg, quality.recall) == (0, 0)


@given(st.integers(0, 1000), st.integers(1, 200), st.sampled_from([(0.5, 5.0), (3.0, 4.0)]))
def test_errors_are_those_of_scikit_learn(seed, n_ratings, scale):
    model = random_model(seed, 20, 15)
    ratings = random_ratings(seed, 20, 15, n_ratings)
    errors = measures.errors_of(model, ratings, scale)
    predicted = model.predict(ratings.user_index, ratings.item_index)
    clipped = np.clip(predicted, *scale)
    assert errors.rmse == pytest.approx(peer.root_mean_squared_error(ratings.rating, clipped))
    assert errors.mae == pytest.approx(peer.mean_absolute_error(ratings.rating, clipped))
    unclipped = peer.root_mean_squared_error(ratings.rating, predicted)
    assert errors.rmse_unclipped == pytest.approx(unclipped)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 40))
def test_rankings_are_those_of_scikit_learn(seed, n, n_relevant):
    """It ranks all items by score and takes the best n; its ideal list is the same."""
    n_users, n_items = 7, 12
    scores = np.random.default_rng(seed).permuted(np.tile(np.arange(12.0), (n_users, 1)), axis=1)
    lists = np.argsort(-scores, axis=1)[:, :n].astype(np.int32)
    relevant = random_ratings(seed, n_users, n_items, n_relevant)
    wanted, listed = np.zeros((2, n_users, n_items), bool)
    wanted[relevant.user_index, relevant.item_index] = True
    np.put_along_axis(listed, lists, True, axis=1)
    counted = wanted.any(axis=1)
    quality = measures.ranking(lists, relevant, -np.inf, np.ones(n_items), n_users)
    assert quality.ndcg == pytest.approx(peer.ndcg_score(wanted[counted], scores[counted], k=n))
    recall = peer.recall_score(wanted[counted], listed[counted], average="samples")
    assert quality.recall == pytest.approx(recall)


RECTOOLS = json.loads((Path(__file__).parents[1] / "helpers/rectools.json").read_text("utf-8"))


def of_example(example, lists):
    """Our metrics of an example that RecTools has evaluated (rectools_values.py)."""
    padded = [items + [-1] * (RECTOOLS["n"] - len(items)) for items in lists]
    items = np.array(example["known"])[:, 1]
    counts = np.bincount(items, minlength=RECTOOLS["n_items"])
    relevant = pairs(*example["relevant"])
    return measures.ranking(np.array(padded, np.int32), relevant, 0, counts, RECTOOLS["n_users"])


@pytest.mark.parametrize("kind", ["full", "short"])
def test_rankings_are_those_of_rectools(kind):
    """Novelty is a mean over all entries; in RecTools, it is a mean over users."""
    example = RECTOOLS["examples"][kind]
    lists, expected = example["lists"], example["values"]
    quality = vars(of_example(example, lists))
    shared = ("ndcg", "recall", "coverage")
    assert {name: quality[name] for name in shared} == pytest.approx(
        {name: expected[name] for name in shared}, rel=1e-12
    )
    one = {**example, "relevant": []}
    of_each = [of_example(one, [items]).novelty for items in lists]
    assert np.mean(of_each) == pytest.approx(expected["novelty"], rel=1e-12)
    same = quality["novelty"] == pytest.approx(expected["novelty"], rel=1e-12)
    assert same == (kind == "full"), "the two means are one where all lists are of one length"
