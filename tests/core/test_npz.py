"""Arrays mapped from an .npz: the file np.load reads, its arrays on lines of the cache."""

import zipfile

import numpy as np
import pytest

from movierec.core import npz
from movierec.core.npz import ALIGNMENT, Npz

ARRAYS = {
    "wide": np.arange(12, dtype=np.float32).reshape(3, 4),
    "a_single_number": np.array(3.5),
    "text": np.array("Amélie"),
    "none": np.zeros((0, 5)),
    "by_column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


@pytest.fixture
def path(tmp_path):
    with (tmp_path / "arrays.npz").open("wb") as stream:
        npz.write(stream, ARRAYS)
    return tmp_path / "arrays.npz"


def test_numpy_reads_what_is_written(path):
    with np.load(path, allow_pickle=False) as file:
        assert file.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(file[name], array)
            assert file[name].dtype == array.dtype


@pytest.mark.parametrize("name", ARRAYS)
def test_round_trip(path, name):
    array = Npz(path).array(name)
    np.testing.assert_array_equal(array, ARRAYS[name])
    assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
    assert array.flags.writeable


@pytest.mark.parametrize("name", ["wide", "by_column"])
def test_arrays_begin_on_a_line_of_the_cache_and_are_the_file_s_memory(path, name):
    array = Npz(path).array(name)
    assert array.ctypes.data % ALIGNMENT == 0
    assert not array.flags.owndata
    array[:] = -1
    np.testing.assert_array_equal(Npz(path).array(name), ARRAYS[name])


def test_what_numpy_writes_is_read_too(tmp_path):
    np.savez(tmp_path / "other.npz", **ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(Npz(tmp_path / "other.npz").array(name), array)


def test_what_is_not_asked_for_is_not_read(path):
    content = bytearray(path.read_bytes())
    content[content.index(ARRAYS["wide"].tobytes())] ^= 1
    path.write_bytes(content)
    np.testing.assert_array_equal(Npz(path).array("by_column"), ARRAYS["by_column"])
    with pytest.raises(ValueError, match="CRC"):
        Npz(path).array("wide")


def test_compressed_members_and_pickles_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "small.npz", wide=ARRAYS["wide"])
    with pytest.raises(ValueError, match="compressed"):
        Npz(tmp_path / "small.npz").array("wide")
    np.savez(tmp_path / "pickle.npz", wide=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Npz(tmp_path / "pickle.npz").array("wide")
    (tmp_path / "none.npz").write_bytes(b"none")
    with pytest.raises(zipfile.BadZipFile):
        Npz(tmp_path / "none.npz")
