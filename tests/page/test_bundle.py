"""The modules of the page in one file: each once, in order, and nothing left to fetch."""

import re
import shutil
import subprocess
from collections import Counter

import pytest

from movierec.page import bundle
from tests.helpers.browser import visiting
from tests.helpers.clone import ROOT
from tests.helpers.pages import make_page, make_params

STATIC = ROOT / "src/movierec/page/static"
MODULES = sorted(path.name for path in STATIC.glob("*.js"))
DECLARED = re.compile(r"^(?:export )?(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
OUTSIDE = re.compile(
    r"""(?:src|href)=["'](?!#|data:)|https?://(?!www\.w3\.org/)|@import|url\((?!"data:)"""
)


def page():
    return bundle.render(make_page(make_params()).data())


def test_no_module_imports_or_exports_any_more():
    code = "\n".join(bundle.modules("app.js"))
    assert not re.search(r"^\s*(import|export)\b", code, re.MULTILINE)


def test_all_modules_are_there_each_after_those_that_it_imports():
    order = list(bundle.modules("app.js"))
    names_of = {bundle.bare(bundle.read(name)): name for name in MODULES}
    names = [names_of[text] for text in order]
    assert sorted(names) == MODULES
    for name in names:
        for match in bundle.IMPORT.finditer(bundle.read(name)):
            assert names.index(match["file"]) < names.index(name)


def test_a_name_is_declared_once_in_all_modules():
    names = Counter(name for file in MODULES for name in DECLARED.findall(bundle.read(file)))
    assert [name for name, count in names.items() if count > 1] == []


def test_nothing_is_fetched(tmp_path):
    assert not OUTSIDE.search(re.sub(r'id="data">[^<]*<', "", page()))
    path = tmp_path / "movierec.html"
    path.write_text(page(), "utf-8")
    with visiting(path) as visit:
        visit.page.wait_for_load_state("load")
        assert (visit.errors, visit.requests) == ([], [])


@pytest.mark.skipif(not shutil.which("tsc"), reason="no TypeScript on the PATH")
def test_the_types_hold():
    config = ROOT / "tests/page/tsconfig.json"
    done = subprocess.run(["tsc", "-p", config], capture_output=True, text=True, check=False)
    assert done.stdout == ""
