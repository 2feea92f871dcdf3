"""The data of the page: JSON and arrays of numbers, compressed, as base 85.

Compressed, a page of 10,000 movies is half as large. No character of the text means something in
HTML or ends a string, so no title can break out of it. static/packing.js reads it:

    base85(zlib(length of the JSON as 4 bytes, JSON in UTF-8, arrays))

Base 85 is that of base64.b85encode, with other characters for & < > `: four bytes become five
characters, where base64 needs a third more.

In the JSON, an array is an object with its `shape`, where it `starts` among the bytes of the
arrays, and its `kind`. Numbers of kind f32 are little-endian floats. Those of kind steps are
integers times `step`, in `planes`: the lowest byte of all of them, then the next. A sign is the
lowest bit, as in Protocol Buffers (zigzag), so that small numbers of both signs end in zeros, which
compress well.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np

from movierec.core.array_files import Array

Json = dict[str, Any]
SAFE = str.maketrans("&<>`", ",.:/")  # base 85 has none of , . : /
SINGLE = 2**24  # steps that single precision distinguishes


class Packer:
    """Packs arrays one after the other, and then the JSON that they are part of."""

    def __init__(self) -> None:
        self._arrays: list[bytes] = []

    def exact(self, array: Array) -> Json:
        """An array as it is, in single precision."""
        return self._add(np.ascontiguousarray(array, "<f4").tobytes(), array, kind="f32")

    def rounded(self, array: Array, step: float = 1) -> Json:
        """An array rounded to multiples of a step, or to single precision if that is coarser."""
        step = max(step, float(np.abs(array).max(initial=0)) / SINGLE)
        steps = np.rint(np.asarray(array, np.float64) / step).astype(np.int64)
        folded = ((steps << 1) ^ (steps >> 63)).astype("<u8").reshape(-1, 1).view(np.uint8)
        n_planes = int(np.flatnonzero(folded.any(axis=0)).max(initial=-1)) + 1
        planes = np.ascontiguousarray(folded[:, :n_planes].T)
        return self._add(planes.tobytes(), array, kind="steps", planes=n_planes, step=step)

    def _add(self, content: bytes, array: Array, **how: Any) -> Json:
        start = sum(map(len, self._arrays))
        self._arrays.append(content)
        return {"shape": list(array.shape), "start": start, **how}

    def text(self, content: Json) -> str:
        """The data: JSON that contains what this packer returned."""
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        encoded = text.encode()
        parts = (len(encoded).to_bytes(4, "little"), encoded, *self._arrays)
        return base64.b85encode(zlib.compress(b"".join(parts), 9)).decode().translate(SAFE)
