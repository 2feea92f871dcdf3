"""How ratings and recommendations spread, one row at a time and on known distributions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.plotting import popularity_tables

ITEMS = pd.DataFrame(
    {
        "title": ["A", "B", "C", "D"],
        "genres": [["War", "Drama"], ["Drama"], [], ["War"]],
        "n_ratings": [6, 4, 3, 0],
    }
)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=200))
def test_the_spread_against_counting(counts):
    rows = popularity_tables.spread(np.array(counts))
    assert rows["n_ratings"].iloc[0] == min(counts)
    assert rows["n_ratings"].iloc[-1] == max(counts)
    for row in rows.itertuples():
        there = [count for count in counts if count >= row.n_ratings]
        assert row.share == pytest.approx(len(there) / len(counts))
        assert row.share_of_ratings == pytest.approx(sum(there) / sum(counts))


def test_the_power_law_of_ratings_drawn_from_one_is_found():
    draws = np.random.default_rng(0).pareto(1.5, 20_000) + 1
    rows = popularity_tables.spread(np.floor(100 * draws).astype(np.int64)).dropna()
    slope = np.polyfit(np.log(rows["n_ratings"]), np.log(rows["power_law"]), 1)[0]
    assert slope == pytest.approx(-1.5, rel=0.05)
    middle = rows[rows["share"] > 0.005]
    np.testing.assert_allclose(middle["power_law"], middle["share"], rtol=0.15)
    assert rows["share"].max() < 0.11, "the tail is the first tenth"


def test_movies_without_ratings_are_left_out_of_the_curve():
    rows = popularity_tables.activity(np.array([3, 2]), np.array([4, 1, 0, 0]))
    assert set(rows["side"]) == {"users", "movies"}
    assert rows[rows["side"] == "movies"]["share"].tolist() == [1.0, 0.5]


def test_a_rating_counts_in_each_genre_of_its_movie():
    assert popularity_tables.genre_ratings(ITEMS).values.tolist() == [["Drama", 10], ["War", 6]]
    listed = np.array([2, 0, 6, 0])
    rows = popularity_tables.recommended_genres(ITEMS, listed).set_index("genre")
    assert rows["ratings"].to_dict() == {"Drama": 10 / 13, "War": 6 / 13}
    assert rows["recommendations"].to_dict() == {"Drama": 2 / 8, "War": 2 / 8}


def test_without_genres_and_without_recommendations_there_are_no_rows():
    items = ITEMS.assign(genres=[[]] * 4)
    assert popularity_tables.genre_ratings(items).empty
    assert popularity_tables.recommended_genres(items, np.ones(4, int)).empty
    assert popularity_tables.recommended(np.array([2, 1]), np.array([0, 0])).empty
    nothing = popularity_tables.recommended_genres(ITEMS, np.zeros(4, int))
    assert nothing["recommendations"].tolist() == [0, 0]


def test_shares_of_tenths():
    rng = np.random.default_rng(1)
    n_ratings, listed = np.sort(rng.integers(0, 90, 57))[::-1], rng.integers(0, 3, 57)
    rows = popularity_tables.recommended(n_ratings, listed)
    assert rows["part"].tolist() == list(range(1, 11))
    assert rows["ratings"].sum() == pytest.approx(1)
    assert rows["recommendations"].sum() == pytest.approx(1)
    assert rows["ratings"].iloc[0] == n_ratings[:6].sum() / n_ratings.sum()
    assert rows["recommendations"].iloc[-1] == listed[-5:].sum() / listed.sum()
    assert rows["coverage"].iloc[-1] == (listed[-5:] > 0).mean()
