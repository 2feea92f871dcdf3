"""Arrays mapped from a safetensors file, which other tools read too."""

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from movierec.core import array_files
from movierec.core.array_files import ArrayFile
from movierec.core.errors import MovierecError

ARRAYS = {
    "wide": np.arange(12, dtype=np.float32).reshape(3, 4),
    "a_single_number": np.array(3.5),
    "empty": np.zeros((0, 5)),
    "by_column": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every_second": np.arange(10, dtype=np.int32)[::2],
    "counts": np.arange(3),
    "mask": np.array([True, False]),
}


@pytest.fixture
def path(tmp_path):
    return array_files.save(tmp_path / "arrays.safetensors", ARRAYS, {"title": "Amélie"})


def test_the_library_reads_what_is_written(path):
    for name, array in load_file(path).items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype


def test_round_trip(path):
    file = ArrayFile(path)
    assert file.metadata == {"title": "Amélie"}
    assert set(file.names) == set(ARRAYS)
    for name, array in file.arrays().items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)


def test_arrays_are_mapped_and_writing_to_them_leaves_the_file(path):
    array = ArrayFile(path).array("wide")
    assert not array.flags.owndata
    array[:] = -1
    np.testing.assert_array_equal(ArrayFile(path).array("wide"), ARRAYS["wide"])


def test_arrays_in_memory_outlive_their_file(path):
    file = ArrayFile(path, in_memory=True)
    path.write_bytes(b"short")  # to read a mapped array would now end the process
    for name, array in file.arrays().items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.flags.writeable


def test_the_same_arrays_give_the_same_bytes(path, tmp_path):
    again = array_files.save(tmp_path / "again", ARRAYS, {"title": "Amélie"}, shared=True)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match="header"):
        ArrayFile(path)


def test_changed_metadata_is_refused(path):
    path.write_bytes(path.read_bytes().replace("Amélie".encode(), b"Am\xc3\xa8lie"))
    with pytest.raises(ValueError, match="metadata changed"):
        ArrayFile(path)


def test_a_file_of_another_program_is_refused(tmp_path):
    save_file({"wide": ARRAYS["wide"]}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="movierec"):
        ArrayFile(tmp_path / "other.safetensors")


def test_objects_cannot_be_saved(tmp_path):
    with pytest.raises(Exception, match="object"):
        array_files.save(tmp_path / "objects", {"objects": np.array([{}], object)}, {})
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_is_named_as_by_the_system(tmp_path, monkeypatch):
    """safetensors has an exception of its own, in which the system's number is a word."""

    def fail(*_):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", fail)
    with pytest.raises(MovierecError, match="No space left on device; make room"):
        array_files.save(tmp_path / "some.safetensors", {}, {})


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_not_written(tmp_path, number):
    array = np.array([[1.0, number], [2.0, 3.0]], np.float32)
    with pytest.raises(MovierecError, match="not written: factors has numbers that are not finite"):
        array_files.save(tmp_path / "model.safetensors", {"factors": array}, {})
    assert list(tmp_path.iterdir()) == []
