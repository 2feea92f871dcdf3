"""The page for everybody: accessibility, narrow and wide windows, nothing that jumps."""

import pytest

from tests.page.conftest import opening, wait

pytestmark = pytest.mark.usefixtures("browser")
WIDTHS = (360, 390, 768, 1024, 1280, 1600)
SHIFTS = """() => {
    globalThis.shifts = [];
    const add = list => list.getEntries().forEach(entry => shifts.push(entry.value));
    new PerformanceObserver(add).observe({type: "layout-shift", buffered: true});
}"""


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_accessibility(page_file, width, scheme):
    Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe
    with opening(page_file, width=width) as visit:
        page, axe = visit.page, Axe()
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        problems = {}

        def check(state):
            problems[state] = [
                f"{found['id']}: {node['html'][:120]} {node['failureSummary'][:300]}"
                for found in axe.run(page).response["violations"]
                for node in found["nodes"]
            ]

        check("first visit")
        page.locator("#examples button").first.click()
        check("rated")
        page.fill("#search", "star")
        check("search")
        page.fill("#search", "nothing like this")
        check("nothing found")
        page.locator("#list .why").first.click()
        check("movie")
        page.keyboard.press("Escape")
        if width == 360:
            page.locator("#mine summary").click()
        page.get_by_role("button", name="Share").click()
        check("share")
        page.keyboard.press("Escape")
        content = b"title,year,rating\nOppenheimer,2023,4\n"
        page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": content})
        page.locator("#import-dialog[open]").wait_for()
        check("import")
        page.keyboard.press("Escape")
        page.get_by_label("Rate with like and dislike").check()
        check("thumbs")
        assert not any(problems.values()), problems


@pytest.mark.parametrize("width", WIDTHS)
def test_fits_the_window(page_file, width):
    with opening(page_file, width=width) as visit:
        page = visit.page
        page.locator("#examples button").first.click()
        while page.locator("#more").is_visible():
            page.locator("#more").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        beyond = page.evaluate(
            """() => [...document.querySelectorAll("#list *, #mine *, #filters *, footer *")]
                .filter(one => one.getClientRects().length && !one.closest(".hidden, .label"))
                .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
                .map(one => one.outerHTML.slice(0, 80))"""
        )
        assert beyond == []
        overlapping = page.evaluate(
            """() => [...document.querySelectorAll(".row")].filter(row => {
                const boxes = [...row.children].map(one => one.getBoundingClientRect());
                return boxes.some((a, i) => boxes.slice(i + 1).some(b =>
                    a.left < b.right - 1 && b.left < a.right - 1 &&
                    a.top < b.bottom - 1 && b.top < a.bottom - 1));
            }).map(row => row.innerText)"""
        )
        assert overlapping == []
        page.locator("#list .title").get_by_text("Supercali").click()
        assert page.evaluate("movie.scrollWidth <= movie.clientWidth")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_jumps(page_file, width):
    with opening(page_file, width=width) as visit:
        page = visit.page
        page.add_init_script(f"({SHIFTS})()")
        page.reload()
        wait(page)
        page.evaluate("new Promise(requestAnimationFrame)")
        page.mouse.wheel(0, 600)
        page.evaluate("new Promise(requestAnimationFrame)")
        assert sum(page.evaluate("shifts")) < 0.01
        before = page.locator("#list .row").first.bounding_box()["y"]
        page.locator("#starters .stars").first.click(position={"x": 80, "y": 15})
        assert page.locator("#list .row").first.bounding_box()["y"] == before
