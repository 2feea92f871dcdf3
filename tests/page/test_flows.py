"""What people do on the page, by mouse and by keyboard, in a browser without a network."""

import csv
import io
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect

from movierec.page import bundle
from tests.helpers.pages import make_page, make_params
from tests.page.conftest import MOVIES, opening, wait

pytestmark = pytest.mark.usefixtures("browser")
LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2024-01-01,Star Wars,1977,https://boxd.it/1,5
2024-01-02,The Godfather,1972,https://boxd.it/2,0.5
2024-01-03,Oppenheimer,2023,https://boxd.it/3,4
2024-01-04,"<script>alert(3)</script>, or a Title",2024,https://boxd.it/4,4
2024-01-05,Fargo,1996,https://boxd.it/5,
"""
IMDB = """Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Year
tt1,10,2024-01-01,Leon: The Professional,Léon,https://i/1,Movie,8.5,1994
tt2,9,2024-01-01,Se7en,Se7en,https://i/2,Movie,8.6,1995
tt3,8,2024-01-01,Fargo,Fargo,https://i/3,TV Series,8.9,2014
tt4,1,2024-01-01,Psycho,Psycho,https://i/4,Movie,4.6,1998
"""


@pytest.fixture
def page(page_file):
    """The page on a first visit; no request may leave it and nothing may fail."""
    with opening(page_file) as visit:
        yield visit.page
        assert (visit.requests, visit.errors) == ([], [])


def titles(page: Page, where: str = "#list") -> list[str]:
    return page.locator(f"{where} button.title").all_inner_texts()


def rated(page: Page) -> dict[str, str]:
    """The ratings in "Your ratings", by title."""
    rows = page.locator("#ratings li")
    return {
        row.locator(".title").inner_text(): row.locator("input").get_attribute("aria-valuetext")
        for row in rows.all()
    }


def click_star(page: Page, row, stars: float) -> None:
    box = row.locator(".stars").bounding_box()
    x = box["width"] * (stars - 0.25) / 5
    row.locator(".stars").click(position={"x": x, "y": box["height"] / 2})


def row_of(page: Page, title: str, where: str = "#list"):
    name = page.get_by_role("button", name=title, exact=True)
    return page.locator(f"{where} li").filter(has=name)


def show_all(page: Page) -> None:
    more = page.get_by_role("button", name="Show more")
    while more.is_visible():
        more.click()


def import_file(page: Page, name: str, content: bytes | str) -> None:
    content = content.encode() if isinstance(content, str) else content
    page.set_input_files("#file", {"name": name, "mimeType": "text/csv", "buffer": content})
    expect(page.locator("#import-dialog")).to_be_visible()


SEARCHES = {
    "star w": "Star Wars",
    "wars star": "Star Wars",
    "tar war": "Star Wars",
    "godfather": "The Godfather",
    "the godfather": "The Godfather",
    "godfather 2": "The Godfather: Part II",
    "leon": "Léon",
    "LÉON": "Léon",
    "12 monkeys": "Twelve Monkeys",
    "twelve": "Twelve Monkeys",
    "spiderman": "Spider-Man",
    "schindlers": "Schindler's List",
    "la confidential": "L.A. Confidential",
    "postman": "Il Postino (The Postman)",
    "psycho 1998": "Psycho",
    "se7en": "Seven (Se7en)",
    "titanc": "Titanic",
    "emprie strikes": "The Empire Strikes Back",
    "khan": "Star Trek: The Wrath of Khan",
    "🥩": "Delicatessen 🥩👩‍🍳",
    "مرايا": "مرايا الصمت",
    "<script>": "<script>alert(1)</script>",
}


def test_search_finds(page):
    for query, first in SEARCHES.items():
        page.fill("#search", query)
        assert (query, titles(page, "#results")[0]) == (query, first)


def test_search_tells_years_apart_and_genres(page):
    page.fill("#search", "psycho")
    facts = page.locator("#results .facts").all_inner_texts()
    assert facts == ["1960 · Horror", "1998 · Horror"]


def test_search_offers_nearly_the_spelling(page):
    page.fill("#search", "gldfather")
    expect(page.locator("#results")).to_contain_text("Did you mean")
    assert titles(page, "#results")[0] == "The Godfather"


def test_search_says_what_is_missing(page):
    for query in ("Barbie", "Oppenheimer 2023", "<b>x</b>zzz", "star wars 2015"):
        page.fill("#search", query)
        expect(page.locator("#results")).to_have_text(
            f"“{query}” is not in these data, which end in 1998."
        )


def test_by_mouse(page):
    assert titles(page)[:3] == ["Star Wars", "Fargo", "The Godfather"]
    page.fill("#search", "alien")
    click_star(page, row_of(page, "Alien", "#results"), 4.5)
    assert rated(page) == {"Alien": "4.5 stars"}
    expect(page.locator("#n-ratings")).to_have_text("1")
    assert titles(page)[:2] == ["Star Wars", "Return of the Jedi"]
    assert "Alien" not in titles(page)
    page.locator("#recommended-title").click()
    expect(page.locator("#results")).to_be_hidden()

    row_of(page, "Return of the Jedi").get_by_role("button", name="Why").click()
    numbers = page.locator("#movie td.number").all_inner_texts()
    *parts, total = [int(number.replace("−", "-")) for number in numbers]
    assert sum(parts) == total
    expect(page.locator("#movie .predicted")).to_have_text("Predicted rating 3.5 ± 0.4")
    lines = page.locator("#movie tbody th").all_inner_texts()
    assert lines == ["Alien (1979) 4.5 stars", "Apart from your ratings", "Score"]
    page.get_by_role("button", name="Close").click()

    row = page.locator("#ratings li")
    click_star(page, row, 2)
    assert rated(page) == {"Alien": "2 stars"}
    assert titles(page)[0] == "Fargo"
    row.get_by_role("button", name="Remove your rating of Alien").click()
    assert rated(page) == {}
    assert titles(page)[:3] == ["Star Wars", "Fargo", "The Godfather"]


def test_by_keyboard(page):
    press = page.keyboard.press
    press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("star")
    press("ArrowDown")
    press("ArrowDown")
    second = page.locator("#results li input").nth(1)
    expect(second).to_have_accessible_name("Your rating of Star Trek: The Wrath of Khan (1982)")
    expect(second).to_be_focused()
    press("ArrowUp")
    press("ArrowRight")  # the lowest rating: there is none below 1 star
    assert rated(page) == {"Star Wars": "1 star"}
    press("ArrowRight")
    assert rated(page) == {"Star Wars": "1.5 stars"}
    press("4")
    assert rated(page) == {"Star Wars": "4 stars"}
    press("Escape")
    expect(page.locator("#search")).to_be_focused()
    expect(page.locator("#results")).to_be_hidden()
    expect(page.locator("#status")).to_contain_text(
        "Star Wars (1977): 4 stars. First in the list: Return of the Jedi (1983)"
    )

    why = page.get_by_role("button", name="Why Return of the Jedi (1983)?")
    why.focus()
    press("Enter")
    expect(page.locator("#movie-title")).to_be_focused()
    press("Tab")
    press("Tab")
    press("3")
    assert rated(page) == {"Return of the Jedi": "3 stars", "Star Wars": "4 stars"}
    expect(page.locator("#movie .reasons")).to_contain_text("You have rated this movie")
    assert page.locator("#movie .predicted").count() == 0
    press("Delete")
    assert rated(page) == {"Star Wars": "4 stars"}
    press("Escape")
    expect(page.locator("#movie")).to_be_hidden()
    expect(page.locator("#recommended")).to_be_focused()  # its row was drawn again

    page.get_by_role("button", name="Remove your rating of Star Wars (1977)").last.focus()
    press("Enter")
    assert rated(page) == {}


def test_row_stays_while_it_is_rated(page):
    row = row_of(page, "The Godfather")
    click_star(page, row, 2)
    assert titles(page).index("The Godfather") == 2
    click_star(page, row, 5)
    assert rated(page) == {"The Godfather": "5 stars"}
    page.locator("#variety").check()
    page.locator("#variety").uncheck()
    assert "The Godfather" not in titles(page)


def test_like_and_dislike(page):
    page.get_by_label("Rate with like and dislike").check()
    row = row_of(page, "Fargo")
    row.get_by_role("button", name="Like Fargo (1996)", exact=True).click()
    button = page.locator("#ratings").get_by_role("button", name="Like Fargo (1996)", exact=True)
    expect(button).to_have_attribute("aria-pressed", "true")
    page.locator("#ratings").get_by_role("button", name="Dislike Fargo (1996)").click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.get_by_label("Rate with like and dislike").uncheck()
    assert rated(page) == {"Fargo": "2 stars"}


def test_filters(page):
    by_title = {movie["title"]: movie for movie in MOVIES}
    page.get_by_label("Genre").select_option("Horror")
    assert titles(page) == ["Alien", "Scream", "Psycho", "Psycho"]
    page.get_by_label("Years").select_option("1990s")
    assert titles(page) == ["Scream", "Psycho"]
    page.get_by_label("How well known").select_option("Well known")
    assert titles(page) == ["Scream"]
    page.get_by_label("Years").select_option("1920s")
    assert titles(page) == []
    expect(page.locator("#none")).to_be_visible()
    for label in ("Genre", "Years", "How well known"):
        page.get_by_label(label).select_option("Any")
    before = titles(page)
    page.get_by_label("More variety").check()
    assert titles(page) == before[::2] + titles(page)[len(before[::2]) :] != before
    assert len(by_title) == len(MOVIES)


def test_more_movies(page):
    assert len(titles(page)) == 10
    show_all(page)
    assert len(titles(page)) == len(MOVIES)


def test_starters_and_examples(page):
    starters = page.locator("#starters li")
    assert starters.count() == 5
    click_star(page, starters.nth(1), 3)
    assert rated(page) == {"Fargo": "3 stars"}
    page.get_by_role("button", name="Space").click()
    assert rated(page) == {"Scream": "1 star", "Star Wars": "5 stars"}
    page.get_by_role("button", name="Undo").click()
    assert rated(page) == {"Fargo": "3 stars"}


def test_similar_movies(page):
    row_of(page, "Star Wars").locator(".title").click()
    similar = page.locator(".similar .title")
    assert similar.first.inner_text() == "Return of the Jedi"
    similar.first.click()
    expect(page.locator("#movie-title")).to_have_text("Return of the Jedi")


def test_ratings_are_remembered(page):
    click_star(page, row_of(page, "Fargo"), 3.5)
    page.reload()
    wait(page)
    assert rated(page) == {"Fargo": "3.5 stars"}
    assert page.locator("#start").get_attribute("open") is None
    page.get_by_role("button", name="Remove all").click()
    assert rated(page) == {}
    page.get_by_role("button", name="Undo").click()
    assert rated(page) == {"Fargo": "3.5 stars"}


def test_without_storage(page_file):
    with opening(page_file) as visit:
        visit.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('denied') }})"
        )
        visit.page.reload()
        wait(visit.page)
        click_star(visit.page, row_of(visit.page, "Fargo"), 3.5)
        assert rated(visit.page) == {"Fargo": "3.5 stars"}
        assert visit.errors == []


def test_share_link(page, page_file):
    click_star(page, row_of(page, "Fargo"), 3.5)
    click_star(page, row_of(page, "The Godfather"), 5)
    page.get_by_role("button", name="Share").click()
    link = page.get_by_label("Link", exact=True).input_value()
    assert link == f"{page_file.as_uri()}#ratings=51:3.5,52:5"
    with opening(page_file) as other:
        click_star(other.page, row_of(other.page, "Alien"), 1)
        other.page.goto(f"{link},999:4,53:77")
        wait(other.page)
        note = other.page.locator("#link-note")
        expect(note).to_contain_text("without 1 of movies that are not in this page")
        assert rated(other.page) == {"The Godfather": "5 stars", "Fargo": "3.5 stars"}
        note.get_by_role("button", name="Back to my ratings").click()
        assert rated(other.page) == {"Alien": "1 star"}
        other.page.goto(link)
        wait(other.page)
        note.get_by_role("button", name="Keep them as mine").click()
        other.page.reload()
        wait(other.page)
        assert rated(other.page) == {"The Godfather": "5 stars", "Fargo": "3.5 stars"}
        assert "#" not in other.page.url


def test_damaged_links(page, page_file):
    for fragment in ("#ratings=", "#ratings=%E0%A4%A:4", "#ratings=:::,,5", "#x"):
        page.goto("about:blank")
        page.goto(page_file.as_uri() + fragment)
        wait(page)
        assert rated(page) == {}


def test_csv_round_trip(page):
    click_star(page, page.locator("#starters li").nth(4), 2.5)  # <script>
    click_star(page, row_of(page, "Star Wars"), 4)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    content = download.value.path().read_bytes()
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0] == {
        "title": "<script>alert(1)</script> (1994)",
        "year": "1994",
        "rating": "2.5",
        "movie_id": "71",
    }
    page.get_by_role("button", name="Remove all").click()
    import_file(page, "movierec-ratings.csv", content)
    assert rated(page) == {"Star Wars": "4 stars", "<script>alert(1)</script>": "2.5 stars"}


def test_import_letterboxd(page):
    click_star(page, row_of(page, "Alien"), 2)
    import_file(page, "ratings.csv", LETTERBOXD)
    dialog = page.locator("#import-dialog")
    expect(dialog).to_contain_text("2 ratings imported")
    expect(dialog).to_contain_text("ratings.csv (Letterboxd): 2 of 4 rated movies found")
    expect(dialog).to_contain_text("1 row skipped: without a rating")
    assert dialog.locator("li").all_inner_texts() == [
        "Oppenheimer (2023)",
        "<script>alert(3)</script>, or a Title (2024)",
    ]
    assert rated(page) == {"The Godfather": "1 star", "Star Wars": "5 stars", "Alien": "2 stars"}
    page.get_by_role("button", name="Undo the import").click()
    expect(dialog).to_be_hidden()
    assert rated(page) == {"Alien": "2 stars"}


def test_import_zip(page):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            archive.writestr("profile.csv", "Username\nx\n" * 50)
            archive.writestr("ratings.csv", LETTERBOXD)
            archive.writestr("deleted/ratings.csv", "Name\n")
        import_file(page, "letterboxd.zip", content.getvalue())
        page.keyboard.press("Escape")
        assert rated(page) == {"The Godfather": "1 star", "Star Wars": "5 stars"}
        page.get_by_role("button", name="Remove all").click()


def test_import_imdb(page):
    import_file(page, "imdb.csv", IMDB)
    expect(page.locator("#import-dialog")).to_contain_text("1 row skipped: of type TV Series")
    assert rated(page) == {"Psycho": "1 star", "Seven (Se7en)": "4.6 stars", "Léon": "5 stars"}


def test_import_by_dropping(page):
    page.evaluate(
        """text => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], "ratings.csv"));
            const options = {dataTransfer, cancelable: true, bubbles: true};
            const event = type => new DragEvent(type, options);
            document.body.dispatchEvent(event("dragover"));
            if (document.getElementById("drop").hidden) throw new Error("no sign of the drop");
            document.body.dispatchEvent(event("drop"));
        }""",
        LETTERBOXD,
    )
    expect(page.locator("#import-dialog")).to_be_visible()
    expect(page.locator("#drop")).to_be_hidden()
    assert rated(page) == {"The Godfather": "1 star", "Star Wars": "5 stars"}


REFUSED = {
    LETTERBOXD.replace(",0.5", ",7"): "row 3: “7” is not a rating from 0.5 to 5",
    LETTERBOXD.replace(",0.5", ",good"): "row 3: “good” is not a rating from 0.5 to 5",
    "a,b\n1,2\n": "no columns with titles and ratings",
    "": "no columns with titles and ratings",
    'title,rating\n"Fargo,4\n': "a quotation mark is not closed",
    b"PK\x03\x04 not a zip": "a damaged zip",
}


def test_import_refuses(page):
    for content, problem in REFUSED.items():
        import_file(page, "x<b>.csv", content)
        expect(page.locator("#import-dialog")).to_contain_text(f"x<b>.csv: {problem}")
        expect(page.locator("#import-title")).to_have_text("Nothing was imported")
        page.keyboard.press("Escape")
    assert rated(page) == {}


def test_map(page):
    canvas = page.locator("#map")
    canvas.scroll_into_view_if_needed()
    canvas.focus()
    page.keyboard.press("ArrowRight")
    name = page.locator("#tip").inner_text().split(" · ")[0]
    page.keyboard.press("Enter")
    expect(page.locator("#movie-title")).to_have_text(name)
    page.keyboard.press("Escape")

    box = canvas.bounding_box()
    shown = set()
    for x in range(20, int(box["width"]), 25):
        page.mouse.move(box["x"] + x, box["y"] + box["height"] / 2)
        if page.locator("#tip").is_visible():
            shown.add(page.locator("#tip").inner_text())
            point = (box["x"] + x, box["y"] + box["height"] / 2)
    assert shown
    page.mouse.move(*point)
    name = page.locator("#tip").inner_text().split(" · ")[0]
    page.mouse.click(*point)
    expect(page.locator("#movie-title")).to_have_text(name)
    page.keyboard.press("Escape")

    picture = "document.getElementById('map').toDataURL()"
    pictures = [page.evaluate(picture)]
    for act in (
        lambda: page.mouse.wheel(0, -300),
        lambda: (page.mouse.down(), page.mouse.move(point[0] + 60, point[1] + 30), page.mouse.up()),
        lambda: page.get_by_role("button", name="Show the whole map").click(),
        lambda: click_star(page, page.locator("#starters li").nth(1), 5),
    ):
        page.mouse.move(*point)
        act()
        page.mouse.move(5, 5)
        page.evaluate("new Promise(requestAnimationFrame)")
        page.evaluate("new Promise(requestAnimationFrame)")
        pictures.append(page.evaluate(picture))
    assert len(set(pictures)) >= 4
    expect(page.locator("#movie")).to_be_hidden()  # a drag is not a click


def test_the_map_obeys_the_filters(page):
    canvas, genres = page.locator("#map"), set()
    canvas.scroll_into_view_if_needed()
    picture = "document.getElementById('map').toDataURL()"
    before = page.evaluate(picture)
    page.get_by_label("Genre").select_option("Comedy")
    canvas.focus()
    for direction in ("Right", "Down", "Left", "Up", "Right"):
        for _ in range(4):
            page.keyboard.press(f"Arrow{direction}")
        genres.add(page.locator("#tip").inner_text().rpartition(" · ")[2])
    assert genres == {"Comedy"}
    assert page.evaluate(picture) != before


def test_titles_are_text(page):
    show_all(page)
    names = {re.sub(r" \(\d{4}\)$", "", movie["title"]) for movie in MOVIES}
    assert set(titles(page)) == names
    row_of(page, '<img src=x onerror=alert(2)> & "Quotes"').locator(".title").click()
    expect(page.locator("#movie-title")).to_have_text('<img src=x onerror=alert(2)> & "Quotes"')
    assert page.locator("img, main script, #movie script").count() == 0


def test_says_what_it_was_made_from(page):
    about = page.locator("#about")
    for text in (
        "tiny <b>data</b>: 9,000 ratings of 40 movies by 90 users, given from 1997 to 1998",
        f"the most rated {len(MOVIES)} movies from 1926 to 1998",
        "blend, movierec 0.1",
        "0.905 (95% interval 0.887 to 0.922)",
        "Licence of the data: no redistribution.",
        "A note.",
    ):
        expect(about).to_contain_text(text)


def test_with_the_engine(tmp_path):
    path = tmp_path / "movierec.html"
    path.write_text(bundle.render(make_page(make_params()).data()), "utf-8")
    with opening(path) as visit:
        page = visit.page
        title = titles(page)[0]
        click_star(page, page.locator("#list li").first, 4.5)
        page.get_by_label("More variety").check()
        assert rated(page) == {title: "4.5 stars"}
        assert title not in titles(page)
        page.locator("#list .why").first.click()
        numbers = page.locator("#movie td.number").all_inner_texts()
        *parts, total = [int(number.replace("−", "-")) for number in numbers]
        assert sum(parts) == total
        assert len(titles(page, ".similar")) > 1
        assert (visit.requests, visit.errors) == ([], [])
