"""Estimators: ids in and out, unknown ids, scikit-learn's conventions, files."""

import inspect
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.base import clone

import movierec as mr
from movierec.core import array_files
from movierec.core.array_files import ArrayFile
from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import Csr
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_ratings

RATINGS = random_ratings(3, 30, 20, 300)
FRAME = pd.DataFrame(
    {
        "user_id": RATINGS.user_index + 100,
        "item_id": [f"m{item}" for item in RATINGS.item_index],
        "rating": RATINGS.rating,
    }
)
GENRES = {f"m{item}": ["Comedy", "Drama"][item % 2 :] for item in range(20)}
SMALL = {"n_factors": 3, "random_state": 1}
ESTIMATORS = [
    mr.ALS(max_epochs=4, **SMALL),
    mr.ALS(model="svdpp", max_epochs=4, **SMALL),
    mr.ALS(model="genre_mf", max_epochs=4, **SMALL),
    mr.ALS(model="damped_biases"),
    mr.GibbsMF(burn_in=2, samples=3, thin=1, **SMALL),
    mr.ImplicitALS(max_epochs=4, **SMALL),
    mr.Blend(mr.ImplicitALS(max_epochs=3, **SMALL), mr.ALS(max_epochs=3, **SMALL)),
    mr.ItemRegression(ridge=5, weights_per_item=9),
    mr.Popularity(),
    mr.ItemKNN(n_neighbours=5),
]
NAMES = [f"{type(model).__name__}-{number}" for number, model in enumerate(ESTIMATORS)]
FITTED = [
    clone(model).fit(FRAME, genres=GENRES if getattr(model, "model", "") == "genre_mf" else None)
    for model in ESTIMATORS
]
EVERY = pytest.mark.parametrize("model", FITTED, ids=NAMES)
RATING_MODELS = [model for model in FITTED if hasattr(model, "predict")]
LINEAR = [
    model
    for model in FITTED
    if hasattr(model, "user_factors_") or isinstance(model, mr.Blend | mr.ItemRegression)
]


@EVERY
def test_lists_hold_the_best_unseen_items(model) -> None:
    lists = model.recommend([101, 100], n=4)
    seen = set(FRAME[["user_id", "item_id"]].itertuples(index=False, name=None))
    assert lists.user_id.tolist() == [101] * 4 + [100] * 4
    assert not seen & set(lists[["user_id", "item_id"]].itertuples(index=False, name=None))
    assert (lists.groupby("user_id").score.diff().dropna() <= 0).all()
    only = model.recommend([101], n=4, items=["m3", "m4", "m5"], exclude_seen=False)
    assert set(only.item_id) <= {"m3", "m4", "m5"}


@EVERY
def test_a_file_holds_the_whole_model(model, tmp_path) -> None:
    path = model.save(tmp_path / "model.safetensors")
    same = type(model).load(path)
    path.rename(tmp_path / "elsewhere")  # it is not needed any more
    for part, own in zip(parts_of(same), parts_of(model), strict=True):
        assert_same_fitted(part, own)
    assert repr(same) == repr(model)
    pd.testing.assert_frame_equal(same.recommend(n=3), model.recommend(n=3))
    new_user = {"m1": 5, "m2": 1.5}
    pd.testing.assert_frame_equal(same.recommend_for(new_user), model.recommend_for(new_user))
    again = same.save(tmp_path / "again.safetensors")
    assert again.read_bytes() == (tmp_path / "elsewhere").read_bytes()


def parts_of(model) -> list:
    return [model.watched, model.rated] if isinstance(model, mr.Blend) else [model]


def assert_same_fitted(one, other) -> None:
    """All attributes that exist after `fit`."""
    names = {name for name in vars(other) if name.endswith("_")}
    assert names == {name for name in vars(one) if name.endswith("_")}
    for name in names:
        own, expected = getattr(one, name), getattr(other, name)
        if name == "epochs_":
            pd.testing.assert_frame_equal(own, expected)
        elif name in ("model_", "regression_"):
            for key, array in expected.arrays.items():
                np.testing.assert_array_equal(own.arrays[key], array)
        elif name == "ratings_":
            pd.testing.assert_frame_equal(own.to_pandas(), expected.to_pandas())
        else:
            np.testing.assert_equal(own, expected)


@EVERY
def test_a_new_user_gets_items_that_they_have_not_rated(model) -> None:
    lists = model.recommend_for({"m1": 5, "m2": 1}, n=50)
    assert not {"m1", "m2"} & set(lists.item_id)
    assert lists["rank"].tolist() == list(range(1, len(lists) + 1))


@pytest.mark.parametrize("model", LINEAR, ids=lambda model: type(model).__name__)
def test_contributions_and_the_rest_are_the_score(model) -> None:
    ratings = {"m7": 3, "m1": 5, "m2": 1}
    for _, row in model.recommend_for(ratings, n=3).iterrows():
        parts = model.explain(ratings, row.item_id)
        assert parts.contribution.sum() == pytest.approx(row.score, abs=1e-5)
        assert dict(zip(parts.item_id[:-1], parts.rating, strict=False)) == ratings
        assert (parts.contribution[:-1].abs().diff().dropna() <= 0).all()
        assert parts.iloc[-1].isna().tolist() == [True, True, False]


def test_explanations_keep_ids_that_are_integers() -> None:
    als = mr.ALS(**SMALL).fit((RATINGS.user_index, RATINGS.item_index, RATINGS.rating))
    assert als.explain({3: 5, 4: 1}, 5).item_id.dropna().isin([3, 4]).all()


@pytest.mark.parametrize("model", RATING_MODELS, ids=lambda model: type(model).__name__)
def test_predictions_are_of_the_ids_given(model) -> None:
    rated = getattr(model, "rated_", model)
    users, items = FRAME.user_id.to_numpy(), FRAME.item_id.to_numpy()
    factors = rated.scorer()
    rows = {user: row for row, user in enumerate(model.user_ids_)}
    columns = {item: column for column, item in enumerate(model.item_ids_)}
    for user, item, predicted in zip(users[:9], items, model.predict(users, items), strict=False):
        row, column = rows[user], columns[item]
        expected = factors.global_mean + factors.user_biases[row] + factors.item_biases[column]
        expected += factors.user_factors[row] @ factors.item_factors[column]
        assert predicted == pytest.approx(np.clip(expected, 1, 5), abs=1e-5)


def test_a_blended_score_is_a_mean_and_a_share_of_the_rating_less_the_mean() -> None:
    blend = next(model for model in FITTED if isinstance(model, mr.Blend))
    new_user = {"m1": 5, "m2": 1}
    score, watched, rated, regressed = (
        part.recommend_for(new_user, n=50).set_index("item_id").score
        for part in (blend, blend.watched_, blend.rated_, blend.regression_)
    )
    share, mean = blend.rating_weight / 4, blend.rated_.model_.global_mean
    expected = 0.6 * watched + 0.4 * regressed + share * (rated - mean)
    pd.testing.assert_series_equal(score, expected, check_like=True)


def test_unknown_ids_are_refused_or_predicted_from_their_prior() -> None:
    als = FITTED[0]
    with pytest.raises(KeyError, match=r"user 999 was not in the ratings"):
        als.predict([100, 999], "m1")
    with pytest.raises(KeyError, match="item 'no' was not"):
        als.predict(100, "no")
    with pytest.raises(KeyError, match="user 'x' was not"):
        als.recommend(["x"])
    mean, biases = als.model_.global_mean, als.model_.user_biases
    place = als.user_ids_.tolist().index(100)
    predicted = als.predict([999, 100], ["no", "no"], unknown="prior_mean")
    np.testing.assert_allclose(predicted, [mean, mean + biases[place]], rtol=1e-6)


ALS, BLEND, KNN = FITTED[0], FITTED[6], FITTED[-1]
ONE_GENRE = {**GENRES, "m3": "Drama"}


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: mr.ALS(n_factors=-1).fit(FRAME), "n_factors: should be an integer, 0 to 1024"),
        (lambda: mr.ALS(n_factors=25).fit(FRAME), "^n_factors: 25 is too many for 30 users and 20"),
        (lambda: mr.ALS(model="x").fit(FRAME), "model: should be"),
        (lambda: mr.ALS(model="genre_mf").fit(FRAME), "needs the genres"),
        (lambda: mr.ALS(model="genre_mf").fit(FRAME, genres={1: ["War"]}), "genres: none is of an"),
        (lambda: mr.ALS(model="genre_mf").fit(FRAME, genres=ONE_GENRE), "those of 'm3' are one"),
        (lambda: mr.ALS().fit(FRAME, genres=GENRES), r"genres: ALS\(\) does not use them"),
        (lambda: mr.Blend().fit(FRAME, genres=GENRES), r"genres: Blend\(\) does not use them"),
        (lambda: mr.ALS(rating_scale=(1, 4)).fit(FRAME), "not all are from 1 to 4"),
        (lambda: mr.ALS(rating_scale="15").fit(FRAME), "rating_scale should be two numbers"),
        (lambda: mr.ALS(rating_scale=(5, 1)).fit(FRAME), "rating_scale: 5 should be below 1"),
        (lambda: mr.ALS(n_jobs=0).fit(FRAME), "n_jobs should be an integer from 1, not 0"),
        (lambda: mr.ALS(random_state=1.7).fit(FRAME), "random_state should be an integer from 0"),
        (lambda: mr.ALS(random_state="7").fit(FRAME), "random_state should be an integer from 0"),
        (lambda: mr.ALS(random_state=None).fit(FRAME), "random_state should be an integer from 0"),
        (lambda: mr.ItemKNN(n_neighbours=1.5).fit(FRAME), "n_neighbours should be an integer"),
        (lambda: mr.ALS().fit(FRAME, 1.5), "validation should be above 0 and below 1, not 1.5"),
        (lambda: mr.ALS().fit(FRAME, FRAME[:9]), "validation: 9 of its 9 ratings are also among"),
        (lambda: mr.ALS().fit(FRAME[:1], 0.5), "^validation: no ratings to fit on are left"),
        (lambda: mr.ALS().fit(([1, 1], [1, 2], [3, 4]), 0.9), "without 0.9 of each user's; lower"),
        (lambda: mr.ALS().fit(mr.split(FRAME, validation_fraction=0).validation), "are none"),
        (lambda: mr.ALS().predict(1, 1), "is not fitted"),
        (lambda: mr.ItemKNN().recommend(), "is not fitted"),
        (lambda: mr.Blend().explain({}, 1), "is not fitted"),
        (lambda: mr.Blend(rating_weight=np.inf).fit(FRAME), "rating_weight should be a number"),
        (lambda: ALS.recommend_for({"m1": 6}), "that of 'm1' should be from 1 to 5, not 6"),
        (lambda: ALS.recommend_for({"m1": "5"}), "that of 'm1' should be from 1 to 5, not '5'"),
        (lambda: ALS.recommend_for({}), "at least one"),
        (lambda: ALS.recommend_for([]), "at least one"),
        (lambda: mr.ALS().set_params(factors=3), "no parameter 'factors'"),
    ],
)
def test_wrong_use_is_a_value_error_in_one_line(fit, message) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        fit()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("n", [0, -1, 1.5, None, "3", True])
@pytest.mark.parametrize(
    "ask",
    [
        lambda n: ALS.recommend(n=n),
        lambda n: ALS.recommend_for({"m1": 5}, n=n),
        lambda n: ALS.similar_items("m1", n=n),
        lambda n: KNN.similar_items("m1", n=n),
    ],
)
def test_lengths_of_lists_are_integers_from_one(ask, n) -> None:
    with pytest.raises(ValueError, match=r"^n should be an integer from 1, not "):
        ask(n)
    assert len(ask(np.int32(1))) >= 1


def test_errors_can_be_caught_by_what_they_are() -> None:
    with pytest.raises(mr.NotFittedError) as caught:
        _ = mr.ALS().item_ids_
    assert isinstance(caught.value, ValueError | AttributeError)
    assert not hasattr(mr.ALS(), "user_factors_")
    with pytest.raises(mr.UnknownIdError) as caught:
        ALS.recommend(["x" * 999])
    assert isinstance(caught.value, KeyError | MovierecError)
    assert str(caught.value).startswith("user 'xxx")
    assert len(str(caught.value)) < 150


def predictions(model: mr.ALS | mr.Blend) -> list[float]:
    return model.predict([100, 101], ["m1", "m2"]).tolist()


def test_a_fit_that_fails_or_is_interrupted_changes_nothing(monkeypatch) -> None:
    for model in (clone(FITTED[0]).fit(FRAME), clone(BLEND).fit(FRAME)):
        before, ids = predictions(model), model.user_ids_.tolist()
        part = getattr(model, "rated", model)
        part.set_params(n_factors=25)
        with pytest.raises(ValueError, match="too many"):
            model.fit(FRAME[:200])
        part.set_params(n_factors=3)
        with monkeypatch.context() as patched:
            patched.setattr(mr.ALS, "_trainer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                model.fit(FRAME[:200])
        assert (predictions(model), model.user_ids_.tolist()) == (before, ids)


def test_a_blend_leaves_its_parts_alone_so_that_two_can_share_one() -> None:
    als = clone(FITTED[0]).fit(FRAME[:250])
    own = als.predict(100, "m1")
    first = mr.Blend(mr.ImplicitALS(max_epochs=1, **SMALL), als).fit(FRAME)
    before = predictions(first)
    mr.Blend(mr.ImplicitALS(max_epochs=1, **SMALL), als).fit(FRAME[:200])
    assert predictions(first) == before
    assert als.predict(100, "m1") == own
    with pytest.raises(TypeError, match="watched should be an ImplicitALS, not ALS"):
        mr.Blend(als, als).fit(FRAME)
    with pytest.raises(ValueError, match="the models have different ones"):
        mr.Blend(mr.ImplicitALS(rating_scale=(0, 5)), mr.ALS(rating_scale=(1, 5))).fit(FRAME)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (FITTED[0], {"bias_precision": 0.0, "rating_precision": 100.0}),
        (FITTED[5], {"lowest_target": 1.0, "unseen_weight": 1.0}),
        (BLEND, {"rating_weight": 0.0, "rated__bias_precision": 0.0}),
        (KNN, {"n_neighbours": 1}),
    ],
)
def test_arguments_changed_after_the_fit_change_nothing_until_the_next(
    model, change, tmp_path
) -> None:
    model = clone(model).fit(FRAME)
    ask = lambda model: model.recommend_for({"m1": 5, "m2": 1.5}, n=50)  # noqa: E731
    before, lists = ask(model), model.recommend(n=3)
    model.set_params(**change)
    same = mr.load(model.save(tmp_path / "model"))
    for each in (model, same):
        pd.testing.assert_frame_equal(ask(each), before)
        pd.testing.assert_frame_equal(each.recommend(n=3), lists)
    assert not ask(model.fit(FRAME)).equals(before)


# --- Ratings that are all equal, or that are not given


def test_who_rated_what_is_enough_for_models_that_only_rank() -> None:
    watched = FRAME[["user_id", "item_id"]]
    settings = {"max_epochs": 4, **SMALL}
    for model in (mr.ImplicitALS(**settings), mr.ItemKNN(), mr.Popularity()):
        lists = [
            clone(model).fit(ratings).recommend(n=3)
            for ratings in (watched, (watched.user_id, watched.item_id), watched.assign(rating=1))
        ]
        assert lists[0].equals(lists[1])
        assert lists[0].equals(lists[2])
    for model in (mr.ALS(), mr.Blend()):
        with pytest.raises(ValueError, match="no column 'rating'"):
            model.fit(watched)


def test_equal_ratings_are_the_highest_and_a_new_user_likes_what_they_chose() -> None:
    implicit = mr.ImplicitALS(max_epochs=4, **SMALL)
    ones = clone(implicit).fit(FRAME.assign(rating=1.0))
    assert ones.rating_scale_ == (-3, 1)
    fives = clone(implicit).set_params(rating_scale=(1, 5)).fit(FRAME.assign(rating=5.0))
    scores = ones.recommend_for({"m1": 1, "m2": 1})
    assert scores.score.abs().min() > 0
    for same in (ones.recommend_for(["m1", "m2"]), fives.recommend_for(np.array(["m2", "m1"]))):
        pd.testing.assert_frame_equal(same, scores)
    assert mr.ALS(n_factors=0).fit(FRAME.assign(rating=3.0)).predict(100, "m1") == pytest.approx(3)


def test_a_new_user_s_ratings_may_be_a_series_or_numbers_of_numpy() -> None:
    expected = ALS.recommend_for({"m1": 5, "m2": 1})
    for same in (pd.Series({"m2": 1, "m1": 5}), {"m1": np.float32(5), "m2": np.int8(1)}):
        pd.testing.assert_frame_equal(ALS.recommend_for(same), expected)


def test_genres_may_be_a_series_with_missing_values() -> None:
    model = mr.ALS(model="genre_mf", max_epochs=2, **SMALL)
    genres = pd.Series({**GENRES, "m3": None, "m4": np.nan})
    without = {item: names for item, names in GENRES.items() if item not in ("m3", "m4")}
    expected = clone(model).fit(FRAME, genres=without)
    assert predictions(model.fit(FRAME, genres=genres)) == predictions(expected)


# --- scikit-learn's conventions


def test_a_model_shows_what_is_not_the_default_and_is_equal_to_itself_only() -> None:
    assert repr(mr.ALS(n_factors=4)) == "ALS(n_factors=4)"
    blend = mr.Blend(mr.ImplicitALS(n_factors=5), rating_weight=0.3)
    assert repr(blend) == "Blend(watched=ImplicitALS(n_factors=5), rating_weight=0.3)"
    assert mr.ALS() != mr.ALS()
    assert len({ALS, ALS, KNN, ALS.ratings_}) == 3
    with pytest.raises(TypeError, match="positional"):
        mr.ALS("mf")


def test_arguments_may_be_numbers_of_numpy(tmp_path) -> None:
    model = mr.ALS(n_factors=np.int64(3), random_state=np.int32(1), n_jobs=-1, max_epochs=4)
    model.set_params(rating_scale=np.array([1, 5])).fit(FRAME, np.float32(0.1))
    assert mr.load(model.save(tmp_path / "model")).params_ == model.params_
    assert model.params_["rating_scale"] == (1, 5)


def test_arrays_of_a_model_are_read_only() -> None:
    for name in ("user_ids_", "item_ids_", "user_factors_", "item_factors_"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(ALS, name)[:1] = 0


def test_scikit_learn_clones_and_sets_parameters() -> None:
    blend = mr.Blend(mr.ImplicitALS(n_factors=5), rating_weight=0.3)
    copied = clone(blend)
    assert copied is not blend
    assert copied.get_params()["watched__n_factors"] == 5
    assert copied.set_params(rated__n_factors=2).rated.n_factors == 2
    assert blend.rated.n_factors == 16


def test_defaults_are_those_of_the_pipeline() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    blocks = {
        mr.ALS: params["train"],
        mr.GibbsMF: {**params["train"], **params["train"]["gibbs"]},
        mr.ImplicitALS: params["implicit"],
        mr.ItemRegression: params["item_regression"],
        mr.Blend: params["recommend"],
    }
    for kind, block in blocks.items():
        if kind is mr.GibbsMF:
            block["feature_ridge"] = block["gibbs_feature_ridge"]
        for name, parameter in inspect.signature(kind).parameters.items():
            if name in block:
                assert parameter.default == block[name], (kind, name)
    assert mr.ALS().random_state == params["seed"]


def test_validation_stops_training_and_the_refit_uses_it() -> None:
    parts = mr.split(FRAME, validation_fraction=0.3)
    als = mr.ALS(max_epochs=30, patience=2, **SMALL).fit(parts.train, parts.validation)
    assert 1 <= als.best_epoch_ < len(als.epochs_) <= 30
    assert len(als.ratings_) == len(parts.train) + len(parts.validation)
    by_fraction = mr.ALS(max_epochs=30, patience=2, **SMALL).fit(FRAME, 0.2)
    assert len(by_fraction.ratings_) == len(FRAME)


def test_results_do_not_depend_on_n_jobs_or_the_order_of_rows() -> None:
    first = mr.ALS(n_jobs=1, **SMALL).fit(FRAME)
    second = mr.ALS(n_jobs=2, **SMALL).fit(FRAME.sample(frac=1, random_state=0))
    for name, array in first.model_.arrays.items():
        np.testing.assert_array_equal(array, second.model_.arrays[name])


SAVED = mr.Blend(mr.ImplicitALS(max_epochs=2, **SMALL), mr.ALS(max_epochs=2, **SMALL)).fit(FRAME)


def rewritten(path, edit, **changes):
    """The same file, with arrays that `edit` changed and new hashes: damage that is no accident."""
    file = ArrayFile(path)
    arrays = {name: array.copy() for name, array in file.arrays().items()}
    edit(arrays, file.metadata)
    hashes = {name: array_files.hash_array(array) for name, array in arrays.items()}
    return array_files.save(path, arrays, {"sha256": hashes} | file.metadata | changes)


def test_no_damage_to_any_byte_is_another_error_or_another_model(tmp_path) -> None:
    path = SAVED.save(tmp_path / "model")
    content, expected = path.read_bytes(), SAVED.recommend(n=3)
    rng = np.random.default_rng(0)
    header = int.from_bytes(content[:8], "little")
    for place in [*rng.integers(8 + header, len(content), 60), *rng.integers(0, header, 60)]:
        byte = content[place] ^ (1 << int(rng.integers(8)))
        path.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
        with suppress(MovierecError):  # unless the damage is to a space in the header
            pd.testing.assert_frame_equal(mr.load(path).recommend(n=3), expected)


def test_a_file_that_is_overwritten_does_not_change_a_loaded_model(tmp_path) -> None:
    path = SAVED.save(tmp_path / "model")
    same, expected = mr.load(path), SAVED.predict(100, "m1")
    path.write_bytes(b"short")  # a mapped file would end the process here
    np.testing.assert_array_equal(same.predict(100, "m1"), expected)


def set_first(name, value):
    def edit(arrays, metadata) -> None:
        arrays[name].flat[0] = value

    return edit


def swap(name):
    def edit(arrays, metadata) -> None:
        arrays[name][[0, 1]] = arrays[name][[1, 0]]

    return edit


@pytest.mark.parametrize(
    ("model", "edit"),
    [
        (KNN, set_first("neighbours_", 2**28)),
        (KNN, set_first("neighbours_", -(2**31))),
        (KNN, lambda arrays, metadata: arrays.update(cosines_=arrays["cosines_"][:, :-1])),
        (KNN, lambda arrays, metadata: arrays.update(neighbours_=arrays["neighbours_"][:-1])),
        (KNN, lambda arrays, metadata: arrays.update(other=arrays["cosines_"])),
        (KNN, lambda arrays, metadata: arrays.pop("cosines_")),
        (KNN, set_first("user_index", -1)),
        (KNN, set_first("item_index", 20)),
        (KNN, swap("item_index")),
        (KNN, set_first("rating", 9)),
        (KNN, lambda arrays, metadata: arrays.update(rating=arrays["rating"].astype(float))),
        (KNN, lambda arrays, metadata: arrays.update(user_ids=arrays["user_ids"][:-1])),
        (KNN, lambda arrays, metadata: arrays["user_ids"].fill(1)),
        (KNN, lambda arrays, metadata: metadata["ids"]["item_ids"].append("m0")),
        (KNN, lambda arrays, metadata: metadata.update(rating_scale=[5.0, 1.0])),
        (KNN, lambda arrays, metadata: metadata.update(rating_scale=5)),
        (KNN, lambda arrays, metadata: metadata["estimator"].update(kind="TrainedRun")),
        (KNN, lambda arrays, metadata: metadata["estimator"]["params"].pop("n_jobs")),
        (KNN, lambda arrays, metadata: metadata["estimator"]["params"].update(other=1)),
        (SAVED, lambda arrays, metadata: arrays.pop("rated.item_biases")),
        (SAVED, lambda arrays, metadata: arrays.update({"other.a": np.zeros(1)})),
        (SAVED, lambda arrays, metadata: metadata["fitted"]["rated"].pop("best_epoch")),
        (FITTED[0], lambda arrays, metadata: arrays.update(user_biases=np.zeros(3, np.float32))),
    ],
)
def test_a_file_with_new_hashes_is_still_checked(model, edit, tmp_path) -> None:
    path = model.save(tmp_path / "model")

    def with_new_hashes(arrays, metadata) -> None:
        edit(arrays, metadata)
        metadata.pop("sha256")

    rewritten(path, with_new_hashes)
    with pytest.raises(MovierecError, match="not a complete saved model") as caught:
        mr.load(path)
    assert "\n" not in str(caught.value)


def test_another_version_of_the_format_is_refused(tmp_path) -> None:
    path = rewritten(KNN.save(tmp_path / "model"), lambda *content: None, format_version=1)
    with pytest.raises(MovierecError, match=r"saved by movierec 0.* another version of the format"):
        mr.load(path)


def test_what_cannot_be_loaded_is_not_saved(tmp_path) -> None:
    class Own(mr.Popularity):
        pass

    with pytest.raises(TypeError, match="Own: not saved"):
        Own().fit(FRAME).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"abc", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_file_is_one_line(content, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(MovierecError, match="not a complete saved model"):
        mr.ALS.load(path)


def test_a_file_of_another_kind_is_refused(tmp_path) -> None:
    path = FITTED[-2].save(tmp_path / "popularity.safetensors")
    with pytest.raises(TypeError, match="holds Popularity, not ALS"):
        mr.ALS.load(path)


def test_a_sparse_matrix_of_a_csr_gives_the_users_and_items_as_numbers() -> None:
    csr = RATINGS.by_user(30)
    assert isinstance(csr, Csr)
    import scipy.sparse

    matrix = scipy.sparse.csr_matrix((csr.values, csr.indices, csr.indptr), shape=(30, 20))
    als = mr.ALS(**SMALL).fit(matrix)
    assert sorted(als.user_ids_) == list(range(30))
