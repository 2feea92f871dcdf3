"""Pages to open in Chromium: the real one on a recommender that is easy to predict, and one module
alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page

from movierec.page import bundle
from movierec.page.packing import Packer
from tests.helpers.browser import Visit, chromium, visiting

GENRES = {"a": "Action", "c": "Comedy", "d": "Drama", "h": "Horror", "s": "Sci-Fi"}
TITLES = """
Star Wars (1977) as
Fargo (1996) d
The Godfather (1972) ad
Toy Story (1995) c
Return of the Jedi (1983) as
Alien (1979) hs
Scream (1996) h
The Empire Strikes Back (1980) as
Titanic (1997) d
Star Trek: The Wrath of Khan (1982) as
The Godfather: Part II (1974) ad
Seven (Se7en) (1995) d
Il Postino (The Postman) (1994) d
Léon (1994) ad
Twelve Monkeys (1995) ds
Spider-Man (1977) a
Psycho (1960) h
Psycho (1998) h
L.A. Confidential (1997) d
8½ (1963) d
Schindler's List (1993) d
<script>alert(1)</script> (1994) c
<img src=x onerror=alert(2)> & "Quotes" (1995) c
Delicatessen 🥩👩‍🍳 (1991) c
مرايا الصمت (1994) d
Amélie Is Not Yet Made (1996) c
Unknown Year d
The Nightmare Before Christmas (1993) c
Blade Runner (1982) s
Metropolis (1926) ds
SupercalifragilisticexpialidociousSupercalifragilisticexpialidocious (1996) d
"""
MOVIES = [
    {
        "id": 50 + place,
        "title": title,
        "year": int(title[-5:-1]) if title.endswith(")") else None,
        "genres": [GENRES[letter] for letter in letters],
        "nRatings": 500 - 15 * place,
    }
    for place, (title, letters) in enumerate(
        line.rsplit(" ", 1) for line in TITLES.strip().split("\n")
    )
]
CONTENT = {
    "movies": MOVIES,
    "scale": {"low": 1, "high": 5, "step": 0.5},
    "starters": [0, 1, 3, 6, 21],
    "examples": [{"name": "Space", "ratings": [[0, 5], [6, 1]]}],
    "about": {
        "dataset": "tiny <b>data</b>",
        "nRatings": 9000,
        "nUsers": 90,
        "nMovies": 40,
        "nMoviesHere": len(MOVIES),
        "firstYear": 1997,
        "lastYear": 1998,
        "ranking": "blend",
        "notes": ["A note."],
        "figures": [{"name": "Test RMSE", "value": 0.905, "low": 0.887, "high": 0.922}],
        "licence": "no redistribution",
        "version": "0.1",
    },
}


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests of a module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, with fake_recommender.js instead of the engine."""
    fake = Path(__file__).with_name("fake_recommender.js").read_text("utf-8")
    with pytest.MonkeyPatch.context() as patch:
        read = bundle.read
        patch.setattr(bundle, "read", lambda name: fake if name == "recommender.js" else read(name))
        html = bundle.render(Packer().text(CONTENT))
    path = tmp_path_factory.mktemp("page") / "movierec.html"
    path.write_text(html, "utf-8")
    return path


@contextmanager
def opening(path: Path, **size: int) -> Iterator[Visit]:
    """Visit the page, once it is ready."""
    with visiting(path, **size) as visit:
        wait(visit.page)
        yield visit


def wait(page: Page) -> None:
    """Until the page has unpacked its data and is drawn."""
    page.wait_for_selector("html:not(.opening)")


def module_page(folder: Path, name: str, *exported: str) -> Path:
    """A page that only has some exports of a module, as globals."""
    script = "\n".join(bundle.modules(name))
    names = json.dumps(exported).replace('"', "")[1:-1]
    path = folder / f"{name}.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>{name}</title>"
        f"<script type=module>{script}\nObject.assign(globalThis, {{ {names} }});</script>",
        "utf-8",
    )
    return path
