"""A process that was forked after kernels had run says so; without this, a Pool would hang."""

import os
import subprocess
import sys

import numba
import pytest

PROGRAM = """
import os
import numpy as np
from movierec.kernels.reductions import sum_rows

arguments = np.array([0, 1]), np.array([0], np.int32), np.ones((1, 1), np.float32)
if {has_run}:
    sum_rows(*arguments)
process = os.fork()
try:
    print(sum_rows(*arguments)[0, 0], flush=True)
except RuntimeError as error:
    print(error, flush=True)
if not process:
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP")
@pytest.mark.parametrize("has_run", [False, True])
def test_a_fork_after_kernels_have_run_is_refused_in_one_line(has_run) -> None:
    if numba.config.DISABLE_JIT:
        pytest.skip("kernels run in NumPy")
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM.format(has_run=has_run)],
        env={**os.environ, "NUMBA_THREADING_LAYER": "omp"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    refusals = [line for line in done.stdout.splitlines() if "forked after they had run" in line]
    assert len(refusals) == has_run
    assert sorted(set(done.stdout.split()) & {"1.0", "0"}) == ["0", "1.0"]
    assert done.stderr == ""
