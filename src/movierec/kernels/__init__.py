"""Compiled kernels: arrays in, arrays out. Nothing here imports anything else of movierec.

Numba's on-disk cache notices an edit in the file of a function, not in the files that it calls.
So the cache lies in a folder named by the hash of all kernels: edit one, and all compile anew.
"""

import hashlib
from pathlib import Path

import numba

_folder = Path(__file__).parent
_hash = hashlib.sha256()
for _source in sorted(_folder.glob("*.py")):
    _hash.update(_source.read_bytes())
numba.config.CACHE_DIR = str(_folder / "__pycache__" / f"kernels-{_hash.hexdigest()[:16]}")
