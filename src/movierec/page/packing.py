"""Arrays and JSON inside an HTML page."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from movierec.core.array_files import Array

DTYPES = {"f32": "<f4", "i32": "<i4", "i16": "<i2", "u16": "<u2", "i8": "i1", "u8": "u1"}
# What could end the script element that holds the JSON, or a line of it.
ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}

Packed = dict[str, Any]


def pack(array: Array, dtype: str) -> Packed:
    """An array as JSON: base64 of its numbers in one of DTYPES, row by row.

    Examples
    --------
    >>> pack(np.array([[1, 2]]), "u8")
    {'dtype': 'u8', 'shape': [1, 2], 'base64': 'AQI='}
    """
    numbers = np.ascontiguousarray(array, DTYPES[dtype])
    return {
        "dtype": dtype,
        "shape": list(numbers.shape),
        "base64": base64.b64encode(numbers.tobytes()).decode(),
    }


def to_json(content: Any) -> str:
    """JSON that may stand in a script element, whatever texts are in it.

    Examples
    --------
    >>> print(to_json(["</script>"]))
    ["\\u003c/script\\u003e"]
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(ESCAPES)
