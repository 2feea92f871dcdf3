"""Compile kernels once for each processor, and cache them in the user's cache folder.

Numba's own cache is per clone, and it recompiles a function only after an edit of that function's
file, not of the files of the functions it calls. So compiled kernels are cached in a folder named
by the hash of all kernels and of the compiler's versions, which all clones share. Within that
folder, Numba distinguishes versions of Python and processors.
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
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    UserProvidedCacheLocator,
)

logger = logging.getLogger(__name__)
COMPILING = "compiling kernels for this processor, once (up to 10 s)"
FORKED = (
    "kernels cannot run in a process that was forked after they had run; start processes by spawn,"
    ' as in multiprocessing.get_context("spawn"), or by loky of joblib'
)
MAX_AGE = 30 * 86_400  # seconds since the last use


def hash_kernels() -> str:
    """The hash of all files of this folder and of the compiler's versions."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


PARALLEL = []  # the kernels that run in threads
HASH = hash_kernels()
CACHE = Path(numba.config.CACHE_DIR or platformdirs.user_cache_dir("movierec"))
FOLDER = CACHE / f"kernels-{HASH}"
numba.config.CACHE_LOCATOR_CLASSES = ""  # which would replace _Locator
with suppress(OSError):  # not there yet, or read-only
    os.utime(FOLDER)  # marks it as used


def kernel(function=None, **options):
    """Decorate a function with numba.njit; its compiled code is cached in FOLDER."""
    if function is None:
        return functools.partial(kernel, **options)
    compiled = numba.njit(**options)(function)
    if compiled is not function:  # as it is with the JIT off
        compiled._cache = KernelCache(function)
        if options.get("parallel"):
            PARALLEL.append(compiled)
    return compiled


def refuse_after_fork():
    """Make parallel kernels raise an error in a forked process whose parent has run one.

    GNU's OpenMP does not survive a fork: Numba would end the process, and a Pool of
    multiprocessing would start another one forever.
    """
    with suppress(ValueError):  # no parallel kernel has run
        if numba.threading_layer() != "omp":
            return
        from numba.np.ufunc import omppool  # there, since it was used

        for compiled in PARALLEL if omppool.openmp_vendor == "GNU" else ():
            compiled._reset_overloads()
            compiled._compile_for_args = _refuse


def _refuse(*_, **__):
    raise RuntimeError(FORKED)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=refuse_after_fork)


class _Locator(UserProvidedCacheLocator):
    """Tells Numba where compiled code is cached, and when it is out of date."""

    def get_cache_path(self):
        return str(FOLDER)

    def get_source_stamp(self):
        return HASH, super().get_source_stamp()

    def ensure_cache_path(self):
        if FOLDER.parts[0].startswith("~"):
            raise OSError("this user has no home folder; set NUMBA_CACHE_DIR")
        if not FOLDER.exists():
            remove_unused_folders()
        super().ensure_cache_path()

    @classmethod
    def from_function(cls, py_func, py_file):
        return cls(py_func, py_file)


class _Files(CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class _HashedFiles(IndexDataCacheFile):
    """Files of compiled code that end with their hash: damaged code might compute anything."""

    def _save_data(self, name, data):
        code = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(code + hashlib.sha256(code).digest())

    def _load_data(self, name):
        code = Path(self._data_path(name)).read_bytes()
        size = hashlib.sha256().digest_size
        if hashlib.sha256(code[:-size]).digest() != code[-size:]:
            raise ValueError(f"{name} is damaged")
        return super()._load_data(name)  # which ignores the hash


class KernelCache(FunctionCache):
    """Numba's cache on disk. If it cannot be read or written, kernels are compiled again."""

    _impl_class = _Files

    def __init__(self, function):
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _HashedFiles(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig, target_context):
        try:
            compiled = super().load_overload(sig, target_context)
        except Exception:  # unpickling a damaged file may raise anything
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
        except Exception as error:  # an OSError, or any from a damaged index that it cannot replace
            reason = getattr(error, "strerror", None) or error
            log_once(logging.WARNING, f"compiled kernels are not cached: {FOLDER}: {reason}")


@functools.cache
def log_once(level: int, text: str) -> None:
    logger.log(level, text)


def remove_unused_folders() -> None:
    """Delete the caches of other hashes that were not used for MAX_AGE."""
    for folder in CACHE.glob(f"kernels-{'[0-9a-f]' * 16}"):
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - MAX_AGE:
                shutil.rmtree(folder)
