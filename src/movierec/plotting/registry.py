"""The pictures of a run: what each is called, which question it answers, and its words."""

from collections.abc import Callable
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


@dataclass(frozen=True)
class Picture:
    """name: of the file and of the function that draws it. group: one of QUESTIONS.

    finding: the title. shows: what is drawn, in one sentence.
    """

    name: str
    group: str
    finding: Callable[[Results], str]
    shows: str

    @property
    def path(self) -> Path:
        return Path("plots/draw") / f"{self.name}.png"

    def alt(self, results: Results) -> str:
        """For who cannot see it, and below it for who can."""
        return f"{self.finding(results)}. {self.shows}"


PICTURES = (
    Picture(
        "ratings", "data", captions.ratings, "Ratings of each number of stars, and of each year."
    ),
    Picture(
        "activity",
        "data",
        captions.activity,
        "Share of users, and of movies, with at least so many ratings, both axes logarithmic,"
        " beside the power law that fits the tail best.",
    ),
    Picture(
        "most_rated",
        "data",
        captions.most_rated,
        "The most rated movies, and the ratings of each genre.",
    ),
    Picture(
        "training",
        "training",
        captions.training,
        "What each epoch came to: the objective (by Gibbs sampling the noise precision), the RMSE"
        " on train and validation, and the NDCG of the model of who watches what.",
    ),
    Picture(
        "result",
        "errors",
        captions.result,
        "Test RMSE of the model and the baselines, and the quality of the lists of each ranking,"
        " with 95 % intervals.",
    ),
    Picture(
        "predicted",
        "errors",
        captions.predicted,
        "What was predicted of ratings given alike, and the distribution of the residuals.",
    ),
    Picture(
        "groups",
        "errors",
        captions.groups,
        "Test RMSE of the model and of damped biases by the user's number of ratings, the movie's,"
        " its genre and its decade (those of 30 test ratings or more).",
    ),
    Picture(
        "calibration",
        "errors",
        captions.calibration,
        "Mean given rating of ratings predicted alike, and the share of ratings in intervals of"
        " each level.",
    ),
    Picture(
        "factors",
        "factors",
        captions.factors,
        "The most rated movies on the two directions in which their factors differ most: movies"
        " liked by the same people lie close together.",
    ),
    Picture(
        "polarising",
        "factors",
        captions.polarising,
        "The movies with the longest and the shortest factor vectors, of those with enough"
        " ratings: by how many stars tastes move what they are predicted to be given, as a"
        " standard deviation over users.",
    ),
    Picture(
        "genres",
        "factors",
        captions.genres,
        "Genres at the mean factors of their movies, on the line between two of them and the"
        " direction across it in which genres differ most.",
    ),
    Picture(
        "neighbours",
        "factors",
        captions.neighbours,
        "The movies nearest to much rated ones, by the cosine of their factors in the model of"
        " who watches what.",
    ),
    Picture(
        "recommended",
        "recommendations",
        captions.recommended,
        "Share of ratings and of recommendations by the popularity of the movie and by genre;"
        " coverage is the share of the movies that anyone is recommended.",
    ),
    Picture(
        "rankings",
        "recommendations",
        captions.rankings,
        "NDCG, rating of hits, coverage, novelty and diversity of the lists of each ranking, with"
        " 95 % intervals where there are some.",
    ),
)
