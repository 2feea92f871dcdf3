"""Titles of pictures say what the numbers say: of numbers made up so that each case comes."""

import pandas as pd
import pytest

from movierec.plotting import captions
from movierec.plotting.results import Results

NBSP = "\N{NO-BREAK SPACE}"


def said(finding, metrics=None, **plots):
    frames = {name: pd.DataFrame(rows) for name, rows in plots.items()}
    return finding(Results("mine", metrics or {}, frames)).replace(NBSP, " ")


def errors(model, baseline):
    return {"model": ["model", "global_mean", "item_mean"], "rmse": [model, baseline, 1.5]}


@pytest.mark.parametrize(
    ("model", "ndcg", "text"),
    [
        (
            0.9,
            [0.4, 0.2],
            "mine: 0.100 stars better than the best baseline, 2.0 times popularity's",
        ),
        (1.2, [0.1, 0.2], "mine: 0.200 stars worse than the best baseline, 1.0 times popularity's"),
    ],
)
def test_the_result_is_said_whichever_way_it_came_out(model, ndcg, text):
    rankings = {"ranking": ["blend", "popularity"], "ndcg": ndcg}
    title = said(captions.result, errors=errors(model, 1.0), rankings=rankings)
    assert title == f"{text} NDCG"


def test_where_popularity_finds_nothing_no_ratio_is_said():
    rankings = {"ranking": ["blend", "popularity"], "ndcg": [0.1, 0.0]}
    title = said(captions.result, errors=errors(0.9, 1.0), rankings=rankings)
    assert title == "mine: 0.100 stars better than the best baseline"


@pytest.mark.parametrize(
    ("ndcg", "text"),
    [
        ([0.4, 0.2], "Lists by item kNN have the best NDCG@5, 0.400; popularity has 0.200"),
        ([0.1, 0.2], "Lists by popularity have the best NDCG@5, 0.200"),
    ],
)
def test_the_best_ranking_is_named(ndcg, text):
    metrics = {"evaluate": {"ranking": {"item_knn": {"ndcg@5": 0}}}}
    rankings = {"ranking": ["item_knn", "popularity"], "ndcg": ndcg}
    assert said(captions.rankings, metrics, rankings=rankings) == text


def curve(validation, precision):
    return {
        "train_rmse": [1.0, 0.9, 0.8],
        "validation_rmse": validation,
        "noise_precision": precision,
    }


@pytest.mark.parametrize(
    ("best", "rows", "text"),
    [
        (
            2,
            curve([1.1, 0.95, 0.97], [1, 1, 1]),
            "Validation RMSE improved for 2 epochs, to 0.9500",
        ),
        (
            3,
            curve([1.1, 0.95, 0.9], [1, 1, 1]),
            "Validation RMSE fell to 0.9000 up to the last of 3 epochs",
        ),
        (
            3,
            curve([1.1, 0.95, 0.9], [1, 1.2, 1.1]),
            "The mean of the samples comes to RMSE 0.9000 on validation in 3 sweeps",
        ),
        (3, curve([None] * 3, [1, 1, 1]), "Train RMSE went from 1.000 to 0.800 in 3 epochs"),
    ],
)
def test_training_by_either_method_with_validation_and_without(best, rows, text):
    assert said(captions.training, {"train": {"best_epoch": best}}, training=rows) == text


def table(column, names, rmse, n_test):
    return {column: names, "rmse": rmse, "damped_biases_rmse": [1.0] * len(names), "n_test": n_test}


@pytest.mark.parametrize(
    ("n_test", "hardest"), [([50, 50], "movies with 1 rating"), ([50, 29], "genre Drama")]
)
def test_the_hardest_group_is_one_with_enough_ratings(n_test, hardest):
    plots = {
        "rmse_by_user_activity": table("n_ratings", ["2-3"], [0.9], [50]),
        "rmse_by_item_popularity": table("n_ratings", [0, 1], [0.8, 1.3], n_test),
        "rmse_by_genre": table("genre", ["Drama"], [1.1], [50]),
        "rmse_by_decade": table("decade", ["1990s"], [0.9], [50]),
    }
    title = said(captions.groups, **plots)
    assert title == f"Better than damped biases in 3 of 5 groups; RMSE is highest for {hardest}"


def test_numbers_of_the_data():
    index = {"index": {"mean_rating": 3.5, "n_users": 4, "n_ratings": 10}}
    ratings = {"rating": [0.5, 4.5], "n_ratings": [3, 7]}
    title = said(captions.ratings, index, ratings=ratings)
    assert title == "4.5 stars are given most: 70 % of 10 ratings, whose mean is 3.50"
    activity = {
        "side": ["users"] * 2 + ["movies"] * 2,
        "share": [1.0, 0.12, 1.0, 0.09],
        "share_of_ratings": [1.0, 0.5, 1.0, 0.6],
    }
    assert said(captions.activity, activity=activity) == (
        "The busiest 12 % of users gave 50 % of the ratings, the most rated 9 % of movies got 60 %"
    )
    most = {"title": ["Alien (1979)"], "n_ratings": [3]}
    genres = {"genre": ["Horror"], "n_ratings": [4]}
    title = said(captions.most_rated, index, most_rated=most, genre_ratings=genres)
    assert title == "Alien (1979) is rated most, by 75 % of users; 40 % of ratings are of Horror"
    title = said(captions.most_rated, index, most_rated=most, genre_ratings={"genre": []})
    assert title == "Alien (1979) is rated most, by 75 % of users"


def test_sides_of_the_genres_are_counted_by_the_middle_between_them():
    genres = {"genre": ["Horror", "Drama", "Children's"], "x": [-1.0, 9.0, 3.0]}
    movies = {"genre": ["Horror"] * 3 + ["Children's"], "x": [-2.0, 0.9, 1.1, 1.2]}
    assert said(captions.genres, genres=genres, genre_movies=movies) == (
        "75 % of Horror and Children's movies lie on their own genre's side of the middle"
    )


def test_parts_of_the_movies():
    rows = {"ratings": [0.4, 0.3, 0.2, 0.1], "recommendations": [0.7, 0.3, 0.0, 0.0]}
    assert said(captions.recommended, recommended=rows) == (
        "The most rated 25 % of movies have 40 % of the ratings, 70 % of the recommendations"
    )
