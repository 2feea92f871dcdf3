"""Blocks of work: their bounds, and a single block without a memory limit."""

import numpy as np

from movierec.core.params import load_params
from movierec.data.tree_sums import CHUNK
from movierec.engine import local
from movierec.engine.blocks import cut_by_cost, work_by_cost, work_evenly
from tests.helpers.clone import ROOT


def test_blocks_cost_about_the_size_and_hold_each_row_once():
    assert cut_by_cost(np.array([5, 1, 1, 1, 1, 9, 1]), 4) == [(0, 1), (1, 4), (4, 6), (6, 7)]
    assert cut_by_cost(np.zeros(3, int), 4) == [(0, 3)]


def test_work_is_divided_where_memory_is_scarce_alone():
    params = load_params(ROOT / "params.yaml").engine.model_copy(update={"block_ratings": 100})
    costs = np.full(5 * CHUNK, 1)
    here = local.Engine(params)
    assert work_by_cost(here, costs, CHUNK) == [(0, 5 * CHUNK)]
    assert work_evenly(here, 10, 4) == [(0, 10)]
    scarce = local.Engine(params.model_copy(update={"memory_limit": 10**9}))
    assert work_by_cost(scarce, costs, CHUNK) == [(0, 128), (128, 256), (256, 320)]
    assert work_evenly(scarce, 10, 4) == [(0, 4), (4, 8), (8, 10)]
    assert work_evenly(scarce, 0, 4) == [(0, 0)]
