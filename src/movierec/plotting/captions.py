"""What each picture shows, in one sentence: computed from the results, so true for any data."""

import pandas as pd

from movierec.plotting.results import Results

FEW = 30  # test ratings below which a group's RMSE says little
OF_GROUPS = {  # what a group is, by the file that lists it
    "rmse_by_user_activity": "users with {} ratings",
    "rmse_by_item_popularity": "movies with {} ratings",
    "rmse_by_genre": "genre {}",
    "rmse_by_decade": "decade {}",
}


def words(name: str) -> str:
    """The name of a model or a ranking for people."""
    return name.replace("_", " ").replace("knn", "kNN")


def percent(share: float, digits: int = 0) -> str:
    """With a space that does not break."""
    return f"{100 * share:.{digits}f}\u00a0%"


def sure(rows: pd.DataFrame) -> pd.DataFrame:
    """The groups with enough test ratings, if any has them."""
    enough = rows[rows["n_test"] >= FEW]
    return rows if enough.empty else enough


def ratings(results: Results) -> str:
    rows = results.plots["ratings"]
    n, most = rows["n_ratings"].sum(), rows.nlargest(1, "n_ratings").iloc[0]
    return (
        f"{most['rating']:g} stars are given most: {percent(most['n_ratings'] / n)} of {n:,}"
        f" ratings, whose mean is {results.metrics['index']['mean_rating']:.2f}"
    )


def activity(results: Results) -> str:
    rows = results.plots["activity"]
    user, movie = (
        of.iloc[(of["share"] - 0.1).abs().argmin()]
        for of in (rows[rows["side"] == side] for side in ("users", "movies"))
    )
    return (
        f"The busiest {percent(user['share'])} of users gave"
        f" {percent(user['share_of_ratings'])} of the ratings, the most rated"
        f" {percent(movie['share'])} of movies got {percent(movie['share_of_ratings'])}"
    )


def most_rated(results: Results) -> str:
    movie, index = results.plots["most_rated"].iloc[0], results.metrics["index"]
    share = movie["n_ratings"] / index["n_users"]
    text = f"{movie['title']} is rated most, by {percent(share)} of users"
    genres = results.plots["genre_ratings"]
    if genres.empty:
        return text
    genre, n = genres.iloc[0][["genre", "n_ratings"]]
    return f"{text}; {percent(n / index['n_ratings'])} of ratings are of {genre}"


def is_gibbs(training: pd.DataFrame) -> bool:
    """Whether the noise precision was drawn, and not set."""
    return training["noise_precision"].nunique() > 1


def training(results: Results) -> str:
    rows, best = results.plots["training"], results.metrics["train"]["best_epoch"]
    if rows["validation_rmse"].isna().any():
        first, last = rows["train_rmse"].iloc[[0, -1]]
        return f"Train RMSE went from {first:.3f} to {last:.3f} in {len(rows)} epochs"
    rmse = rows["validation_rmse"].iloc[best - 1]
    if is_gibbs(rows):
        return f"The mean of the samples comes to RMSE {rmse:.4f} on validation in {best} sweeps"
    if best == len(rows):
        return f"Validation RMSE fell to {rmse:.4f} up to the last of {best} epochs"
    return f"Validation RMSE improved for {best} epochs, to {rmse:.4f}"


def result(results: Results) -> str:
    rmse = results.plots["errors"].set_index("model")["rmse"]
    less = rmse.drop("model").min() - rmse["model"]
    verdict = "better" if less >= 0 else "worse"
    text = f"{results.dataset}: {abs(less):.3f} stars {verdict} than the best baseline"
    ndcg = results.plots["rankings"].set_index("ranking")["ndcg"]
    if not ndcg["popularity"] > 0:
        return text
    return f"{text}, {ndcg.max() / ndcg['popularity']:.1f} times popularity's NDCG"


def predicted(results: Results) -> str:
    rows = results.plots["predicted"]
    if rows.empty:
        return "There are no test ratings to predict"
    low, high = rows.iloc[0], rows.iloc[-1]
    return (
        f"Ratings of {high['rating']:g} were predicted as {high['median']:.1f},"
        f" ratings of {low['rating']:g} as {low['median']:.1f} (medians)"
    )


def groups(results: Results) -> str:
    rows = pd.concat(
        results.plots[name].rename(columns={results.plots[name].columns[0]: "group"}).assign(of=of)
        for name, of in OF_GROUPS.items()
    )
    if rows.empty:
        return "There are no test ratings to group"
    better, n = (rows["rmse"] < rows["damped_biases_rmse"]).sum(), len(rows)
    worst = sure(rows).sort_values("rmse").iloc[-1]
    return (
        f"Better than damped biases in {better} of {n} groups; RMSE is highest for"
        f" {worst['of'].format(worst['group'])}".removesuffix("s" * (str(worst["group"]) == "1"))
    )


def calibration(results: Results) -> str:
    metrics = results.metrics["evaluate"]
    if not metrics["calibration"]:
        return "There are no test ratings to judge by"
    return (
        f"Predictions are calibrated to {metrics['calibration']['error']:.2f} stars;"
        f" {percent(0.95)} intervals hold {percent(metrics['interval_coverage']['95'], 1)} of"
        " ratings"
    )


def factors(results: Results) -> str:
    rows = results.plots["factors"]
    if rows.empty:
        return "A model with fewer than 2 factors has no map"
    west, east = rows.loc[[rows["x"].idxmin(), rows["x"].idxmax()], "title"]
    return f"Movies differ most along a line from {west} to {east}"


def polarising(results: Results) -> str:
    rows = results.plots["polarising"]
    if rows.empty:
        return "A model without factors calls no movie polarising"
    most, least = rows["title"].iloc[[0, -1]]
    return f"{most} divides people most, {least} least"


def genres(results: Results) -> str:
    rows = results.plots["genres"]
    if rows.empty:
        return "Genres have no place here: fewer than 2 factors, or fewer than 3 genres"
    movies, places = results.plots["genre_movies"], rows.set_index("genre")["x"]
    low, high = movies["genre"].unique()
    middle = (places[low] + places[high]) / 2
    right = (movies["x"] > middle) == (movies["genre"] == high)
    own = percent(right.mean())
    return f"{own} of {low} and {high} movies lie on their own genre's side of the middle"


def neighbours(results: Results) -> str:
    rows = results.plots["neighbours"]
    if rows.empty:
        return "A model without factors knows no neighbours"
    first = rows.iloc[0]
    return f"Who watches {first['title']} watches {first['similar_title']}"


def recommended(results: Results) -> str:
    rows = results.plots["recommended"]
    if rows.empty:
        return "Nothing is recommended"
    return (
        f"The most rated {percent(1 / len(rows))} of movies have"
        f" {percent(rows['ratings'].iloc[0])} of the ratings,"
        f" {percent(rows['recommendations'].iloc[0])} of the recommendations"
    )


def rankings(results: Results) -> str:
    ndcg = results.plots["rankings"].set_index("ranking")["ndcg"]
    best, name = str(ndcg.idxmax()), f"NDCG{results.at_n}"
    text = f"Lists by {words(best)} have the best {name}, {ndcg[best]:.3f}"
    return text if best == "popularity" else f"{text}; popularity has {ndcg['popularity']:.3f}"
