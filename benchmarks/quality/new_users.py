"""Evaluate lists for new users who rate a few movies, by the weights of unseen movies and genres.

    python -m benchmarks.quality.new_users              the data set that was last run; minutes

Some users are removed from training. For each, some ratings are given to the model, and the movies
they liked among the rest are relevant. Only train and validation are used. Lists are ranked by
recommend.ranking; docs/benchmarks.md has the table.
"""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import ours
from movierec.core import random_streams
from movierec.core.params import Params, load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import Array, Csr, Ratings
from movierec.data.stored_ratings import StoredRatings
from movierec.metrics import measures
from movierec.model.model_file import Models
from movierec.recommending.selection import best, genre_vectors
from movierec.serving import user_scores
from movierec.serving.genre_part import GenreProfiles
from movierec.serving.user_scores import TrainedWith

USERS, TIMES, N_GIVEN = 300, 3, (1, 3, 5, 10, 20, 40, 80)
Person = tuple[Array, Array, Array]  # given movies and their ratings; other movies the user liked


def fit(train: Csr, n_items: int, params: Params) -> Models:
    """Train the models, for as many epochs as the committed ones."""
    scale = params.data.scale
    rated = params.train.model_copy(update={"max_epochs": 15})
    watched = params.implicit.model_copy(update={"max_epochs": 9})
    genres, seed = parquet_tables.read_genres(), params.seed
    ratings = ours.fit_ratings(train, n_items, rated, seed, scale, genres).model
    implicit = ours.fit_implicit(train, n_items, watched, seed, scale).model
    return Models(ratings, implicit, ours.fit_regression(train, n_items, params))


def people(users: Csr, n_given: int, relevant_rating: float, seed: int) -> Iterator[Person]:
    draw = random_streams.stream(seed, f"newcomers/{n_given}")
    for start, end in zip(users.indptr, users.indptr[1:], strict=False):
        items, ratings = users.indices[start:end], users.values[start:end]
        for _ in range(TIMES if end - start >= n_given + 10 else 0):
            given = np.sort(draw.choice(end - start, n_given, replace=False))
            liked = np.setdiff1d(items[ratings >= relevant_rating], items[given])
            if len(liked):
                yield items[given], ratings[given], liked


def ndcg(lists: list[Array], liked: list[Array]) -> float:
    """The mean NDCG of lists, one for each user."""
    rows = np.repeat(np.arange(len(liked), dtype=np.int32), [len(each) for each in liked])
    items = np.concatenate(liked).astype(np.int32)
    held_out = Ratings(rows, items, np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64))
    given = measures.given_ratings(np.array(lists, np.int32), held_out)
    return float(np.mean(measures.per_user_metrics(given, held_out, 1)[0]))


def main() -> None:
    params = load_params()
    known = StoredRatings.train("user", with_validation=True).read_all()
    n_items = len(parquet_tables.read_items())
    draw = random_streams.stream(params.seed, "newcomers")
    out = np.sort(draw.choice(known.n_rows, min(USERS, known.n_rows // 3), replace=False))
    train = known.take(np.setdiff1d(np.arange(known.n_rows), out))
    counts, usual = train.transpose(n_items).counts, len(train.values) / train.n_rows
    trained = fit(train, n_items, params)
    trained_with = TrainedWith(
        params.train.on_scale(params.data.scale), params.implicit, params.item_regression
    )

    names, popularity = parquet_tables.read_items()["genres"], counts / train.n_rows

    def third(given: int) -> float:
        return given / (given + usual / 3)

    def blend(
        share: Callable[[int], float] = third, genre_weight: float = params.recommend.genre_weight
    ) -> Callable[[Array, Array], Array]:
        genres = GenreProfiles(genre_vectors(names, genre_weight), popularity)
        return lambda items, ratings: (
            user_scores.score_items(
                trained, items, ratings, params, trained_with, share(len(items)), genres
            ).scores
        )

    rankings: dict[str, Callable[[Array, Array], Array]] = {
        "1, as in training": blend(lambda given: 1),
        "0": blend(lambda given: 0),
        "n / (n + n̄)": blend(lambda given: given / (given + usual)),
        "n / (n + n̄ / 3)": blend(),
        **{
            f"the same, genre_weight {weight}": blend(third, weight)
            for weight in (0, 0.3, 0.5, 0.6)
        },
        "popularity": lambda items, ratings: counts.astype(np.float64),
    }
    eligible = counts >= params.recommend.min_ratings
    n, relevant = params.evaluate.top_n, params.relevant_rating
    groups = [list(people(known.take(out), given, relevant, params.seed)) for given in N_GIVEN]
    print(f"| unseen weight, of its value in training | {' | '.join(map(str, N_GIVEN))} |")
    print("|---" * (len(N_GIVEN) + 1) + "|")
    for name, scores in rankings.items():
        cells = []
        for group in groups:
            lists = []
            for items, ratings, _ in group:
                there = eligible.copy()
                there[items] = False
                lists.append(best(scores(items, ratings), there, n))
            cells.append(f"{ndcg(lists, [liked for *_, liked in group]):.3f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
