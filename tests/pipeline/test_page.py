"""exports/movierec.html of the committed run recommends what `movierec recommend` does."""

import contextlib
import json
import re
from itertools import islice
from string import ascii_lowercase

import numpy as np
import pytest
from click.testing import CliRunner

from movierec.cli import cli
from movierec.core.paths import PAGE
from movierec.serving import recommendations, title_names
from movierec.serving.lists import ListOptions
from movierec.serving.user_profile import UserProfile
from movierec.serving.workspace import Project
from tests.helpers.browser import visiting
from tests.helpers.pages import recommender_of
from tests.page.conftest import module_page

N_PEOPLE = 50
TOLERANCE = 1e-6  # of a score, and of what a rating adds to it
ASK = """people => people.map((pairs) => {
  const ratings = new Map(pairs);
  const found = recommender.recommend(ratings);
  return found.map((row) => ({ ...row, why: recommender.explain(ratings, row.place) }));
})"""


def random_people():
    """Up to 25 ratings each, of movies that many people know."""
    rng = np.random.default_rng(0)
    for _ in range(N_PEOPLE):
        items = rng.choice(400, rng.integers(1, 26), replace=False).tolist()
        yield dict(zip(items, rng.choice(np.arange(2, 11) / 2, len(items)).tolist(), strict=True))


@pytest.fixture(scope="module")
def data(workspace):
    text = (workspace.path / PAGE).read_text("utf-8")
    return re.search(r'id="data">([^<]*)<', text)[1]


@pytest.fixture(scope="module")
def visit(data, tmp_path_factory):
    with recommender_of(data, tmp_path_factory.mktemp("page")) as visit:
        yield visit


def test_lists_scores_and_reasons_of_random_people(workspace, visit):
    people = list(random_people())
    lists = visit.page.evaluate(ASK, [list(map(list, ratings.items())) for ratings in people])
    with contextlib.chdir(workspace.path):
        project = Project.at()
        for ratings, rows in zip(people, lists, strict=True):
            user = UserProfile.from_ratings(ratings)
            found = recommendations.recommend(project, [user], ListOptions())
            items = np.array([row["place"] for row in rows])
            assert items.tolist() == found.items.tolist()
            scores = found.scores.scores
            shown = [row["score"] for row in rows]
            np.testing.assert_allclose(shown, scores[items], atol=TOLERANCE)
            to_score, _, rest = found.scores.contributions(items)
            for row, of_ratings, left in zip(rows, to_score, rest, strict=True):
                added = {part["place"]: part["value"] for part in row["why"]["parts"]}
                in_order = [added[item] for item in user.items.tolist()]
                np.testing.assert_allclose(in_order, of_ratings, atol=TOLERANCE)
                assert row["why"]["rest"] == pytest.approx(left, abs=TOLERANCE)


def test_rounding_changes_scores_by_less_than_a_thousandth(workspace):
    with contextlib.chdir(workspace.path):
        project = Project.at()
        exact = Project.at()
        vars(exact)["rounded_models"] = exact.models
        for ratings in islice(random_people(), 10):
            user = UserProfile.from_ratings(ratings)
            scores = [each.score_items(user).scores for each in (project, exact)]
            np.testing.assert_allclose(*scores, atol=1e-3)


def test_the_lists_are_those_of_the_command_line(workspace, visit):
    movies = visit.page.evaluate("recommender.movies")
    titles = [movie["title"] for movie in movies]
    # The data set lists some movies twice; a title means the first.
    people = [{titles.index(titles[i]): r for i, r in own.items()} for own in random_people()]
    lists = visit.page.evaluate(ASK, [list(map(list, ratings.items())) for ratings in people])
    with contextlib.chdir(workspace.path):
        for ratings, rows in zip(people, lists, strict=True):
            likes = [f"--like={titles[place]}={rating:g}" for place, rating in ratings.items()]
            listed = json.loads(CliRunner().invoke(cli, ["recommend", *likes, "--json"]).stdout)
            places = [row["place"] for row in rows]
            assert [movies[i]["id"] for i in places] == [row["movie_id"] for row in listed]
            scores = [row["score"] for row in rows]
            np.testing.assert_allclose(scores, [row["score"] for row in listed], atol=1e-4)


def queries(titles):
    """Titles, words of them, their beginnings, and titles with a letter changed."""
    rng = np.random.default_rng(1)
    for title in rng.choice(titles, 100).tolist():
        name = title_names.without_year(title)
        place = int(rng.integers(len(name)))
        yield title
        yield name[: place + 1]
        yield f"the {rng.choice(name.split())}"
        yield name[:place] + rng.choice(list(ascii_lowercase)) + name[place + 1 :]


def test_a_search_finds_what_the_command_line_finds(workspace, visit, tmp_path):
    with contextlib.chdir(workspace.path):
        index = Project.at().movies.index
    movies = visit.page.evaluate("recommender.movies")
    asked = list(queries([movie["title"] for movie in movies]))
    with visiting(module_page(tmp_path, "search.js", "createSearch")) as searching:
        found = searching.page.evaluate(
            """([movies, queries]) => {
                const { find } = createSearch(movies);
                return queries.map(query => find(query, movies.length).places);
            }""",
            [movies, asked],
        )
    expected = [index.search(query) or index.close(query) for query in asked]
    # What the command line does not find may be within words.
    assert [
        (q, own) for q, own, e in zip(asked, found, expected, strict=True) if e and own != e
    ] == []
    assert sum(map(bool, expected)) >= 0.9 * len(asked)


def test_the_page_is_small_and_needs_no_network(workspace, visit):
    assert (workspace.path / PAGE).stat().st_size <= 1_000_000
    assert (visit.errors, visit.requests) == ([], [])


def test_there_are_movies_and_tastes_to_start_from(visit):
    starters = visit.page.evaluate("recommender.starters.map(place => recommender.movies[place])")
    assert len(starters) >= 20
    assert min(movie["nRatings"] for movie in starters) >= 100
    assert len({genre for movie in starters for genre in movie["genres"]}) >= 10
    examples = visit.page.evaluate("recommender.examples")
    assert len({example["name"] for example in examples}) == 3
    assert all(len({r for _, r in example["ratings"]}) == 2 for example in examples)
