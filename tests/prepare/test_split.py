"""The protocols: what each holds out, and that train contains none of it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from movierec.core.errors import MovierecError
from movierec.core.params import SplitParams
from movierec.data.rating_arrays import Ratings, RatingsInParts
from movierec.prepare import moments, split
from movierec.prepare.split import Shared
from tests.helpers.random_data import random_ratings

PROTOCOLS = list(split.PROTOCOLS)
SEEDS = st.integers(0, 1000)
FRACTIONS = st.sampled_from([0.1, 0.2, 0.29, 0.5, 0.9])


def split_params(protocol, test_fraction=0.2, validation_fraction=0.0):
    return SplitParams(
        protocol=protocol,
        test_fraction=test_fraction,
        validation_fraction=validation_fraction,
        given_fraction=0.8,
        positive_rating=None,
        min_user_ratings=1,
        min_movie_ratings=1,
    )


def ratings_at(timestamps, user_index=None):
    """Ratings at these seconds, each of a different item, by one user by default."""
    n = len(timestamps)
    users = np.zeros(n, np.int32) if user_index is None else np.array(user_index, np.int32)
    items = np.arange(n, dtype=np.int32)
    return Ratings(users, items, np.full(n, 3, np.float32), np.array(timestamps, np.int64))


def rows(ratings):
    return list(zip(*(column.tolist() for column in vars(ratings).values()), strict=True))


def pairs_of(csr):
    return set(zip(csr.row_index.tolist(), csr.indices.tolist(), strict=True))


def per_user(ratings, n_users):
    return np.bincount(ratings.user_index, minlength=n_users)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(seed=SEEDS, n_ratings=st.integers(0, 63), fraction=FRACTIONS)
def test_parts_are_disjoint_and_together_all(protocol, seed, n_ratings, fraction):
    """And each keeps the order of the ratings."""
    ratings = random_ratings(seed, 9, 7, n_ratings)
    parts = split.split(ratings, 9, split_params(protocol, fraction, 0.25), seed)
    assert sum(map(len, parts)) == n_ratings
    assert sorted(row for part in parts for row in rows(part)) == rows(ratings)
    for part in parts:
        assert rows(part) == sorted(rows(part))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(seed=SEEDS)
def test_nothing_held_out_is_in_either_training_index(protocol, seed):
    ratings = random_ratings(seed, 9, 7, 50)
    train, validation, test, *_ = split.split(ratings, 9, split_params(protocol, 0.3, 0.3), seed)
    by_user = train.by_user(9)
    by_item = by_user.transpose(7)
    held_out = {row[:2] for row in rows(validation) + rows(test)}
    assert len(held_out) == len(validation) + len(test)
    assert not held_out & pairs_of(by_user)
    assert not held_out & {(user, item) for item, user in pairs_of(by_item)}
    assert len(pairs_of(by_item)) == len(train)


@pytest.mark.parametrize("percent", [1, 10, 20, 29, 30, 70, 90, 99])
@pytest.mark.parametrize("protocol", ["per_user_random", "last_per_user"])
def test_what_stays_of_each_user_is_rounded_down(protocol, percent):
    """For every count, although (1 − 0.9) · 10 is less than 1 in binary."""
    counts = np.arange(120)
    ratings = ratings_at(np.arange(counts.sum()), np.repeat(counts, counts))
    params = split_params(protocol, percent / 100)
    train, _, test, *_ = split.split(ratings, len(counts), params, 0)
    stay = (100 - percent) * counts // 100
    np.testing.assert_array_equal(per_user(train, len(counts)), stay)
    np.testing.assert_array_equal(per_user(test, len(counts)), counts - stay)


@pytest.mark.parametrize("protocol", ["per_user_random", "last_per_user"])
def test_validation_is_taken_from_what_stays(protocol):
    counts = np.arange(60)
    ratings = ratings_at(np.arange(counts.sum()), np.repeat(counts, counts))
    params = split_params(protocol, 0.2, 0.1)
    train, validation, *_ = split.split(ratings, len(counts), params, 0)
    stay = 4 * counts // 5
    np.testing.assert_array_equal(per_user(train, len(counts)), 9 * stay // 10)
    np.testing.assert_array_equal(per_user(validation, len(counts)), stay - 9 * stay // 10)


def test_per_rating_random_takes_about_its_share():
    """Within four standard deviations, for test and for validation."""
    ratings = ratings_at(np.arange(10_000))
    params = split_params("per_rating_random", 0.1, 0.2)
    _, validation, test, *_ = split.split(ratings, 1, params, 0)
    assert abs(len(test) - 1000) < 4 * 30
    assert abs(len(validation) - 1800) < 4 * 40


@pytest.mark.parametrize("protocol", ["per_user_random", "per_rating_random"])
def test_draws_are_seeded_and_even(protocol):
    """Each position of a user's ratings is held out about equally often."""
    ratings = ratings_at(np.zeros(10))
    first = split.split(ratings, 1, split_params(protocol), 7)
    assert [rows(part) for part in first] == [
        rows(part) for part in split.split(ratings, 1, split_params(protocol), 7)
    ]
    held_out = np.zeros(10)
    for seed in range(500):
        held_out[split.split(ratings, 1, split_params(protocol), seed)[2].item_index] += 1
    assert abs(held_out - 100).max() < 4 * np.sqrt(500 * 0.2 * 0.8)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_validation_fraction_leaves_test_alone(protocol):
    ratings = random_ratings(3, 9, 7, 60)
    tests = [
        rows(split.split(ratings, 9, split_params(protocol, 0.2, fraction), 5)[2])
        for fraction in (0, 0.1, 0.5)
    ]
    assert tests[0] == tests[1] == tests[2]
    assert tests[0]


@pytest.mark.parametrize("protocol", ["per_user_random", "last_per_user"])
@pytest.mark.parametrize("block", [1, 7, 30])
def test_the_size_of_blocks_changes_nothing(monkeypatch, protocol, block):
    ratings = random_ratings(3, 12, 7, 60)
    whole = split.split(ratings, 14, split_params(protocol, 0.3, 0.2), 5)
    monkeypatch.setattr(split, "BLOCK", block)
    parts = split.split(ratings, 14, split_params(protocol, 0.3, 0.2), 5)
    assert [rows(part) for part in parts] == [rows(part) for part in whole]


def test_test_and_validation_are_drawn_from_streams_of_their_own(monkeypatch):
    names = []

    def stream(seed, name):
        names.append(name)
        return np.random.default_rng(seed)

    monkeypatch.setattr(split.random_streams, "stream", stream)
    split.split(random_ratings(0), 9, split_params("per_user_random", 0.2, 0.1), 5)
    assert names == ["split/test", "split/validation"]


@given(SEEDS, FRACTIONS)
def test_last_per_user_takes_the_latest(seed, fraction):
    ratings = random_ratings(seed, 9, 7, 50)
    train, _, test, *_ = split.split(ratings, 9, split_params("last_per_user", fraction), seed)
    for user in range(9):
        earlier = train.timestamp[train.user_index == user]
        later = test.timestamp[test.user_index == user]
        assert not len(earlier) or not len(later) or earlier.max() <= later.min()


def test_last_per_user_takes_the_latest_of_times_that_are_far_apart():
    times = [-(2**63), 2**63 - 1, 0, 2**62, -5]
    test = split.split(ratings_at(times), 1, split_params("last_per_user", 0.4), 0)[2]
    assert test.timestamp.tolist() == [2**63 - 1, 2**62]


def test_last_per_user_draws_among_equal_seconds():
    """Of five ratings in one second any may be the last."""
    ratings = ratings_at([5] * 5)
    last = {
        int(split.split(ratings, 1, split_params("last_per_user"), seed)[2].item_index[0])
        for seed in range(60)
    }
    assert last == {0, 1, 2, 3, 4}


@given(st.lists(st.integers(0, 9), max_size=30), FRACTIONS)
@example([], 0.2)
@example([4], 0.9)
@example([3, 3, 3, 3], 0.5)
@example(list(range(100)), 0.29)
def test_point_in_time_against_every_moment(timestamps, fraction):
    """The earliest moment that holds out at most the fraction; no second is divided."""
    ratings = ratings_at(timestamps)
    train, _, test, *_ = split.split(ratings, 1, split_params("point_in_time", fraction), 0)
    allowed = round(fraction * 100) * len(timestamps) // 100
    sizes = [sum(time >= moment for time in timestamps) for moment in range(101)]
    assert len(test) == max(size for size in sizes if size <= allowed)
    assert not set(train.timestamp) & set(test.timestamp)
    if len(train) and len(test):
        assert train.timestamp.max() < test.timestamp.min()


@given(
    st.lists(st.integers(-(2**62), 2**62) | st.integers(-3, 3), min_size=1, max_size=30),
    st.data(),
)
def test_the_nth_second(seconds, data):
    """Compared with sorting, although it is found by nested histograms."""
    times = np.array(seconds, np.int64)
    n = data.draw(st.integers(1, len(times)))
    found = moments.nth_second(n, moments.span_of(times), partial(moments.histogram, times))
    nth = sorted(seconds)[n - 1]
    assert found == (nth, sum(time <= nth for time in seconds))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(seed=SEEDS, at=st.integers(0, 9))
def test_users_alone_are_divided_as_among_all(protocol, seed, at):
    """Here in two blocks: those before `at`, and the others."""
    ratings = random_ratings(seed, 9, 7, 50)
    params, time = split_params(protocol, 0.3, 0.25), ratings.timestamp
    whole = split.split(ratings, 9, params, seed)
    found = moments.of_params(params, time)
    earlier = [part.take(part.user_index < at) for part in whole]
    first, others = ratings.take(ratings.user_index < at), ratings.take(ratings.user_index >= at)
    parts = split.split(first, at, params, seed, Shared(found))
    assert [rows(part) for part in parts] == [rows(part) for part in earlier]
    others = replace(others, user_index=others.user_index - at)
    n_before = len(first), len(first) - len(earlier[2])
    parts = split.split(others, 9 - at, params, seed, Shared(found, n_before=n_before))
    for part, all_of_it in zip(parts, whole, strict=True):
        later = all_of_it.take(all_of_it.user_index >= at)
        np.testing.assert_array_equal(part.user_index + at, later.user_index)
        np.testing.assert_array_equal(part.item_index, later.item_index)


def test_point_in_time_is_one_moment_for_all_users():
    ratings = ratings_at([1, 9, 2, 8, 3, 4, 5, 6, 7, 0], [0, 0, 1, 1, 2, 2, 2, 2, 2, 2])
    params = split_params("point_in_time", 0.2, 0.25)
    train, validation, test, *given = split.split(ratings, 3, params, 0)
    assert not any(map(len, given))
    assert sorted(test.timestamp) == [8, 9]
    assert sorted(validation.timestamp) == [6, 7]
    assert sorted(train.timestamp) == [0, 1, 2, 3, 4, 5]


@given(SEEDS, FRACTIONS, st.sampled_from([0, 0.1, 0.5]), FRACTIONS)
def test_users_are_held_out_with_all_of_their_ratings(seed, fraction, validation, given_fraction):
    """No rating is lost, no held-out user is in train, and floor(share · n) of theirs are given."""
    ratings = random_ratings(seed, 30, 20, 200)
    params = split_params("users", fraction, validation)
    params = params.model_copy(update={"given_fraction": given_fraction})
    parts = split.split(ratings, 32, params, seed)
    assert sorted(row for part in parts for row in rows(part)) == rows(ratings)
    counts = per_user(ratings, 32)
    users = {name: set(part.user_index.tolist()) for name, part in parts._asdict().items()}
    n_rating = np.count_nonzero(counts)
    n_test = round(fraction * n_rating)
    assert len(users["test"]) == n_test
    assert len(users["validation"]) == round(validation * (n_rating - n_test))
    assert not users["train"] & (users["test"] | users["validation"])
    assert not users["test"] & users["validation"]
    for name in ("test", "validation"):
        of_given, held_out = (
            per_user(parts._asdict()[f"{name}{end}"], 32) for end in ("_given", "")
        )
        for user in users[name]:
            stay = int(np.floor(round(given_fraction * 100) * counts[user] / 100))
            assert (of_given[user], held_out[user]) == (stay, counts[user] - stay)
        assert users[f"{name}_given"] <= users[name]


def test_the_users_for_test_do_not_depend_on_those_for_validation():
    ratings = random_ratings(3, 30, 20, 200)
    tests = [
        rows(split.split(ratings, 30, split_params("users", 0.2, fraction), 5)[2])
        for fraction in (0, 0.1, 0.5)
    ]
    assert tests[0] == tests[1] == tests[2]


def in_parts(ratings, part):
    return RatingsInParts(*vars(ratings).values(), np.array(part, np.int8))


@given(SEEDS, st.booleans())
def test_given_uses_the_parts_of_the_data(seed, has_validation):
    """Without one for validation, that is a share of each user's ratings of train."""
    ratings, rng = random_ratings(seed, 9, 7, 50), np.random.default_rng(seed)
    part = rng.choice([0, 1, 2] if has_validation else [0, 2], 50)
    part[:1] = 1 if has_validation else 0
    parts = split.split(in_parts(ratings, part), 9, split_params("given", 0.9, 0.5), seed)
    of_part = [ratings.take(part == number) for number in range(3)]
    assert rows(parts.test) == rows(of_part[2])
    assert type(parts.test) is Ratings
    if has_validation:
        assert rows(parts.validation) == rows(of_part[1])
        assert rows(parts.train) == rows(of_part[0])
        return
    assert sorted(rows(parts.validation) + rows(parts.train)) == rows(of_part[0])
    counts = per_user(of_part[0], 9)
    np.testing.assert_array_equal(per_user(parts.train, 9), counts // 2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_protocols_pool_the_parts(protocol):
    ratings = random_ratings(0, 9, 7, 50)
    params = split_params(protocol, 0.3, 0.25)
    pooled = split.split(in_parts(ratings, np.arange(50) % 3), 9, params, 1)
    expected = split.split(ratings, 9, params, 1)
    assert [rows(part) for part in pooled] == [rows(part) for part in expected]


def test_given_says_what_is_missing():
    with pytest.raises(MovierecError, match="given needs a data set that comes in parts"):
        split.check_parts(split_params("given"), in_parts=False)
    with pytest.raises(MovierecError, match="the data set's part test has none left"):
        split.check_sizes(split_params("given"), np.ones(3), 3, 0)


def check(params, n_each, times):
    """Split 40 users with n_each ratings; raises MovierecError as the stage does."""
    users = np.repeat(np.arange(40), n_each)
    ratings = ratings_at(times[: len(users)], users)
    train, _, test, *_ = split.split(ratings, 40, params, 1)
    split.check_sizes(params, np.full(40, n_each), len(train), len(test))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("n_each", [1, 2, 3, 5])
@pytest.mark.parametrize("fractions", [(0.2, 0.1), (0.001, 0.001), (0.2, 0), (0.9, 0.99)])
@pytest.mark.parametrize("times", [range(200), [7] * 200])
def test_the_advice_for_an_empty_part_helps(protocol, n_each, fractions, times):
    random, lower = {"protocol": "per_rating_random"}, {"test_fraction": 0.1}
    advice = {
        "set it to per_rating_random": random,
        "or set split.protocol to per_rating_random": random,
        "hold out all; lower them": lower | {"validation_fraction": 0.05},
        "raise split.test_fraction": {"test_fraction": 0.2},
    }
    params = split_params(protocol, *fractions)
    for _ in range(3):  # one piece of advice after the other
        try:
            return check(params, n_each, times)
        except MovierecError as error:
            params = params.model_copy(
                update=next(change for words, change in advice.items() if words in str(error))
            )
    return check(params, n_each, times)
