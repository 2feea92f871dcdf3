"""evaluate: errors and rankings with intervals, from the split that all models share."""

import numpy as np
import pytest

import movierec as mr
from tests.helpers.random_data import random_ratings

RATINGS = random_ratings(5, 40, 25, 500)
ARRAYS = RATINGS.user_index, RATINGS.item_index, RATINGS.rating, RATINGS.timestamp
PARTS = mr.split(ARRAYS)
ALS = mr.ALS(n_factors=2, max_epochs=5).fit(PARTS.train, PARTS.validation)
ITEMS = mr.ImplicitALS(n_factors=2, max_epochs=5).fit(PARTS.train, PARTS.validation)


def test_errors_are_of_the_clipped_predictions_and_lie_in_their_intervals() -> None:
    table = mr.evaluate({"als": ALS, "implicit": ITEMS}, PARTS.test, n=5, bootstrap_samples=200)
    test = PARTS.test.to_pandas()
    errors = test.rating - ALS.predict(test.user_id, test.item_id)
    row = table.loc["als"]
    assert row.rmse == pytest.approx(np.sqrt((errors**2).mean()))
    assert row.rmse_low < row.rmse < row.rmse_high
    assert row["ndcg@5_low"] <= row["ndcg@5"] <= row["ndcg@5_high"]
    assert np.isnan(table.loc["implicit"].rmse)


def test_users_and_items_that_the_model_does_not_know_count_by_their_prior() -> None:
    test = PARTS.test.to_pandas()
    test.loc[0, ["user_id", "item_id"]] = [777, 888]
    table = mr.evaluate(ALS, test, bootstrap_samples=100)
    errors = test.rating - ALS.predict(test.user_id, test.item_id, unknown="prior_mean")
    assert table.loc["ALS"].rmse == pytest.approx(np.sqrt((errors**2).mean()))


def test_models_of_different_ratings_are_not_compared() -> None:
    other = mr.Popularity().fit(PARTS.test)
    with pytest.raises(ValueError, match="popularity was fitted on other ratings than als"):
        mr.evaluate({"als": ALS, "popularity": other}, PARTS.test)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protocol": "last"}, "protocol: should be"),
        ({"test_fraction": 0}, "test_fraction"),
        ({"protocol": "point_in_time"}, "needs timestamps"),
    ],
)
def test_a_split_that_cannot_be_is_refused(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        mr.split(ARRAYS[:3], **arguments)
