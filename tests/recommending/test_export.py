"""Files for other tools: lists, neighbours, vectors and the model card."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from markdown_it import MarkdownIt

from movierec.core import result_files
from movierec.core.params import load_params
from movierec.model import top_n_lists
from movierec.recommending import export, model_card, rankers
from movierec.recommending.selection import similar
from tests.helpers.clone import ROOT
from tests.helpers.random_data import random_csrs, random_model

ITEMS = pd.DataFrame({"movie_id": [5, 6, 7], "title": ["A", "B", "C"]})


def test_lists_come_out_alike_in_parts(tmp_path, monkeypatch):
    """One row group per block of users; no user is missing or divided."""
    users = pd.DataFrame({"user_id": [f"u{number}" for number in range(7)]})
    lists = np.tile(np.array([[2, 0], [1, -1]], np.int32), (4, 1))[:7]
    values = np.arange(14, dtype=np.float32).reshape(7, 2)
    groups = {}
    for rows in (1000, 4):
        monkeypatch.setattr(export, "ROW_GROUP", rows)
        path = tmp_path / f"{rows}.parquet"
        blocks = (
            tuple(column[first:stop] for column in (np.arange(7), lists, values, values))
            for first, stop in export.blocks_of_users(7, 2)
        )
        export.write_recommendations(path, users, ITEMS, blocks)
        groups[rows] = pq.ParquetFile(path).num_row_groups
    assert groups == {1000: 1, 4: 4}
    whole, parts = (pq.read_table(tmp_path / f"{rows}.parquet") for rows in (1000, 4))
    assert whole.equals(parts)
    assert whole["user_id"].to_pylist()[-2:] == ["u6", "u6"]


def test_neighbours_of_all_items_are_those_of_each():
    model = random_model(0, n_items=30, n_factors=4)
    model.item_factors[7] = 0
    eligible = np.random.default_rng(0).random(30) < 0.7
    lists, cosines = top_n_lists.all_similar_items(model.item_factors, 5, eligible)
    assert (lists[7] == -1).all()
    for item in set(range(30)) - {7}:
        expected, of_expected = similar(model.item_factors, item, 5, eligible)
        np.testing.assert_array_equal(lists[item], expected)
        np.testing.assert_allclose(cosines[item], of_expected, atol=1e-12)


def test_neighbours_are_written_by_movie_and_rank(tmp_path):
    path = tmp_path / "similar_items.parquet"
    lists, cosines = np.int32([[2, 1], [0, -1], [-1, -1]]), np.float32([[0.75, 0.5]] * 3)
    export.write_similar_items(path, ITEMS, lists, cosines)
    found = pd.read_parquet(path)
    assert found.to_numpy().tolist() == [
        [5, 1, 7, "C", 0.75],
        [5, 2, 6, "B", 0.5],
        [6, 1, 5, "A", 0.75],
    ]


def test_products_of_vectors_order_movies_as_the_model_does(tmp_path):
    model, (seen, _) = random_model(1, dtype="float32"), random_csrs(2)
    for name, vectors in {
        "user": rankers.user_vectors(model),
        "item": rankers.item_vectors(model),
    }.items():
        ids = {f"{name}_id": pa.array(np.arange(len(vectors)))}
        export.write_factors(tmp_path / name, ids, [vectors[:1], vectors[1:]])
    users, items = (
        np.stack(pq.read_table(tmp_path / name)["factors"].to_numpy()) for name in ("user", "item")
    )
    products = users @ items.T
    lists, _ = top_n_lists.top_n(model, seen, 3)
    for user in range(9):
        of_user = products[user].copy()
        of_user[seen.indices[seen.indptr[user] : seen.indptr[user + 1]]] = -np.inf
        n = int((lists[user] >= 0).sum())
        assert np.argsort(-of_user)[:n].tolist() == lists[user, :n].tolist()
    alike = model.global_mean + model.user_biases[:, None]
    np.testing.assert_allclose(products + alike, model.predict_all(np.arange(9)), atol=1e-5)


MANIFEST = {
    "download": {"sha256": {"ml.zip": "0" * 64}},
    "train": {"versions": {"movierec": "0.1.0"}},
}


def read_details():
    return {stage: result_files.read_details(stage, ROOT) for stage in model_card.STAGES}


def test_the_card_has_the_figures_of_the_run_and_no_gaps():
    params, measured = load_params(ROOT / "params.yaml"), read_details()
    card = model_card.render(params, MANIFEST, measured)
    assert not re.search(r"[{}]|None|nan", card)
    assert f"- Licence of the data: {params.data.licence}" in card
    evaluate = measured["evaluate"]
    of_rmse = evaluate["intervals"]["test"]["rmse"]
    interval = f"({of_rmse['low']:.4g} to {of_rmse['high']:.4g})"
    assert f"| the model | {evaluate['test']['rmse']:.4g} {interval} |" in card
    for name, entry in evaluate["ranking"].items():
        row = f"| {name.replace('_', ' ')} | {entry['ndcg@10']:.4g} ("
        assert row in card.partition("## Rankings")[2]
    assert "ml.zip" in card


def test_an_interval_is_shown_where_there_is_one():
    params, measured = load_params(ROOT / "params.yaml"), read_details()
    evaluate = measured["evaluate"]
    evaluate["test"]["rmse"] = 0.9
    evaluate["intervals"]["test"] = {"rmse": {"low": 0.89, "high": 0.91}}
    evaluate["ranking"] = {"blend": {"ndcg@10": 0.4}, "popularity": {"ndcg@10": None}}
    evaluate["intervals"]["ranking"] = {"blend": {"ndcg@10": {"low": 0.38, "high": 0.42}}}
    evaluate["intervals"]["ranking"]["popularity"] = {"ndcg@10": {"low": None, "high": None}}
    lines = model_card.render(params, MANIFEST, measured).splitlines()
    assert "| the model | 0.9 (0.89 to 0.91) |" in lines
    assert "| ranking | ndcg@10 |" in lines
    assert "| blend | 0.4 (0.38 to 0.42) |" in lines
    assert "| popularity | – |" in lines


HARMFUL = "</h1><script>alert(1)</script> <!-- `a` *b* _c_ [d](javascript:x) | &lt; $e$\n# f\u2028"


def test_the_card_shows_texts_of_the_data_set_as_they_are():
    params, measured = load_params(ROOT / "params.yaml"), read_details()
    data = params.data.model_copy(update={"licence": HARMFUL})
    params = params.model_copy(update={"dataset": f"set{HARMFUL}", "data": data})
    evaluate = measured["evaluate"]
    for block in (evaluate["baseline"], evaluate["intervals"]["baseline"]):
        block[HARMFUL] = block["item_mean"]
    manifest = MANIFEST | {"download": {"sha256": {HARMFUL: "0"}}}
    plain = model_card.render(load_params(ROOT / "params.yaml"), MANIFEST, read_details())
    tokens = [
        MarkdownIt("commonmark").enable("table").parse(card)
        for card in (plain, model_card.render(params, manifest, measured))
    ]
    kinds, texts = ([flat(part) for part in tokens], flat(tokens[1]))
    added = Counter(kind for kind, _ in kinds[1]) - Counter(kind for kind, _ in kinds[0])
    assert added.keys() <= {"tr_open", "tr_close", "td_open", "td_close", "inline", "text"}
    shown = HARMFUL.replace("\n", " ").replace("\u2028", " ")
    assert ("code_inline", f"set{shown}".strip()) in [(kind, text.strip()) for kind, text in texts]
    assert f"Licence of the data: {shown}".strip() in text_of(tokens[1])


def flat(tokens):
    """The kind and the content of all tokens and of those in them."""
    return [
        (token.type, token.content) for part in tokens for token in [part, *(part.children or [])]
    ]


def text_of(tokens):
    return "".join(text for kind, text in flat(tokens) if kind in ("text", "text_special"))
