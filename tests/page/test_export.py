"""The page that the export stage writes."""

import contextlib

import pytest

from movierec.core.paths import PAGE
from tests.helpers import archives
from tests.helpers.browser import visiting
from tests.helpers.small_project import run_stage, run_stages, write_params

STAGES = ("download", "index", "split", "train", "implicit", "item_regression", "evaluate")
HARMFUL = "</script><script>document.title = 'harm'</script> & \"Sons\" 🎬 עברית (1999)"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    titles = [HARMFUL, *(f"Movie {number} (2001)" for number in range(9))]
    movies = [(number, title, ["Drama"]) for number, title in enumerate(titles, 1)]
    ratings = [
        (user, movie, 1 + (user * movie) % 5, user * movie)
        for user in range(1, 13)
        for movie in range(1, len(titles) + 1)
        if (user + movie) % 5
    ]
    archive = archives.write(folder, "csv", ratings, movies)
    few = {"n_factors": 2, "max_epochs": 2}
    write_params(folder, archive, train=few, implicit=few, evaluate={"bootstrap_samples": 100})
    run_stages(folder, *STAGES, "recommend")
    return folder


def test_a_harmful_title_is_text(project):
    with contextlib.chdir(project):
        assert run_stage("export")["page"] == "10 movies in exports/movierec.html"
    with visiting(project / PAGE) as visit:
        visit.page.wait_for_load_state("load")
        assert visit.page.title() != "harm"
        assert (visit.errors, visit.requests) == ([], [])
    assert HARMFUL[:30] not in (project / PAGE).read_text("utf-8")


def test_without_movies_there_is_no_page(project):
    text = (project / "params.yaml").read_text("utf-8")
    (project / "params.yaml").write_text(text.replace("movies: 10000", "movies: 0"), "utf-8")
    with contextlib.chdir(project):
        assert run_stage("export")["page"] == "none, since page.movies is 0"
    assert "page.movies is 0 in params.yaml" in (project / PAGE).read_text("utf-8")
