"""The tests' browser hears of errors and of requests that leave; else its silence says nothing."""

from tests.helpers.browser import visiting

BAD = """<!doctype html><title>bad</title><p>words</p>
<script src="https://example.org/vega.js"></script><img src="http://example.org/a.png">
<script>console.error("said"); fetch("https://example.org/data").catch(() => 0)</script>
<script>throw new Error("thrown")</script>"""


def test_what_leaves_and_what_fails_is_heard(tmp_path):
    (tmp_path / "page.html").write_text(BAD, "utf-8")
    with visiting(tmp_path / "page.html", width=400) as visit:
        assert visit.page.evaluate("innerWidth") == 400
        assert set(visit.requests) == {
            "https://example.org/vega.js",
            "http://example.org/a.png",
            "https://example.org/data",
        }
        assert "said" in visit.errors
        assert "thrown" in visit.errors
        assert sum("ERR_INTERNET_DISCONNECTED" in error for error in visit.errors) == 3


def test_a_good_page_is_silent(tmp_path):
    (tmp_path / "page.html").write_text("<!doctype html><title>good</title><p>words</p>", "utf-8")
    with visiting(tmp_path / "page.html") as visit:
        assert visit.page.inner_text("p") == "words"
        assert (visit.requests, visit.errors) == ([], [])
