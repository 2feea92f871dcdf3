"""The pictures of a run: the name of each, the question that it answers, and its texts."""

from dataclasses import dataclass
from pathlib import Path

from movierec.plotting import captions
from movierec.plotting.results import Results

QUESTIONS = {  # by group, in the order in which they are asked
    "data": "What is the data?",
    "training": "How did training go?",
    "errors": "How good are the predicted ratings?",
    "factors": "What did the models learn of the movies?",
    "recommendations": "What is recommended?",
}
SHOWS = {  # by group, what each picture shows
    "data": {
        "ratings": "Ratings of each number of stars, and of each year.",
        "activity": "Share of users, and of movies, with at least so many ratings, both axes"
        " logarithmic, with the power law that fits the tail best.",
        "most_rated": "The most rated movies, and the ratings of each genre.",
    },
    "training": {
        "training": "Each epoch of training: the objective (with Gibbs sampling, the noise"
        " precision), the RMSE on train and validation, and the NDCG of the implicit model.",
    },
    "errors": {
        "result": "Test RMSE of the model and the baselines, and the quality of the lists of each"
        " ranking, with 95 % intervals.",
        "predicted": "Predicted ratings by given rating, and the distribution of the residuals.",
        "groups": "Test RMSE of the model and of damped biases by the user's and the movie's number"
        " of ratings, genre and decade (those with 30 test ratings or more).",
        "calibration": "Mean given rating by predicted rating, and the share of ratings inside"
        " intervals of each level.",
    },
    "factors": {
        "factors": "The most rated movies on the two directions in which their factors differ most:"
        " movies liked by the same people lie close together.",
        "polarising": "The movies with the longest and the shortest factor vectors, among those"
        " with enough ratings: how much the predicted rating depends on the user, as a standard"
        " deviation over users.",
        "genres": "Genres at the mean factors of their movies, on the line between two of them and"
        " the direction across it in which genres differ most.",
        "neighbours": "The movies most similar to six popular ones, by the cosine of their"
        " factors.",
    },
    "recommendations": {
        "recommended": "Share of ratings and of recommendations by the popularity of the movie and"
        " by genre; coverage is the share of movies in at least one list.",
        "rankings": "NDCG, rating of hits, coverage, novelty and diversity of the lists of each"
        " ranking; NDCG with its 95 % interval.",
    },
}
EMPTY = {  # the table that a picture cannot do without, and the caption where it has no rows
    "predicted": ("predicted", "There are no test ratings to predict"),
    "groups": ("rmse_by_user_activity", "There are no test ratings to group"),
    "calibration": ("calibration", "There are no test ratings to compare with"),
    "factors": ("factors", "A map of movies needs at least 2 factors"),
    "polarising": ("polarising", "Without factors, predicted ratings do not depend on taste"),
    "genres": (
        "genres",
        "A map of genres needs at least 2 factors and 3 genres",
    ),
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
        return str(getattr(captions, self.name)(results))

    def alt(self, results: Results) -> str:
        """The text for people who cannot see the picture, which also stands below it."""
        return f"{self.caption(results)}. {self.shows}"


PICTURES = tuple(
    Picture(name, group, shows) for group, texts in SHOWS.items() for name, shows in texts.items()
)
