"""Model files: round trips, and errors for incomplete or changed files."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from movierec.core import array_files, manifests
from movierec.core.errors import MovierecError
from movierec.model.model_file import (
    hash_arrays,
    read_model,
    train_result,
    trained_with,
    write_model,
)
from movierec.serving import folding_in
from movierec.training import rating_model
from movierec.training.in_memory import InMemoryData
from tests.helpers.random_data import MODEL_ARRAYS, SCALE, random_csrs, random_model, train_params

MANIFEST = {"download": manifests.make_record({"init_scale": 0.1}, {"Amélie.zip": "ab"})}


def refusal(path):
    with pytest.raises(MovierecError) as caught:
        read_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.fixture
def model():
    return replace(random_model(4, dtype="float32"), manifest=MANIFEST)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_factors", [0, 3])
def test_round_trip(tmp_path, dtype, n_factors):
    model = replace(random_model(4, n_factors=n_factors, dtype=dtype), manifest=MANIFEST)
    write_model(tmp_path / "models/model.safetensors", model)
    found = read_model(tmp_path / "models/model.safetensors")
    for name in MODEL_ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(model, name))
        assert getattr(found, name).dtype == dtype
    assert (found.global_mean, found.manifest) == (model.global_mean, MANIFEST)
    assert found.n_factors == n_factors


@pytest.mark.parametrize("method", ["als", "gibbs"])
def test_a_model_read_without_its_users_folds_in_to_the_same_row(tmp_path, method):
    params = train_params(model="svdpp", method=method)
    data = InMemoryData.from_params(*random_csrs(3), params, None)
    model = rating_model.fit(data, params, 0, SCALE).model
    write_model(tmp_path / "model.safetensors", model)
    found = read_model(tmp_path / "model.safetensors", users=False)
    assert (found.n_users, found.n_items) == (0, model.n_items)
    given = np.array([4, 1], np.int32), np.array([5, 2.5]), params
    folded, expected = (folding_in.fold_in(one, *given) for one in (found, model))
    for part, of_model in zip(folded.parts, expected.parts, strict=True):
        np.testing.assert_array_equal(part.row.mean, of_model.row.mean)


def test_same_model_gives_the_same_bytes(tmp_path, model):
    for name in ("first", "again"):
        write_model(tmp_path / name, model)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()


def test_other_tools_can_read_it(tmp_path, model):
    write_model(tmp_path / "model.safetensors", model)
    arrays = load_file(tmp_path / "model.safetensors")
    assert {arrays[name].dtype.kind for name in MODEL_ARRAYS} == {"f"}
    assert set(arrays) == {*MODEL_ARRAYS, "global_mean"}


def test_missing_file(tmp_path):
    assert refusal(tmp_path / "model.safetensors") == "no such file; run dvc repro"


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.99])
def test_truncated_file(tmp_path, model, kept):
    path = tmp_path / "model.safetensors"
    write_model(path, model)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    line = refusal(path)
    assert line.startswith("not a complete model (")
    assert line.endswith("; restore it with dvc checkout --force")


@pytest.fixture
def trained(model):
    entry = manifests.make_record({"train": {}}, hash_arrays(model))
    return replace(model, manifest=MANIFEST | {"train": entry})


def test_damaged_array(tmp_path, trained):
    path = tmp_path / "model.safetensors"
    write_model(path, trained)
    content = bytearray(path.read_bytes())
    at = content.index(trained.item_factors.tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert refusal(path) == "changed since it was trained; restore it with dvc checkout --force"


def test_a_hash_depends_on_dtype_shape_and_bytes(trained):
    factors, hashes = trained.item_factors, set()
    for array in (factors, factors + 1, factors.reshape(-1), factors.view("int32")):
        changed = replace(trained, sample_item_biases=array)
        hashes.add(hash_arrays(changed)["sample_item_biases"])
    assert len(hashes) == 4
    transposed = np.asfortranarray(factors)
    assert hash_arrays(replace(trained, item_factors=transposed)) == hash_arrays(trained)


@pytest.mark.parametrize("name", [*MODEL_ARRAYS, "global_mean"])
def test_another_array_than_was_trained(tmp_path, trained, name):
    other = replace(trained, **{name: getattr(trained, name) * 2})
    write_model(tmp_path / "model.safetensors", other)
    line = refusal(tmp_path / "model.safetensors")
    assert line == "changed since it was trained; restore it with dvc checkout --force"


def test_model_without_a_whole_manifest(tmp_path, model):
    write_model(tmp_path / "model.safetensors", replace(model, manifest={"dataset": "tiny"}))
    assert (
        refusal(tmp_path / "model.safetensors") == "not a complete manifest; run dvc repro --force"
    )


@pytest.mark.parametrize(
    "record",
    [{}, {"params": {"train": 1}}, {"params": {"train": {"model": "x"}}, "result": {"refit": []}}],
)
def test_a_record_of_another_version(model, record):
    data = {"rating_min": 1, "rating_max": 5}
    manifest = {"download": {"params": {"data": data}}, "train": record}
    for read in (trained_with, train_result):
        with pytest.raises(MovierecError, match=r"by another version of movierec \(train\.") as e:
            read(replace(model, manifest=manifest))
        assert "\n" not in str(e.value)


def test_missing_array(tmp_path):
    path = tmp_path / "model.safetensors"
    array_files.save(path, {"user_factors": np.zeros((2, 2))}, {})
    assert "item_factors" in refusal(path)


def test_failed_write_leaves_the_old_model(tmp_path, model):
    path = tmp_path / "model.safetensors"
    write_model(path, model)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_model(path, replace(model, manifest={"not": {"JSON"}}))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]
