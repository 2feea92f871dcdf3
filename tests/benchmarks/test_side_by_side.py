"""The same jobs in movierec, LensKit and implicit: they run, and ours are the shortest."""

import importlib.util

import pandas as pd
import pytest

from benchmarks.side_by_side import run, snippets
from tests.helpers.random_data import random_ratings

BY_LIBRARY = {name: snippets.read_snippets(name) for name in snippets.LIBRARIES}
JOBS = list(BY_LIBRARY["movierec"])
RATED = {50, 172, 1}  # by the new user


@pytest.mark.parametrize("job", JOBS)
def test_movierec_needs_no_more_lines_than_any_peer(job) -> None:
    ours, *peers = (read[job] for read in BY_LIBRARY.values())
    assert 0 < ours.n_lines <= min(peer.n_lines for peer in peers)
    assert ours.n_lines_with_imports <= min(peer.n_lines_with_imports for peer in peers)


def test_all_scripts_do_the_same_jobs() -> None:
    assert len(JOBS) == 3
    assert all(list(read) == JOBS for read in BY_LIBRARY.values())


def test_lines_with_code_count_and_others_do_not() -> None:
    text = 'a = 1\n\n# a comment\nb = f(\n    """two\n    lines""",\n)  # another\n\n'
    assert snippets.count_lines(text) == 5


def test_a_snippet_has_the_imports_that_it_uses() -> None:
    assert BY_LIBRARY["LensKit"]["New user"].text.splitlines()[:3] == [
        "from lenskit import recommend",
        "from lenskit.data import ItemList",
        "",
    ]


@pytest.mark.parametrize("library", snippets.LIBRARIES)
def test_the_jobs_run(library, tmp_path) -> None:
    if importlib.util.find_spec(library.lower()) is None:
        pytest.skip(f"{library} is not installed: make peers")
    ratings = random_ratings(0, 250, 200, 5000)
    columns = {"user_id": ratings.user_index, "item_id": ratings.item_index}
    frame = pd.DataFrame(columns | {"rating": ratings.rating})
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    results = run.run(library, tmp_path)
    seen = set(frame.item_id[frame.user_id == 196])
    for found, excluded in ((results["recommended"], seen), (results["for_new_user"], RATED)):
        assert len(set(found)) == len(found) == 10
        assert set(found) <= set(frame.item_id) - excluded
    assert 0 <= results["ndcg@10"] <= 1
