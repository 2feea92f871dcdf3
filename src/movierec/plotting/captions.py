"""The caption of each picture: its main result in one sentence, computed from the results.

A function for each picture of the registry, by its name, and `curves` for those of estimators.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from movierec.core.reporting import words
from movierec.core.text import shortened
from movierec.plotting.results import Results

MAX_NAME = 60  # characters of a title or genre
FEW = 30  # test ratings below which a group's RMSE is unreliable
GROUPS = {  # what a group is, by the file that lists it
    "rmse_by_user_activity": "users with {} ratings",
    "rmse_by_item_popularity": "movies with {} ratings",
    "rmse_by_genre": "{} movies",
    "rmse_by_decade": "movies of the {}",
}
MEASURES = {  # of an epoch, by column
    "train_rmse": "RMSE on train",
    "validation_rmse": "RMSE on validation",
    "validation_ndcg": "NDCG@10 on validation",
}


@dataclass(frozen=True)
class Curves:
    """The training of one model.

    values: the measures that it has, by epoch. step: what an epoch is called.
    """

    values: pd.DataFrame
    best_epoch: int
    step: str = "epoch"

    @classmethod
    def from_epochs(cls, epochs: pd.DataFrame, best_epoch: int) -> "Curves":
        """From a row for each epoch, as training returns them."""
        values = epochs.set_index("epoch").reindex(columns=list(MEASURES)).astype(float)
        step = "sweep" if "noise_precision" in epochs and is_gibbs(epochs) else "epoch"
        return cls(values.dropna(axis="columns", how="all"), best_epoch, step)

    def at_best(self, measure: str) -> float:
        return float(self.values[measure][self.best_epoch])


def percent(share: float, digits: int = 0) -> str:
    """Such as 12%."""
    return f"{100 * share:.{digits}f}%"


def name(text: object) -> str:
    """A title or genre of any length for a sentence."""
    return shortened(str(text), MAX_NAME)


def stars(rating: float) -> str:
    return "1 star" if rating == 1 else f"{rating:g} stars"


def reliable(rows: pd.DataFrame) -> pd.DataFrame:
    """The groups with enough test ratings, or all if none has enough."""
    enough = rows[rows["n_test"] >= FEW]
    return rows if enough.empty else enough


def ratings(results: Results) -> str:
    rows = results.plots["ratings"]
    n_ratings, top = rows["n_ratings"].sum(), rows.nlargest(1, "n_ratings").iloc[0]
    return (
        f"The most common rating is {stars(top['rating'])},"
        f" {percent(top['n_ratings'] / n_ratings)} of {n_ratings:,} ratings; the mean is"
        f" {results.metrics['index']['mean_rating']:.2f}"
    )


def activity(results: Results) -> str:
    user, movie = (
        rows.iloc[(rows["share"] - 0.1).abs().argmin()]
        for _, rows in results.plots["activity"].groupby("side", sort=False)
    )
    return (
        f"The most active {percent(user['share'])} of users gave"
        f" {percent(user['share_of_ratings'])} of the ratings; the most rated"
        f" {percent(movie['share'])} of movies received {percent(movie['share_of_ratings'])}"
    )


def most_rated(results: Results) -> str:
    movie, index = results.plots["most_rated"].iloc[0], results.metrics["index"]
    share, genres = movie["n_ratings"] / index["n_users"], results.plots["genre_ratings"]
    text = f"{name(movie['title'])} has the most ratings, from {percent(share)} of users"
    if genres.empty:
        return text
    genre, n_ratings = genres.iloc[0][["genre", "n_ratings"]]
    return (
        f"{text}; {percent(n_ratings / index['n_ratings'])} of ratings are for {name(genre)} movies"
    )


def is_gibbs(training: pd.DataFrame) -> bool:
    """Whether the noise precision was sampled, not set."""
    return training["noise_precision"].nunique() > 1


def training(results: Results) -> str:
    rows, best = results.plots["training"], results.metrics["train"]["best_epoch"]
    if rows["validation_rmse"].isna().any():
        first, last = rows["train_rmse"].iloc[[0, -1]]
        return f"Train RMSE went from {first:.3f} to {last:.3f} in {len(rows)} epochs"
    rmse = rows["validation_rmse"].iloc[best - 1]
    if is_gibbs(rows):
        return f"The mean of the samples has a validation RMSE of {rmse:.4f} after {best} sweeps"
    if best == len(rows):
        return f"Validation RMSE is lowest after the last of {best} epochs, at {rmse:.4f}"
    return f"Validation RMSE improved for {best} epochs, to {rmse:.4f}"


def curves(models: Mapping[str, Curves]) -> str:
    """The best model by validation, or by train if there is no validation."""
    for measure in ("validation_rmse", "validation_ndcg", "train_rmse"):
        best = {
            key: part.at_best(measure) for key, part in models.items() if measure in part.values
        }
        if best:
            break
    choose, extreme = (max, "highest") if measure == "validation_ndcg" else (min, "lowest")
    first = choose(best, key=best.__getitem__)
    which = f"is {extreme} for {name(first)}:" if len(best) > 1 else f"of {name(first)} is"
    n, step = models[first].best_epoch, models[first].step
    steps = f"1 {step}" if n == 1 else f"{n} {step}s"
    return f"{MEASURES[measure]} {which} {best[first]:.4f} after {steps}"


def result(results: Results) -> str:
    rmse = results.plots["errors"].set_index("model")["rmse"]
    improvement = rmse.drop("model").min() - rmse["model"]
    side = "below" if improvement >= 0 else "above"
    text = f"{results.dataset}: RMSE {abs(improvement):.3f} {side} the best baseline"
    ndcg = results.plots["rankings"].set_index("ranking")["ndcg"]
    if not ndcg["popularity"] > 0:
        return text
    return f"{text}; NDCG {ndcg.max() / ndcg['popularity']:.1f} times that of popularity"


def predicted(results: Results) -> str:
    low, high = results.plots["predicted"].iloc[0], results.plots["predicted"].iloc[-1]
    return (
        f"The median prediction is {high['median']:.1f} for ratings of {stars(high['rating'])}"
        f" and {low['median']:.1f} for ratings of {stars(low['rating'])}"
    )


def groups(results: Results) -> str:
    rows = pd.concat(
        results.plots[name].rename(columns={results.plots[name].columns[0]: "group"}).assign(of=of)
        for name, of in GROUPS.items()
    )
    n_better = (rows["rmse"] < rows["damped_biases_rmse"]).sum()
    worst = reliable(rows).sort_values("rmse").iloc[-1]
    group = worst["of"].format(name(worst["group"]))
    if str(worst["group"]) == "1":
        group = group.removesuffix("s")
    return (
        f"RMSE is below damped biases in {n_better} of {len(rows)} groups; it is highest for"
        f" {group}"
    )


def calibration(results: Results) -> str:
    metrics = results.metrics["evaluate"]
    return (
        f"The calibration error is {metrics['calibration']['error']:.2f} stars;"
        f" {percent(0.95)} intervals contain {percent(metrics['interval_coverage']['95'], 1)} of"
        " ratings"
    )


def factors(results: Results) -> str:
    movies = results.plots["factors"].set_index("title")["x"]
    low, high = movies.idxmin(), movies.idxmax()
    return f"The first principal component runs from {name(low)} to {name(high)}"


def polarising(results: Results) -> str:
    most, least = results.plots["polarising"]["title"].iloc[[0, -1]].map(name)
    return f"Opinions differ most about {most} and least about {least}"


def genres(results: Results) -> str:
    movies = results.plots["genre_movies"]
    places = results.plots["genres"].set_index("genre")["x"]
    low, high = movies["genre"].unique()
    middle = (places[low] + places[high]) / 2
    on_own_side = ((movies["x"] > middle) == (movies["genre"] == high)).mean()
    return (
        f"{percent(on_own_side)} of {name(low)} and {name(high)} movies lie on their own genre's"
        " side of the midpoint"
    )


def neighbours(results: Results) -> str:
    first = results.plots["neighbours"].iloc[0]
    return f"People who watch {name(first['title'])} also watch {name(first['similar_title'])}"


def recommended(results: Results) -> str:
    rows = results.plots["recommended"]
    ratings, recommendations = rows[["ratings", "recommendations"]].iloc[0]
    return (
        f"The most rated {percent(1 / len(rows))} of movies have {percent(ratings)} of the ratings"
        f" and {percent(recommendations)} of the recommendations"
    )


def rankings(results: Results) -> str:
    ndcg = results.plots["rankings"].set_index("ranking")["ndcg"]
    best = str(ndcg.idxmax())
    text = f"The {words(best)} ranking has the highest NDCG{results.at_n}, {ndcg[best]:.3f}"
    return text if best == "popularity" else f"{text}; popularity has {ndcg['popularity']:.3f}"
