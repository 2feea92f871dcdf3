"""What the genres of a new user's movies add to the scores of others."""

from dataclasses import replace

import numpy as np
import pytest

from movierec.core.params import load_params
from movierec.model.model_file import Models
from movierec.recommending.selection import genre_vectors
from movierec.serving import user_scores
from movierec.serving.genre_part import FADE, GenrePart, GenreProfiles
from movierec.serving.user_scores import TrainedWith
from tests.helpers.clone import ROOT
from tests.serving.test_user_scores import ITEMS, RATINGS, random_model, random_regression, trained

GENRES = [["War"], ["Drama"], ["War", "Drama"], [], ["Animation"], ["Animation"], ["Drama"]]
ALL = np.arange(len(GENRES))
PROFILES = GenreProfiles(genre_vectors(GENRES, 0.4), np.linspace(0.1, 0.9, len(GENRES)))


def part_of(items, cells, profiles=PROFILES):
    return GenrePart.from_cells(profiles, np.array(items), np.array(cells))


def test_scores_are_shared_genres_times_popularity_faded():
    vectors, popularity = PROFILES.vectors, PROFILES.popularity
    profile = (1.0 * vectors[4] + 0.5 * vectors[1]) / 2
    expected = FADE / (2 + FADE) * popularity * (vectors @ profile)
    np.testing.assert_allclose(part_of([4, 1], [1, 0.5]).weighted_scores, expected)
    assert expected.argmax() == 5


def test_contributions_add_up_and_follow_the_order_of_items():
    part = part_of([4, 1, 2], [1, 0.5, 0])
    contributions = part.contributions(ALL)
    np.testing.assert_allclose(contributions.sum(axis=1), part.weighted_scores)
    assert not contributions[:, 1].any(), "item 2 is disliked"
    assert contributions[5, 0] == 0, "item 1 shares no genre with item 5"


def test_with_more_ratings_genres_say_less():
    few, many = (part_of([4] * n, [1] * n).weighted_scores[5] for n in (1, 40))
    assert few == pytest.approx(many * (40 + FADE) / (1 + FADE))


def test_movies_without_genres_neither_give_nor_get():
    assert part_of([4, 1], [1, 1]).weighted_scores[3] == 0
    assert not part_of([3], [1]).weighted_scores.any()


@pytest.mark.parametrize("ranking", ["blend", "implicit", "item_regression", "predicted_rating"])
def test_only_the_blend_of_a_new_user_has_the_part(ranking):
    params = load_params(ROOT / "params.yaml")
    settings = params.recommend.model_copy(update={"ranking": ranking})
    params = params.model_copy(update={"recommend": settings})
    model, trained_with = trained()
    watched = replace(random_model(1), item_biases=np.zeros(7))
    known = Models(model, watched, random_regression(2)), ITEMS, RATINGS, params
    settings = TrainedWith(trained_with, params.implicit, params.item_regression)
    without = user_scores.score_items(*known, settings, 0.5)
    scores = user_scores.score_items(*known, settings, 0.5, PROFILES)
    changed = scores.scores - without.scores
    assert changed.any() == (ranking == "blend")
    to_score, _, rest = scores.contributions(ALL)
    np.testing.assert_allclose(to_score.sum(axis=1) + rest, scores.scores, atol=1e-6)
    np.testing.assert_allclose(rest, without.contributions(ALL)[2], atol=1e-6)
