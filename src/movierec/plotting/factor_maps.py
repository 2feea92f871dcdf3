"""Where movies and genres lie by their item factors, for people to look at.

Distances and cosines are of all factors together, so that they mean the same for a mean of samples,
whose factors are those of its samples side by side.
"""

import numpy as np
import pandas as pd

from movierec.data.rating_arrays import Array
from movierec.recommending import selection

ON_THE_MAP = 400  # movies, the most rated
# Ratings from which on a movie's place is its own: the ridge draws those with fewer to 0, as if
# they pleased everybody alike (docs/pipeline.md has figures).
ENOUGH = 100
EXTREMES = 12  # of either kind
USERS = 5000  # by whose tastes a movie's vector is measured
IN_GENRE, OF_A_GENRE = 5, 200  # movies that a genre must have, and that are shown, the most rated
FAVOURITES, NEAREST = 6, 5


def known(items: pd.DataFrame) -> Array:
    """Movies with ENOUGH ratings; if these are few, the most rated. Items: most rated first."""
    n = int((items["n_ratings"] >= ENOUGH).sum())
    return np.arange(min(len(items), max(n, 2 * EXTREMES)))


def directions_of(centred: Array, n: int) -> Array:
    """The first n principal directions (n, n_factors) of rows whose mean is 0.

    The sign of each is arbitrary; here its greatest part is positive, so that the same model gives
    the same picture.
    """
    found = np.linalg.svd(centred, full_matrices=False)[2][:n]
    return found * np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])[:, None]


def factor_map(item_factors: Array, items: pd.DataFrame) -> pd.DataFrame:
    """x, y of the most rated movies on the two directions in which their factors differ most."""
    factors = item_factors[:ON_THE_MAP].astype(np.float64)
    if len(factors) < 3 or factors.shape[1] < 2:
        return pd.DataFrame(columns=["title", "n_ratings", "x", "y"])
    centred = factors - factors.mean(axis=0)
    x, y = directions_of(centred, 2) @ centred.T
    return items[["title", "n_ratings"]].head(ON_THE_MAP).assign(x=x, y=y)


def polarising(user_factors: Array, item_factors: Array, items: pd.DataFrame) -> pd.DataFrame:
    """The movies with the longest and the shortest factor vectors, of those with enough ratings.

    deviation: the length of the vector as the users' factors measure it, that is the standard
    deviation over users (USERS of them, evenly spaced) of user_factors · item_factors, in stars:
    how far tastes move what the movie is predicted to be given.
    """
    there = known(items)
    some = np.linspace(0, len(user_factors) - 1, min(USERS, len(user_factors))).astype(np.int64)
    users = user_factors[some].astype(np.float64)
    root = np.asarray(np.linalg.qr((users - users.mean(axis=0)) / len(some) ** 0.5, mode="r"))
    deviation = np.linalg.norm(item_factors[there] @ root.T, axis=1)
    if not deviation.any():
        return pd.DataFrame(columns=["title", "n_ratings", "deviation"])
    rows = items.iloc[there][["title", "n_ratings"]].assign(deviation=deviation)
    rows = rows.sort_values("deviation", ascending=False, kind="stable")
    n = min(EXTREMES, len(rows) // 2)
    return pd.concat((rows.head(n), rows.tail(n)))


def genres(item_factors: Array, items: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Places of genres, and of the movies of two of them: on the line between these two, x, and
    across it in the direction in which genres differ most, y.

    A genre lies at the mean factors of its movies with enough ratings. The two are Horror and
    Children's, or where one of these is missing the two farthest apart.
    """
    there = known(items)
    factors = item_factors[there].astype(np.float64)
    listed = items["genres"].iloc[there].explode().dropna()
    sizes = listed.value_counts()
    names = sorted(sizes.index[sizes >= IN_GENRE])
    empty = pd.DataFrame(columns=["genre", "n_movies", "x", "y"])
    if factors.shape[1] < 2 or len(names) < 3:
        return empty, pd.DataFrame(columns=["title", "genre", "x", "y"])
    centred = factors - factors.mean(axis=0)
    rows = {name: listed.index[listed == name].to_numpy() for name in names}
    means = np.stack([centred[rows[name]].mean(axis=0) for name in names])
    poles = poles_of(names, means)
    axis = means[poles[1]] - means[poles[0]]
    axis /= np.linalg.norm(axis)
    across = directions_of(means - np.outer(means @ axis, axis), 1)
    plane = np.vstack((axis, across))
    places = pd.DataFrame(means @ plane.T, columns=["x", "y"])
    places.insert(0, "n_movies", [len(rows[name]) for name in names])
    places.insert(0, "genre", names)
    movies = []
    for pole in poles:
        shown = rows[names[pole]][:OF_A_GENRE]
        x, y = plane @ centred[shown].T
        movies.append(items.loc[shown, ["title"]].assign(genre=names[pole], x=x, y=y))
    return places, pd.concat(movies)


def poles_of(names: list[str], means: Array) -> tuple[int, int]:
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
    titles, found = items["title"].to_numpy(), []
    eligible = items["n_ratings"].to_numpy() >= min_ratings
    taken: set[int] = set()
    for item in range(min(ON_THE_MAP, len(items))):
        if item in taken:
            continue
        nearest, cosines = selection.similar(item_factors, item, NEAREST, eligible)
        taken |= {item, *nearest.tolist()}
        for rank, (other, cosine) in enumerate(zip(nearest, cosines, strict=True), 1):
            found.append((titles[item], rank, titles[other], cosine))
        if len(found) >= FAVOURITES * NEAREST:
            break
    return pd.DataFrame(found, columns=["title", "rank", "similar_title", "similarity"])
