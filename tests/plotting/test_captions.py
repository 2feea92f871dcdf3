"""Captions of pictures agree with the numbers: made-up ones, so that each case occurs."""

import pandas as pd
import pytest

from movierec.plotting import captions
from movierec.plotting.results import Results

INDEX = {"index": {"mean_rating": 3.5, "n_users": 4, "n_ratings": 10}}
ALIEN = {"title": ["Alien (1979)"], "n_ratings": [3]}


def curve(validation, precision):
    rmse = {"train_rmse": [1.0, 0.9, 0.8], "validation_rmse": validation}
    return {"training": rmse | {"noise_precision": precision}}


def training(best, validation, precision=(1, 1, 1)):
    return "training", {"train": {"best_epoch": best}}, curve(validation, precision)


def result(rmse, *ndcg):
    errors = {"model": ["model", "global_mean", "item_mean"], "rmse": [rmse, 1.0, 1.5]}
    rankings = {"ranking": ["blend", "popularity"], "ndcg": ndcg}
    return "result", {}, {"errors": errors, "rankings": rankings}


def rankings(*ndcg):
    metrics = {"evaluate": {"ranking": {"item_knn": {"ndcg@5": 0}}}}
    return "rankings", metrics, {"rankings": {"ranking": ["item_knn", "popularity"], "ndcg": ndcg}}


def groups(*n_test):
    def table(column, names, rmse, n_test=(50,)):
        return {column: names, "rmse": rmse, "damped_biases_rmse": 1.0, "n_test": n_test}

    plots = {
        "rmse_by_user_activity": table("n_ratings", ["2-3"], [0.9]),
        "rmse_by_item_popularity": table("n_ratings", [0, 1], [0.8, 1.3], n_test),
        "rmse_by_genre": table("genre", ["Drama"], [1.1]),
        "rmse_by_decade": table("decade", ["1990s"], [0.9]),
    }
    return "groups", {}, plots


def most_rated(**genres):
    return "most_rated", INDEX, {"most_rated": ALIEN, "genre_ratings": genres}


ACTIVITY = {
    "side": ["users"] * 2 + ["movies"] * 2,
    "share": [1.0, 0.12, 1.0, 0.09],
    "share_of_ratings": [1.0, 0.5, 1.0, 0.6],
}
GENRES = {  # 75% lie on their side of the middle between the two, which is 1
    "genres": {"genre": ["Horror", "Drama", "Children's"], "x": [-1.0, 9.0, 3.0]},
    "genre_movies": {"genre": ["Horror"] * 3 + ["Children's"], "x": [-2.0, 0.9, 1.1, 1.2]},
}
PARTS = {"ratings": [0.4, 0.3, 0.2, 0.1], "recommendations": [0.7, 0.3, 0.0, 0.0]}


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (
            result(0.9, 0.4, 0.2),
            "mine: RMSE 0.100 below the best baseline; NDCG 2.0 times that of popularity",
        ),
        (
            result(1.2, 0.1, 0.2),
            "mine: RMSE 0.200 above the best baseline; NDCG 1.0 times that of popularity",
        ),
        (result(0.9, 0.1, 0.0), "mine: RMSE 0.100 below the best baseline"),
        (
            rankings(0.4, 0.2),
            "The item kNN ranking has the highest NDCG@5, 0.400; popularity has 0.200",
        ),
        (rankings(0.1, 0.2), "The popularity ranking has the highest NDCG@5, 0.200"),
        (
            training(2, [1.1, 0.95, 0.97]),
            "Validation RMSE improved for 2 epochs, to 0.9500",
        ),
        (
            training(3, [1.1, 0.95, 0.9]),
            "Validation RMSE is lowest after the last of 3 epochs, at 0.9000",
        ),
        (
            training(3, [1.1, 0.95, 0.9], [1, 1.2, 1.1]),
            "The mean of the samples has a validation RMSE of 0.9000 after 3 sweeps",
        ),
        (training(3, [None] * 3), "Train RMSE went from 1.000 to 0.800 in 3 epochs"),
        (
            groups(50, 50),
            "RMSE is below damped biases in 3 of 5 groups; it is highest for movies with 1 rating",
        ),
        (
            groups(50, 29),
            "RMSE is below damped biases in 3 of 5 groups; it is highest for Drama movies",
        ),
        (
            ("ratings", INDEX, {"ratings": {"rating": [0.5, 4.5], "n_ratings": [3, 7]}}),
            "The most common rating is 4.5 stars, 70% of 10 ratings; the mean is 3.50",
        ),
        (
            ("activity", {}, {"activity": ACTIVITY}),
            "The most active 12% of users gave 50% of the ratings; the most rated 9% of movies"
            " received 60%",
        ),
        (
            most_rated(genre=["Horror"], n_ratings=[4]),
            "Alien (1979) has the most ratings, from 75% of users; 40% of ratings are for"
            " Horror movies",
        ),
        (
            ("polarising", {}, {"polarising": {"title": ["A" + 300 * "b", "Alien (1979)"]}}),
            f"Opinions differ most about A{27 * 'b'} … {28 * 'b'} and least about Alien (1979)",
        ),
        (most_rated(genre=[]), "Alien (1979) has the most ratings, from 75% of users"),
        (
            ("genres", {}, GENRES),
            "75% of Horror and Children's movies lie on their own genre's side of the midpoint",
        ),
        (
            ("recommended", {}, {"recommended": PARTS}),
            "The most rated 25% of movies have 40% of the ratings and 70% of the recommendations",
        ),
    ],
)
def test_a_caption_says_what_the_numbers_say(case, text):
    name, metrics, plots = case
    tables = {key: pd.DataFrame(rows) for key, rows in plots.items()}
    results = Results("mine", metrics, tables, digest="")
    assert getattr(captions, name)(results).replace("\N{NO-BREAK SPACE}", " ") == text
