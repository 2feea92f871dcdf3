"""Errors by group, compared with pandas and with examples worked by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.evaluation import breakdown
from movierec.evaluation.breakdown import Groups, Levels
from tests.helpers.random_data import random_ratings

ITEMS = pd.DataFrame(
    {
        "year": pd.array([1977, 1995, None, 1999, 2001, None, 1930], "Int32"),
        "genres": [["War", "Action"], ["Drama"], [], ["Action"], [], ["Drama"], ["War"]],
    }
)
UNIT = (0.0, 1.0)  # a scale on which squared errors are shares of the largest
DECADES = ["1970s", "1990s", "unknown", "1990s", "2000s", "unknown", "1930s"]


def tables_of(items, counts, test, *squared):
    groups = Groups.of_items(items, counts)
    return groups.tables(groups.count(test, *squared), UNIT)


@given(st.integers(0, 1000))
def test_every_table_against_pandas(seed):
    test = random_ratings(seed)
    rng = np.random.default_rng(seed)
    model, baseline = rng.random((2, len(test)))
    counts = rng.integers(0, 40, 9), rng.integers(0, 40, 7)
    tables = tables_of(ITEMS, counts, test, model, baseline)
    rows = pd.DataFrame({"user": test.user_index, "item": test.item_index, "squared": model})
    rows["decade"] = [[DECADES[item]] for item in rows["item"]]
    rows["genre"] = [ITEMS["genres"][item] for item in rows["item"]]
    for name in ("decade", "genre"):
        expected = np.sqrt(rows.explode(name).groupby(name)["squared"].mean())
        table = tables[f"rmse_by_{name}"]
        assert list(table[name]) == sorted(expected.index)
        np.testing.assert_allclose(table["rmse"], expected.sort_index())
    for name, of_rating in (
        ("user_activity", counts[0][test.user_index]),
        ("item_popularity", counts[1][test.item_index]),
    ):
        table = tables[f"rmse_by_{name}"]
        assert table["n_test"].sum() == len(test)
        assert (table["rmse"] ** 2 * table["n_test"]).sum() == pytest.approx(model.sum())
        for low, high, n_test in bounds(table):
            assert ((of_rating >= low) & (of_rating <= high)).sum() == n_test


def bounds(table):
    for label, n_test in zip(table["n_ratings"], table["n_test"], strict=True):
        low, _, high = label.partition("-")
        yield int(low), int(high or low), n_test


def test_bins_double():
    bins, names = (
        breakdown.bins_of(np.array([0, 1, 2, 3, 4, 7, 8, 1000])),
        breakdown.names_of_bins(),
    )
    assert bins.tolist() == [0, 1, 2, 2, 3, 3, 4, 10]
    assert names[:5] == ["0", "1", "2-3", "4-7", "8-15"]
    assert names[bins[-1]] == "512-1023"


def test_cold_users_and_items_are_told_apart():
    test = random_ratings(1, n_users=2, n_items=2, n_ratings=4)  # every pair
    squared = np.array([1.0, 4.0, 9.0, 16.0]) / 16

    def report(*counts):
        counted = Groups.of_items(ITEMS[:2], counts).count(test, squared, squared)
        return breakdown.cold(counted["cold"], (1.0, 5.0))

    assert report(np.array([0, 5]), np.array([3, 0])) == {
        "user": {"n_test": 2, "rmse": pytest.approx(np.sqrt(2.5))},
        "item": {"n_test": 2, "rmse": pytest.approx(np.sqrt(10))},
        "neither": {"n_test": 1, "rmse": pytest.approx(3)},
    }
    assert report(np.ones(2, int), np.ones(2, int))["user"] == {"n_test": 0}


def test_without_years_and_genres():
    items = pd.DataFrame({"year": pd.array([None] * 7, "Int32"), "genres": [[]] * 7})
    test = random_ratings(2)
    tables = tables_of(items, (np.ones(9, int), np.ones(7, int)), test, *np.ones((2, 30)))
    assert tables["rmse_by_decade"].values.tolist() == [["unknown", 1, 1, 30]]
    assert not len(tables["rmse_by_genre"])


def given_table(predicted, rating, scale):
    levels = Levels(np.unique(rating), scale)
    return levels.table(levels.count(predicted, rating))


@given(st.integers(0, 1000))
def test_what_was_predicted_of_each_given_rating_against_pandas(seed):
    test = random_ratings(seed)
    predicted = 0.5 + np.random.default_rng(seed).random(len(test))
    table = given_table(predicted, test.rating, (0.5, 5)).set_index("rating")
    groups = pd.Series(predicted).groupby(test.rating)
    assert table["n_test"].to_dict() == groups.size().to_dict()
    for name, share in {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}.items():
        np.testing.assert_allclose(table[name], groups.quantile(share), atol=4.5 / 16384)


def test_many_different_ratings_are_put_in_ten_bins():
    rating = np.linspace(0, 100, 1001)
    table = given_table(rating, rating, (0, 100))
    assert table["rating"].tolist() == list(range(5, 100, 10))
    assert table["n_test"].tolist() == [100] * 9 + [101]
    np.testing.assert_allclose(table["median"], table["rating"], atol=0.1)


def residuals_of(errors):
    return breakdown.residuals(breakdown.count_residuals(errors, (1, 5)), (1, 5))


def test_residuals_are_counted_over_all_that_can_be():
    table = residuals_of(np.array([-4, -0.05, 0.05, 0.1, 4]))
    assert table["n_test"].sum() == 5
    assert table["residual"].iloc[[0, -1]].tolist() == pytest.approx([-3.9, 3.9])
    assert table[table["residual"].between(0, 0.2)]["n_test"].tolist() == [2]


def test_without_test_ratings_the_tables_are_empty():
    none = np.zeros(0)
    assert given_table(none, none, (1, 5)).empty
    assert residuals_of(none)["n_test"].sum() == 0
