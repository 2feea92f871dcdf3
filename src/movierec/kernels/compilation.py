"""How kernels are compiled: once for each processor, and kept in the user's cache folder.

Numba alone would keep them by the path of their clone, and compile a function again only after an
edit in its own file, not in those of the functions that it calls. So compiled kernels are kept in a
folder named by the hash of all kernels and of the versions of the compiler, which all clones share.
In there Numba tells versions of Python and processors apart.
"""

import functools
import hashlib
import logging
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import llvmlite
import numba
import platformdirs
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator

logger = logging.getLogger(__name__)
COMPILING = "compiling kernels for this processor, once (up to 10 s)"
KEPT_FOR = 30 * 86_400  # seconds without use


def hash_kernels() -> str:
    """The hash of all files of this room and of the compiler's versions."""
    found = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        found.update(source.read_bytes())
    return found.hexdigest()[:16]


HASH = hash_kernels()
CACHE = Path(numba.config.CACHE_DIR or platformdirs.user_cache_dir("movierec"))
FOLDER = CACHE / f"kernels-{HASH}"
with suppress(OSError):  # not there yet, or read-only
    os.utime(FOLDER)  # in use


def kernel(function=None, **options):
    """A decorator: numba.njit with these options, its compiled code kept in FOLDER."""
    if function is None:
        return functools.partial(kernel, **options)
    compiled = numba.njit(**options)(function)
    if compiled is not function:  # as it is with the JIT off
        compiled._cache = KernelCache(function)
    return compiled


class _Locator(UserProvidedCacheLocator):
    """Where compiled code lies, and by what it is known to be that of the source."""

    def get_cache_path(self):
        return str(FOLDER)

    def get_source_stamp(self):
        return HASH, super().get_source_stamp()

    def ensure_cache_path(self):
        if not FOLDER.exists():
            remove_unused_folders()
        super().ensure_cache_path()

    @classmethod
    def from_function(cls, py_func, py_file):
        return cls(py_func, py_file)


class _Files(CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class KernelCache(FunctionCache):
    """Numba's cache on disk. One that cannot be read or written costs time, and stops nothing."""

    _impl_class = _Files

    def load_overload(self, sig, target_context):
        try:
            compiled = super().load_overload(sig, target_context)
        except Exception:  # unpickling damaged files raises anything
            compiled = None
            logger.debug("cannot read %s", FOLDER, exc_info=True)
            with suppress(OSError):
                self.flush()
        if compiled is None:
            log_once(logging.INFO, COMPILING)
        return compiled

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as error:
            reason = error.strerror or error
            log_once(logging.WARNING, f"compiled kernels are not kept: {FOLDER}: {reason}")


@functools.cache
def log_once(level: int, text: str) -> None:
    logger.log(level, text)


def remove_unused_folders() -> None:
    """Remove compiled kernels of other hashes that nothing has used for long."""
    for folder in CACHE.glob(f"kernels-{'[0-9a-f]' * 16}"):
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - KEPT_FOR:
                shutil.rmtree(folder)
