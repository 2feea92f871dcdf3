"""The pictures of a run: what each is called, which question it answers, and its words."""

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
        " logarithmic, beside the power law that fits the tail best.",
        "most_rated": "The most rated movies, and the ratings of each genre.",
    },
    "training": {
        "training": "What each epoch came to: the objective (by Gibbs sampling the noise"
        " precision), the RMSE on train and validation, and the NDCG of the model of who watches"
        " what.",
    },
    "errors": {
        "result": "Test RMSE of the model and the baselines, and the quality of the lists of each"
        " ranking, with 95 % intervals.",
        "predicted": "What was predicted of ratings given alike, and the distribution of the"
        " residuals.",
        "groups": "Test RMSE of the model and of damped biases by the user's number of ratings, the"
        " movie's, its genre and its decade (those of 30 test ratings or more).",
        "calibration": "Mean given rating of ratings predicted alike, and the share of ratings in"
        " intervals of each level.",
    },
    "factors": {
        "factors": "The most rated movies on the two directions in which their factors differ most:"
        " movies liked by the same people lie close together.",
        "polarising": "The movies with the longest and the shortest factor vectors, of those with"
        " enough ratings: by how many stars tastes move what they are predicted to be given, as a"
        " standard deviation over users.",
        "genres": "Genres at the mean factors of their movies, on the line between two of them and"
        " the direction across it in which genres differ most.",
        "neighbours": "The movies nearest to much rated ones, by the cosine of their factors in the"
        " model of who watches what.",
    },
    "recommendations": {
        "recommended": "Share of ratings and of recommendations by the popularity of the movie and"
        " by genre; coverage is the share of the movies that anyone is recommended.",
        "rankings": "NDCG, rating of hits, coverage, novelty and diversity of the lists of each"
        " ranking, with 95 % intervals where there are some.",
    },
}
EMPTY = {  # the table that a picture cannot do without, and the caption where it has no rows
    "predicted": ("predicted", "There are no test ratings to predict"),
    "groups": ("rmse_by_user_activity", "There are no test ratings to group"),
    "calibration": ("calibration", "There are no test ratings to judge by"),
    "factors": ("factors", "A model with fewer than 2 factors has no map"),
    "polarising": ("polarising", "A model without factors calls no movie polarising"),
    "genres": (
        "genres",
        "Genres have no place here: fewer than 2 factors, or fewer than 3 genres",
    ),
    "neighbours": ("neighbours", "A model without factors knows no neighbours"),
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
        return Path("plots/draw") / f"{self.name}.png"

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
