"""What is packed comes out again, in Python and in a browser, whatever texts and numbers it has."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from movierec.page.packing import Packer
from tests.helpers.browser import visiting
from tests.helpers.clone import ROOT

HARMFUL = [
    "</script><script>alert(1)</script>",
    "<!-- & \"quotes\" 'and' `ticks` ${x}",
    "\u2028\u2029\u0000 line\nbreaks\r\\",
    "🎬 עברית العربية \u202eleft",
    "/* data */ /* app.js */",
]
NUMBERS = {
    "floats": np.array([[0.1, -1e30], [3.5, 1e-30], [0, -0.0]], np.float32),
    "steps": np.array([0.5, -0.5, 0, 1.25, -127.75, 8000.0]),
    "integers": np.array([[0, 1, -1], [127, -128, 255], [65535, -65536, 2**23]]),
    "none": np.zeros((0, 3)),
}


def unpacked(text):
    """JSON with arrays, as the format is described."""
    content = zlib.decompress(base64.b85decode(text.translate(str.maketrans(",.:/", "&<>`"))))
    size = int.from_bytes(content[:4], "little")
    rest = content[4 + size :]

    def numbers(value):
        if "shape" not in value:
            return value
        n, start = int(np.prod(value["shape"])), value["start"]
        if value["kind"] == "f32":
            return np.frombuffer(rest, "<f4", n, start).reshape(value["shape"])
        planes = np.frombuffer(rest, "u1", value["planes"] * n, start).reshape(value["planes"], n)
        folded = sum((plane.astype(np.int64) << 8 * k) for k, plane in enumerate(planes))
        steps = (folded >> 1) ^ -(folded & 1)
        return (steps * value["step"] + np.zeros(n)).reshape(value["shape"])

    return json.loads(content[4 : 4 + size], object_hook=numbers)


@given(
    arrays.arrays(
        np.float64,
        arrays.array_shapes(min_dims=1, max_dims=2, min_side=0),
        elements=st.floats(-1e6, 1e6),
    ),
    st.sampled_from([1, 0.25, 0.001]),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_arrays_and_texts_come_out_again(array, step, text):
    packer = Packer()
    content = {"rounded": packer.rounded(array, step), "text": text, "f32": packer.exact(array)}
    result = unpacked(packer.text(content))
    coarsest = max(step, np.abs(array).max(initial=0) / 2**24)
    np.testing.assert_allclose(result["rounded"], array, rtol=0, atol=0.51 * coarsest)
    np.testing.assert_array_equal(result["f32"], array.astype(np.float32))
    assert result["text"] == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_packed_data_has_no_character_of_html_or_of_the_end_of_a_string(text):
    packed = Packer().text({"titles": [*HARMFUL, text]})
    assert not re.search(r"""[^!-~]|[&<>"'`\\]""", packed)


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    packer = Packer()
    packed = {
        "floats": packer.exact(NUMBERS["floats"]),
        "steps": packer.rounded(NUMBERS["steps"], 0.25),
        "integers": packer.rounded(NUMBERS["integers"]),
        "none": packer.rounded(NUMBERS["none"]),
    }
    code = (ROOT / "src/movierec/page/static/packing.js").read_text("utf-8")
    code += f'globalThis.data = await unpack("{packer.text(packed | {"titles": HARMFUL})}");'
    path = tmp_path_factory.mktemp("packing") / "page.html"
    path.write_text(f'<meta charset="utf-8"><script type="module">{code}</script>', "utf-8")
    with visiting(path) as visit:
        visit.page.wait_for_function("globalThis.data", timeout=10_000)
        yield visit


@pytest.mark.parametrize("name", NUMBERS)
def test_the_browser_unpacks_numbers(visit, name):
    numbers = visit.page.evaluate(
        f"[...(data.{name} instanceof Float32Array ? data.{name} : data.{name}.values)]"
    )
    expected = NUMBERS[name].ravel().astype(np.float32)
    np.testing.assert_array_equal(np.array(numbers, np.float32), expected)


def test_the_browser_unpacks_texts_and_nothing_runs(visit):
    assert visit.page.evaluate("data.titles") == HARMFUL
    assert (visit.errors, visit.requests) == ([], [])
