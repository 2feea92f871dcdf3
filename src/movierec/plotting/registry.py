"""The pictures of a run: their names, the questions they answer, and their texts."""

from dataclasses import dataclass
from pathlib import Path

from movierec.plotting import captions
from movierec.plotting.results import Results, explain_errors

QUESTIONS = {  # by group, in the order of the report
    "data": "What is in the data?",
    "training": "How did training go?",
    "errors": "How accurate are the predicted ratings?",
    "factors": "What did the models learn about the movies?",
    "recommendations": "What is recommended?",
}
SHOWS = {  # by group, what each picture shows
    "data": {
        "ratings": "Number of ratings for each rating value and each year.",
        "activity": "Share of users and of movies with at least n ratings, on logarithmic axes, and"
        " the power laws that fit the tails best.",
        "most_rated": "The most rated movies, and the number of ratings for each genre.",
    },
    "training": {
        "training": "The objective (with Gibbs sampling, the noise precision), the RMSE on train"
        " and validation data, and the NDCG of the implicit model after each epoch.",
    },
    "errors": {
        "result": "Test RMSE of the model and the baselines, and NDCG of each ranking, with"
        " 95% intervals.",
        "predicted": "Predicted ratings by given rating, and the distribution of the residuals.",
        "groups": "Test RMSE of the model and of damped biases by the number of ratings of the user"
        " and the movie, by genre and by decade (those with 30 test ratings or more).",
        "calibration": "Mean given rating by mean predicted rating, and the share of test ratings"
        " inside prediction intervals of each level; grey: in groups by number of ratings of the"
        " user or the movie.",
    },
    "factors": {
        "factors": "The most rated movies on the first two principal components of their factors:"
        " movies liked by the same people lie close together.",
        "polarising": "The movies with the longest and the shortest factor vectors, among those"
        " with enough ratings. A vector's length is the standard deviation of the movie's"
        " predicted ratings across users.",
        "genres": "Genres at the mean factors of their movies: on the line between two genres, and"
        " on the direction orthogonal to it in which genres differ most.",
        "neighbours": "The movies most similar to some popular ones, by the cosine similarity of"
        " their factors.",
    },
    "recommendations": {
        "recommended": "Share of ratings and of recommendations by popularity of the movie and by"
        " genre. Coverage is the share of movies that are in at least one list.",
        "rankings": "NDCG (with 95% intervals), hit rating, coverage, novelty and"
        " diversity of the lists of each ranking.",
    },
}
EMPTY = {  # the table that a picture cannot do without, and the caption if it has no rows
    "predicted": ("predicted", "No test ratings to predict"),
    "groups": ("rmse_by_user_activity", "No test ratings to group"),
    "calibration": ("calibration", "No test ratings to compare with"),
    "factors": ("factors", "A map of movies needs at least 2 factors"),
    "polarising": ("polarising", "Without factors, all users get the same order of movies"),
    "genres": ("genres", "A map of genres needs at least 2 factors and 3 genres"),
    "neighbours": ("neighbours", "Without factors, there are no similar movies"),
    "recommended": ("recommended", "Nothing is recommended"),
}


@dataclass(frozen=True)
class Picture:
    """name: of the file, and of the functions that draw it and write its caption.

    group: one of QUESTIONS. shows: what is drawn, in one sentence.
    """

    name: str
    group: str
    shows: str

    @property
    def path(self) -> Path:
        return Path("plots/pictures") / f"{self.name}.png"

    def is_empty(self, results: Results) -> bool:
        """Whether there is nothing to draw; the caption gives the reason."""
        return self.name in EMPTY and results.plots[EMPTY[self.name][0]].empty

    def caption(self, results: Results) -> str:
        """The title: the main result in one sentence."""
        if self.is_empty(results):
            return EMPTY[self.name][1]
        with explain_errors(self.name):
            return str(getattr(captions, self.name)(results))

    def alt(self, results: Results) -> str:
        """The text below the picture, also for people who cannot see it."""
        return f"{self.caption(results)}. {self.shows}"


PICTURES = tuple(
    Picture(name, group, shows) for group, texts in SHOWS.items() for name, shows in texts.items()
)


def find(name: str) -> Picture:
    """The picture of this name; ValueError, which lists the names, if there is none."""
    by_name = {picture.name: picture for picture in PICTURES}
    if name not in by_name:
        raise ValueError(f"no picture {name!r}; choose from {', '.join(by_name)}")
    return by_name[name]
