"""Where movies and genres lie by their item factors: the tables of the maps.

Distances and cosines are of all factors together, so that they mean the same for a mean of samples,
whose factors are those of its samples side by side.
"""

import numpy as np
import pandas as pd

from movierec.data.rating_arrays import Array
from movierec.recommending import selection

ON_THE_MAP = 400  # movies, the most rated
# Ratings that a movie needs for a place: with fewer, the ridge shrinks its factors to 0, as if
# everybody liked it equally (docs/user-guide/outputs.md has figures).
MIN_RATINGS = 100
N_EXTREMES = 12  # of either kind
MAX_USERS = 5000  # by whose factors the length of a movie's vector is measured
MIN_MOVIES, MAX_MOVIES = 5, 200  # that a genre needs, and that are shown of it, the most rated
N_FAVOURITES, N_NEAREST = 6, 5


def rated_enough(items: pd.DataFrame) -> pd.DataFrame:
    """Items with MIN_RATINGS ratings; if these are few, the most rated. items: most rated first."""
    n_enough = int((items["n_ratings"] >= MIN_RATINGS).sum())
    return items.head(max(n_enough, 2 * N_EXTREMES))


def factor_map(item_factors: Array, items: pd.DataFrame) -> pd.DataFrame:
    """x, y of the most rated movies on the two directions in which their factors differ most."""
    factors = item_factors[:ON_THE_MAP].astype(np.float64)
    if len(factors) < 3 or factors.shape[1] < 2:
        return pd.DataFrame(columns=["title", "genres", "n_ratings", "x", "y"])
    centred = factors - factors.mean(axis=0)
    x, y = selection.principal_directions(centred, 2) @ centred.T
    movies = items[["title", "genres", "n_ratings"]].head(ON_THE_MAP)
    return movies.assign(genres=movies["genres"].str.join(", "), x=x, y=y)


def polarising(user_factors: Array, item_factors: Array, items: pd.DataFrame) -> pd.DataFrame:
    """The movies with the longest and the shortest factor vectors, of those with enough ratings.

    deviation: the length of the vector as the users' factors measure it, that is the standard
    deviation over users (MAX_USERS of them, evenly spaced) of user_factors · item_factors, in
    stars: how much it changes the predicted rating.
    """
    rows = rated_enough(items)[["title", "n_ratings"]]
    n_users = min(MAX_USERS, len(user_factors))
    sample = np.linspace(0, len(user_factors) - 1, n_users).astype(np.int64)
    users = user_factors[sample].astype(np.float64)
    root = np.asarray(np.linalg.qr((users - users.mean(axis=0)) / n_users**0.5, mode="r"))
    deviation = np.linalg.norm(item_factors[: len(rows)] @ root.T, axis=1)
    if not deviation.any():
        return pd.DataFrame(columns=["title", "n_ratings", "deviation"])
    rows = rows.assign(deviation=deviation)
    rows = rows.sort_values("deviation", ascending=False, kind="stable")
    n = min(N_EXTREMES, len(rows) // 2)
    return pd.concat((rows.head(n), rows.tail(n)))


def genres(item_factors: Array, items: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Places of genres, and of the movies of two of them: on the line between these two, x, and
    across it in the direction in which genres differ most, y.

    A genre lies at the mean factors of its movies with enough ratings. The two are Horror and
    Children's, or where one of these is missing the two farthest apart.
    """
    movies = rated_enough(items)[["title", "genres"]].explode("genres").dropna(subset="genres")
    movies = movies.rename(columns={"genres": "genre"})
    sizes = movies["genre"].value_counts()
    sizes = sizes[sizes >= MIN_MOVIES].sort_index()
    if item_factors.shape[1] < 2 or len(sizes) < 3:
        empty = pd.DataFrame(columns=["genre", "n_movies", "x", "y"])
        return empty, pd.DataFrame(columns=["title", "genre", "x", "y"])
    factors = item_factors[: len(rated_enough(items))].astype(np.float64)
    centred = factors - factors.mean(axis=0)
    rows = {name: movies.index[movies["genre"] == name] for name in sizes.index}
    means = np.stack([centred[rows[name]].mean(axis=0) for name in rows])
    poles = find_poles(list(rows), means)
    axis = means[poles[1]] - means[poles[0]]
    axis /= np.linalg.norm(axis)
    across = selection.principal_directions(means - np.outer(means @ axis, axis), 1)
    plane = np.vstack((axis, across))
    x, y = plane @ means.T
    places = pd.DataFrame({"genre": sizes.index, "n_movies": sizes.to_numpy(), "x": x, "y": y})
    shown = []
    for name in sizes.index[list(poles)]:
        pole = rows[name][:MAX_MOVIES]
        x, y = plane @ centred[pole].T
        shown.append(items.loc[pole, ["title"]].assign(genre=name, x=x, y=y))
    return places, pd.concat(shown)


def find_poles(names: list[str], means: Array) -> tuple[int, int]:
    """Horror and Children's, by their places among the names; else the two farthest apart."""
    children = [place for place, name in enumerate(names) if name.startswith("Children")]
    if children and "Horror" in names:
        return names.index("Horror"), children[0]
    distances = np.linalg.norm(means[:, None] - means, axis=2)
    first, second = np.unravel_index(distances.argmax(), distances.shape)
    return int(first), int(second)


def neighbours(item_factors: Array, items: pd.DataFrame, min_ratings: int) -> pd.DataFrame:
    """The nearest of some much rated movies, none of which is a neighbour of another.

    As `movierec similar` finds them; neighbours have at least min_ratings ratings.
    """
    titles, rows = items["title"].to_numpy(), []
    eligible = items["n_ratings"].to_numpy() >= min_ratings
    taken: set[int] = set()
    for item in range(min(ON_THE_MAP, len(items))):
        if item in taken:
            continue
        nearest, cosines = selection.similar(item_factors, item, N_NEAREST, eligible)
        taken |= {item, *nearest.tolist()}
        for rank, (other, cosine) in enumerate(zip(nearest, cosines, strict=True), 1):
            rows.append((titles[item], rank, titles[other], cosine))
        if len(rows) >= N_FAVOURITES * N_NEAREST:
            break
    return pd.DataFrame(rows, columns=["title", "rank", "similar_title", "similarity"])
