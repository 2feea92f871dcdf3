"""The best items, diverse lists and similar items."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.recommending import selection

FACTORS = np.array([[1, 0], [1, 0.01], [1, -0.01], [0, 1], [0.1, 1], [-1, 0]], np.float32)
SCORES = np.array([5.0, 4.9, 4.8, 4.0, 3.9, 1.0])
ALL = np.full(6, True)


def test_best_in_order_and_of_equal_ones_the_lower_index():
    scores = np.array([1.0, 3, 2, 3, 0])
    assert selection.best(scores, np.array([1, 1, 1, 1, 0], bool), 9).tolist() == [1, 3, 2, 0]
    assert selection.best(scores, np.zeros(5, bool), 3).tolist() == []


def test_a_diverse_list_begins_with_the_best_and_goes_on_elsewhere():
    assert selection.diverse(SCORES, ALL, 3, FACTORS, 0.3).tolist() == [0, 3, 1]
    assert selection.diverse(SCORES, ALL, 2, FACTORS, 1).tolist() == [0, 5]


@pytest.mark.parametrize("share", [0, 0.3, 0.5, 1])
def test_maximal_marginal_relevance_against_its_definition(share):
    rng = np.random.default_rng(3)
    scores, factors = rng.normal(size=40), rng.normal(size=(40, 3))
    eligible = np.arange(40) % 7 > 0
    found = selection.diverse(scores, eligible, 5, factors, share)
    assert not len(selection.diverse(scores, ~eligible & eligible, 5, factors, share))
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    low, high = scores[eligible].min(), scores[eligible].max()
    relevance = (scores - low) / (high - low)
    chosen = [int(np.where(eligible, scores, -np.inf).argmax())]
    while len(chosen) < 5:
        value = {
            item: (1 - share) * relevance[item] - share * (unit[chosen] @ unit[item]).max()
            for item in {*np.flatnonzero(eligible).tolist()} - set(chosen)
        }
        chosen.append(max(value, key=value.get))
    assert found.tolist() == chosen


def test_items_without_factors_differ_from_none():
    found = selection.diverse(SCORES, ALL, 6, np.zeros((6, 2)), 0.5)
    assert found.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("n", [1, 4, 50])
def test_similar_against_all_cosines(n):
    rng = np.random.default_rng(n)
    factors = rng.normal(size=(20, 3)).astype(np.float32)
    eligible = rng.random(20) < 0.7
    found, cosines = selection.similar(factors, 3, n, eligible)
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    expected = {i: unit[i] @ unit[3] for i in np.flatnonzero(eligible) if i != 3}
    order = sorted(expected, key=expected.get, reverse=True)[:n]
    assert found.tolist() == order
    np.testing.assert_allclose(cosines, [expected[i] for i in order], rtol=1e-5)


def test_an_item_without_factors_is_like_none():
    factors = np.array([[0, 0], [1, 0], [1, 1]], np.float32)
    assert not len(selection.similar(factors, 0, 3, np.full(3, True))[0])
    assert selection.similar(factors, 1, 3, np.full(3, True))[1].tolist()[-1] == 0


def test_alike_is_a_weighted_mean_of_both_models_cosines():
    draw = np.random.default_rng(0)
    watching, ratings = draw.normal(size=(6, 4)), draw.normal(size=(6, 2))
    vectors = selection.vectors(watching, ratings, 0.5)
    every = np.full(6, True)
    found, cosines = selection.similar(vectors, 2, 5, every)
    of_both = np.zeros(6)
    for side, weight in ((watching, 1), (ratings, 0.25)):
        lengths = np.linalg.norm(side, axis=1)
        of_both += weight * (side @ side[2]) / (lengths * lengths[2]) / 1.25
    np.testing.assert_allclose(cosines, of_both[found])
    of_ratings = selection.similar(selection.vectors(np.zeros((6, 0)), ratings, 0.5), 2, 5, every)
    np.testing.assert_array_equal(of_ratings[0], selection.similar(ratings, 2, 5, every)[0])


GENRES = st.lists(st.lists(st.sampled_from(["Drama", "Comedy", "War"]), max_size=3), min_size=1)


@given(GENRES, st.sampled_from([0.35, 2.0]))
def test_a_genre_counts_the_information_in_it(genres, weight):
    of_items = selection.genre_vectors(genres, weight)
    with_genres = [set(own) for own in genres if own]
    n_of = {name: sum(name in own for own in with_genres) for own in with_genres for name in own}
    squares = [sum(np.log(len(with_genres) / n_of[name]) ** 2 for name in set(g)) for g in genres]
    lengths = np.linalg.norm(of_items, axis=1)
    if any(squares):
        scale = weight / np.sqrt(sum(squares) / len(with_genres))
        np.testing.assert_allclose(lengths, scale * np.sqrt(squares), atol=1e-12)
    else:  # no movie has a genre, or all have the same ones
        assert not lengths.any()


@given(GENRES, st.integers(0, 9))
def test_without_weight_or_information_genres_change_nothing(genres, seed):
    draw = np.random.default_rng(seed)
    models = draw.normal(size=(len(genres), 4)), draw.normal(size=(len(genres), 2)), 0.2
    before = selection.vectors(*models)
    without = selection.vectors(*models, selection.genre_vectors(genres, 0))
    np.testing.assert_array_equal(without, before)
    for uninformative in ([[]] * len(genres), [["Drama"]] * len(genres)):
        after = selection.vectors(*models, selection.genre_vectors(uninformative, 1))
        np.testing.assert_array_equal(after @ after.T, before @ before.T)


def test_similarity_is_the_stated_weighted_mean_of_factors_and_genres():
    draw = np.random.default_rng(4)
    models = draw.normal(size=(5, 4)), draw.normal(size=(5, 2))
    of_genres = selection.genre_vectors([["A", "B"], ["A"], ["B"], ["C", "A"], []], 0.5)
    vectors = selection.vectors(*models, 0.2, of_genres)
    found, cosines = selection.similar(vectors, 0, 4, np.full(5, True))
    implicit, rating = (
        (side @ side[0]) / np.linalg.norm(side, axis=1) / np.linalg.norm(side[0]) for side in models
    )
    squares = 1 + 0.2**2 + (of_genres**2).sum(axis=1)
    mean = (implicit + 0.2**2 * rating + of_genres @ of_genres[0]) / np.sqrt(squares * squares[0])
    np.testing.assert_allclose(cosines, mean[found])


def test_movies_without_genres_keep_their_order():
    draw = np.random.default_rng(5)
    genres = [["A"]] + [["B"], []] * 10
    models = draw.normal(size=(21, 4)), draw.normal(size=(21, 2)), 0.2
    without = np.array([not own for own in genres])
    vectors = selection.vectors(*models, selection.genre_vectors(genres, 0.35))
    orders = [
        selection.similar(own, 0, 9, without)[0] for own in (selection.vectors(*models), vectors)
    ]
    np.testing.assert_array_equal(*orders)


def test_a_movie_without_factors_is_like_none_whatever_its_genres():
    factors = np.array([[0, 0], [1, 0], [1, 1]], np.float32)
    of_genres = selection.genre_vectors([["A"], ["A"], ["B"]], 1)
    vectors = selection.vectors(factors, factors, 0.2, of_genres)
    assert not vectors[0].any()
    assert vectors.dtype == np.float32


def test_genres_bring_their_own_to_similar_and_variety_to_a_list():
    """Items 1 and 2 are equally near to item 0 by their factors, and 2 has its genre."""
    factors = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1]])
    of_genres = selection.genre_vectors([["A"], ["B"], ["A"], ["B"]], 0.5)
    vectors = selection.vectors(factors, np.zeros((4, 0)), 0.2, of_genres)
    every = np.full(4, True)
    assert selection.similar(vectors, 0, 2, every)[0].tolist() == [2, 1]
    assert selection.diverse(np.array([4, 3, 3.01, 0]), every, 2, vectors, 0.1).tolist() == [0, 1]
    assert selection.diverse(np.array([4, 3, 3.01, 0]), every, 2, factors, 0.1).tolist() == [0, 2]


def test_of_very_many_genres_the_most_frequent_are_compared():
    genres = [[f"tag {item}", "often"] for item in range(150)] + [["seldom"]]
    vectors = selection.genre_vectors(genres, 1)
    assert vectors.shape == (151, selection.MAX_GENRES)
    assert vectors[0].any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: selection.best(np.zeros(3), np.ones(3, bool), -1),
        lambda: selection.best(np.zeros(3), np.ones(2, bool), 1),
        lambda: selection.diverse(np.zeros(3), np.ones(3, bool), 2, np.ones((3, 2)), np.nan),
        lambda: selection.diverse(np.zeros(3), np.ones(3, bool), 2, np.ones((3, 2)), 1.5),
        lambda: selection.similar(np.ones((3, 2)), 3, 1, np.ones(3, bool)),
        lambda: selection.similar(np.ones((3, 2)), -1, 1, np.ones(3, bool)),
    ],
)
def test_input_that_does_not_fit(call):
    with pytest.raises((ValueError, IndexError)):
        call()
