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
    with pytest.warns(UserWarning, match=r"1 of its 41 users .* no list: 777$") as caught:
        table = mr.evaluate(ALS, test, bootstrap_samples=100)
    assert caught[0].filename == __file__
    errors = test.rating - ALS.predict(test.user_id, test.item_id, unknown="prior_mean")
    assert table.loc["ALS"].rmse == pytest.approx(np.sqrt((errors**2).mean()))


def test_the_columns_are_the_same_for_all_models_and_intervals_follow_their_metric() -> None:
    columns = list(mr.evaluate(ITEMS, PARTS.test, bootstrap_samples=100))
    assert columns == list(mr.evaluate(ALS, PARTS.test, bootstrap_samples=100))
    assert columns[:4] == ["rmse", "rmse_low", "rmse_high", "mae"]
    assert columns[-3:] == ["hit_rating@10", "coverage@10", "novelty@10"]


def test_models_of_the_same_ratings_are_compared_whatever_their_indices() -> None:
    """A table that is read again has other indices: they follow its own counts of ratings."""
    train = PARTS.train.to_pandas()
    shared, own = (
        mr.ALS(n_factors=0, rating_scale=(1, 5)).fit(ratings) for ratings in (PARTS.train, train)
    )
    assert shared.item_ids_.tolist() != own.item_ids_.tolist()
    options = {"n": 5, "bootstrap_samples": 100, "max_users": 15}
    table = mr.evaluate({"shared": shared, "own": own}, PARTS.test, **options)
    np.testing.assert_allclose(table.loc["shared"], table.loc["own"], rtol=1e-5)


def test_without_relevant_items_metrics_are_missing_and_none_makes_all_relevant() -> None:
    low = PARTS.test.to_pandas().assign(rating=1.0)
    row = mr.evaluate(ALS, low, bootstrap_samples=100).loc["ALS"]  # warnings are errors in tests
    assert row[["ndcg@10", "ndcg@10_low", "recall@10", "recall@10_high"]].isna().all()
    every = mr.evaluate(ALS, low, relevant_rating=None, bootstrap_samples=100).loc["ALS"]
    highest = mr.evaluate(ALS, low.assign(rating=5.0), bootstrap_samples=100).loc["ALS"]
    assert every["ndcg@10"] == highest["ndcg@10"] > 0


POPULAR = mr.Popularity().fit(PARTS.train, PARTS.validation)
FITTED, TEST = POPULAR.ratings_.to_pandas(), PARTS.test.to_pandas()


def fitted_on(*ratings, **params) -> mr.ALS:
    return mr.ALS(n_factors=0, **params).fit(*ratings)


@pytest.mark.parametrize(
    ("models", "test", "message"),
    [
        ({"als": ALS, "p": mr.Popularity().fit(PARTS.test)}, TEST, "p was fitted on other .*als$"),
        ({"als": ALS, "p": fitted_on(PARTS.train)}, TEST, "other .* pass the same validation"),
        ({"p": POPULAR, "x": fitted_on(FITTED.assign(rating=3))}, TEST, "other ratings than p$"),
        (
            {"als": ALS, "x": fitted_on(*PARTS[:2], rating_scale=(0, 10))},
            TEST,
            "als and x have different scales, 1 to 5 and 0 to 10",
        ),
        ({}, TEST, "at least one"),
        (ALS, PARTS.train, "335 of its 335 ratings are also among those"),
        (ALS, mr.split(ARRAYS, validation_fraction=0).validation, "there are no ratings"),
        (ALS, TEST.assign(user_id=999), "know none of its users"),
        (ALS, TEST.assign(user_id="a"), "user ids: text and integers"),
        (ALS, TEST.assign(rating=9), "such as 9, are off the scale of the models, 1 to 5"),
    ],
)
def test_a_comparison_that_would_mislead_is_refused(models, test, message) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        mr.evaluate(models, test)
    assert "\n" not in str(caught.value)


def test_models_need_names() -> None:
    for models in ([ALS, POPULAR], {"als": "ALS"}):
        with pytest.raises(TypeError, match="models: "):
            mr.evaluate(models, PARTS.test)
    with pytest.raises(ValueError, match=r"^n: should be an integer, 1 to 1000, not 0"):
        mr.evaluate(ALS, PARTS.test, n=0)


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
