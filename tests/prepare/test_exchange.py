"""Rows reach the block that they belong to, in order, and no block is larger than asked for."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.core.params import load_params
from movierec.engine.local import Engine
from movierec.prepare import exchange
from movierec.prepare.exchange import Exchange
from tests.helpers.clone import ROOT

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@given(
    sizes=SIZES, n_rows=st.lists(st.integers(0, 40), min_size=1, max_size=5), seed=st.integers(0)
)
def test_each_block_takes_its_rows_in_the_order_of_sources(tmp_path_factory, sizes, n_rows, seed):
    folder, rng = tmp_path_factory.mktemp("exchange"), np.random.default_rng(seed % 2**32)
    ends = np.cumsum([0, *sizes]).tolist()
    passing = Exchange(folder, tuple(pairwise(ends)))
    keys = [rng.integers(0, ends[-1], n).astype(np.int32) for n in n_rows]
    values = [rng.random(n, np.float32) for n in n_rows]
    for source, (key, value) in enumerate(zip(keys, values, strict=True)):
        passing.store(source, key, {"key": key, "value": value})
    every_key, every_value = np.concatenate(keys), np.concatenate(values)
    for block, (first, stop) in enumerate(passing.bounds):
        inside = (every_key >= first) & (every_key < stop)
        taken = passing.take(block, len(n_rows))
        assert taken["key"].tolist() == every_key[inside].tolist()
        assert taken["value"].tolist() == every_value[inside].tolist()


@pytest.mark.parametrize(("limit", "largest"), [(None, 1000), (10**9, 1000), (60_000, 100)])
def test_blocks_are_as_large_as_memory_allows(limit, largest):
    engine = load_params(ROOT / "params.yaml").engine
    work = Engine(engine.model_copy(update={"block_ratings": 1000, "memory_limit": limit}))
    counts = np.ones(5_000, int)
    bounds = exchange.bounds_of(work, counts)
    assert max(stop - first for first, stop in bounds) == largest
    assert (bounds[0][0], bounds[-1][1]) == (0, len(counts))
