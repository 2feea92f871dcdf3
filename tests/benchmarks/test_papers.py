"""Published models against formulas written out, and a paper's table from one command."""

import json
from contextlib import chdir
from dataclasses import replace

import numpy as np
import pytest
import yaml

from benchmarks.quality import linear_models, paper_models, papers
from movierec.core.params import load_params
from movierec.data.rating_arrays import Csr, Ratings
from movierec.training.loading import assemble
from tests.helpers import archives
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_ratings
from tests.helpers.small_project import run_stages, write_params, write_parts

PARAMS = load_params(ROOT / "params.yaml")
N_USERS, N_ITEMS = 40, 15
RATINGS = random_ratings(0, N_USERS, N_ITEMS, 220)
X = linear_models.to_matrix(RATINGS.by_user(N_USERS), N_ITEMS)
DENSE = X.toarray()
NOTHING = RATINGS.take(np.zeros(0, int)).by_user(N_USERS)
RATED = paper_models.Rated(RATINGS.by_user(N_USERS), N_ITEMS, NOTHING)


def test_popularity_by_hand():
    dense = [[1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, 0]]
    by_user = Ratings(
        *(np.array(column, np.int32) for column in (*np.nonzero(dense), *[[5] * 6] * 2))
    )
    x = linear_models.to_matrix(by_user.by_user(4), 3)
    assert linear_models.most_popular(x).tolist() == [3, 2, 1]


def test_ease_is_ridge_regression_of_each_item_on_the_others():
    weights = linear_models.ease(X, 7.0)
    for item in range(N_ITEMS):
        others = np.delete(np.arange(N_ITEMS), item)
        matrix = DENSE[:, others]
        expected = np.linalg.solve(
            matrix.T @ matrix + 7 * np.eye(N_ITEMS - 1), matrix.T @ DENSE[:, item]
        )
        np.testing.assert_allclose(weights[others, item], expected, atol=1e-12)
    assert not np.diag(weights).any()


def test_item_regression_with_cells_of_1_is_ease():
    settings = PARAMS.item_regression.model_copy(update={"low_cell": 1.0, "ridge": 7.0})
    params = PARAMS.model_copy(update={"item_regression": settings})
    found = paper_models.fit_regression(RATED, {}, params).predict_all(np.arange(N_USERS))
    np.testing.assert_allclose(found, DENSE @ linear_models.ease(X, 7.0), atol=1e-6)


@pytest.mark.parametrize("neighbours", [3, N_ITEMS])
def test_rp3beta_is_a_product_of_transition_matrices(neighbours):
    to_items = (DENSE / DENSE.sum(axis=1, keepdims=True)) ** 1.4
    to_users = (DENSE.T / DENSE.T.sum(axis=1, keepdims=True)) ** 1.4
    expected = to_users @ to_items / DENSE.sum(axis=0) ** 0.3
    np.fill_diagonal(expected, 0)
    for row in expected:
        row[np.argsort(-row)[neighbours:]] = 0
    found = linear_models.rp3beta(X, neighbours, 1.4, 0.3)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_item_knn_has_the_cosines_of_the_nearest():
    cosines = np.array([[a @ b / np.sqrt(a @ a * b @ b) for b in DENSE.T] for a in DENSE.T])
    np.fill_diagonal(cosines, 0)
    weights = linear_models.item_knn(X, 4)
    for item in range(N_ITEMS):
        kept = np.flatnonzero(weights[:, item])
        assert len(kept) == 4
        np.testing.assert_allclose(weights[kept, item], cosines[kept, item])
        assert weights[kept, item].min() >= np.sort(cosines[:, item])[-4] - 1e-12


def test_slim_is_an_elastic_net_without_the_item_itself():
    """Compared with dense data, and by the conditions of its minimum."""
    alpha, share = 0.01, 0.4
    weights = linear_models.slim(X, alpha, share)
    assert weights.min() == 0
    assert (weights > 0).mean() > 0.1
    assert not np.diag(weights).any()
    for item in range(N_ITEMS):
        others = np.delete(np.arange(N_ITEMS), item)
        w, matrix = weights[others, item], DENSE[:, others]
        gradient = matrix.T @ (matrix @ w - DENSE[:, item]) / N_USERS
        gradient += alpha * share + alpha * (1 - share) * w
        np.testing.assert_allclose(gradient[w > 0], 0, atol=1e-3)
        assert gradient[w == 0].min(initial=0) > -1e-3
    np.testing.assert_array_equal(X.toarray(), DENSE, "the data are as before")


def test_ials_is_that_of_hu_koren_and_volinsky():
    """Once converged, the gradient of their objective is 0, up to the scale of the factors."""
    alpha, ridge = 5.0, 2.0
    chosen = {"alpha": alpha, "ridge": ridge, "n_factors": 3}
    changes = {"dtype": "float64", "max_epochs": 400, "patience": 400}
    implicit = PARAMS.implicit.model_copy(update=changes)
    params = PARAMS.model_copy(update={"implicit": implicit})
    model = paper_models.fit_ials(RATED, chosen, params)
    root = np.sqrt((1 + alpha) / alpha)
    users, items = root * model.user_factors, root * model.item_factors
    confidence = 1 + alpha * DENSE
    errors = confidence * (users @ items.T - DENSE)
    np.testing.assert_allclose(errors @ items + ridge * users, 0, atol=1e-3)
    np.testing.assert_allclose(errors.T @ users + ridge * items, 0, atol=1e-3)
    assert np.abs(users).max() > 0.1


def test_recall_may_be_capped():
    """Of one movie in the list, it is then 1 or 0."""
    is_held_out = np.random.default_rng(1).random(len(RATINGS)) < 0.5
    known, held_out = RATINGS.take(~is_held_out).by_user(N_USERS), RATINGS.take(is_held_out)
    scores, names = np.random.default_rng(2).random((N_USERS, N_ITEMS)), ["ndcg@3", "recall@1"]
    plain, capped = (
        papers.Metrics(names, -np.inf, is_capped).per_user(scores.__getitem__, known, held_out)
        for is_capped in (False, True)
    )
    n_relevant = np.unique(held_out.user_index, return_counts=True)[1]
    np.testing.assert_array_equal(plain["ndcg@3"], capped["ndcg@3"])
    np.testing.assert_allclose(plain["recall@1"] * n_relevant, capped["recall@1"])
    assert set(capped["recall@1"].tolist()) == {0, 1}


def rows(n_users=40, seed=0):
    """Ratings of two kinds of users, who like different movies."""
    rng = np.random.default_rng(seed)
    return [
        (user, movie, 5.0 if movie % 3 else 4.0, 10**9)
        for user in range(n_users)
        for movie in rng.choice(np.arange(user % 2, 40, 2), 9, replace=False).tolist()
    ]


@pytest.mark.parametrize("paper", ["elliot-ml-1m", "ml-100k-users"])
def test_a_papers_table_by_one_command(tmp_path, monkeypatch, paper):
    """From given parts, and with held-out users; linear models rank the other movies of a kind."""
    listed = rows()
    source = tmp_path / "fold"
    source.mkdir()
    for name, part in (("train", listed[::3] + listed[1::3]), ("test", listed[2::3])):
        lines = ("\t".join(map(str, row)) for row in part)
        (source / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    archive = archives.write(tmp_path, "ratings_csv", listed)
    write_params(tmp_path, archive, "ratings_csv", train={"n_factors": 2, "max_epochs": 2})
    if paper == "elliot-ml-1m":
        write_parts(tmp_path, source)
    run_stages(tmp_path, "download", "index")
    content = yaml.safe_load(papers.PAPERS.read_text("utf-8"))
    content[paper] |= {"dataset": None, "settings": {"iALS": {"n_factors": 2}}}
    content[paper]["settings"] |= {"EASE": {"ridge": 5.0}, "movierec blend": {"n_factors": 2}}
    changed = tmp_path / "papers.yaml"
    changed.write_text(yaml.safe_dump(content))
    monkeypatch.setattr(papers, "PAPERS", changed)
    with chdir(tmp_path):
        models = ["MostPop", "EASE", "iALS", "movierec blend"]
        papers.main([paper, "--out", str(tmp_path), "--only", *models])
    report = json.loads((tmp_path / f"papers-{paper}.json").read_text())
    first = report["paper"]["metrics"][0]
    found = {name: entry["test"][first] for name, entry in report["results"].items()}
    assert list(found) == models
    assert found["EASE"] > found["MostPop"] + 0.1
    assert found["movierec blend"] > found["MostPop"] + 0.05
    assert report["results"]["EASE"]["chosen"] == "published"
    assert report["results"]["iALS"]["settings"]["n_factors"] == 2
    assert report["results"][report["best"]]["below_best"][first] == [0, 0]
    table = (tmp_path / f"papers-{paper}.md").read_text()
    assert all(name in table for name in (*models, *content[paper]["published"]))
    if paper == "elliot-ml-1m":
        assert report["parts"]["test"] == 120
        assert "| 0.1622 |" in table
    else:
        assert report["parts"]["test_given"] > report["parts"]["test"] > 0


def test_every_paper_names_params_and_models_that_exist():
    for name, paper in papers.read_papers().items():
        block = PARAMS.split.model_dump() | papers._floats(paper.split)
        assert type(PARAMS.split).model_validate(block), name
        assert set(paper.settings) <= set(paper_models.MODELS)
        for model, settings in paper.settings.items():
            assert set(settings) <= set(paper_models.MODELS[model].grid[0])
        kinds = {metric.partition("@")[0] for metric in paper.metrics}
        assert kinds <= {"ndcg", "recall"}


def test_held_out_users_rank_by_what_they_gave():
    """A model learns from by_user alone: given ratings change only the rows of their users."""
    train = RATINGS.take(RATINGS.user_index < 30).by_user(N_USERS)
    given = RATINGS.take(RATINGS.user_index >= 30).by_user(N_USERS)
    rated = paper_models.Rated(train, N_ITEMS, given)
    none = replace(rated, given=Csr(0 * given.indptr, given.indices[:0], given.values[:0]))
    implicit = PARAMS.implicit.model_copy(update={"n_factors": 3, "max_epochs": 3})
    params = PARAMS.model_copy(update={"implicit": implicit})
    found, alone = (paper_models.fit_implicit(each, {}, params) for each in (rated, none))
    np.testing.assert_array_equal(found.item_factors, alone.item_factors)
    np.testing.assert_array_equal(found.user_factors[:30], alone.user_factors[:30])
    assert (np.abs(found.user_factors[30:]).max(axis=1) > 0).all()
    assert not alone.user_factors[30:].any()
    assert assemble(train, train.transpose(N_ITEMS), None, given, implicit).held_out is not None
