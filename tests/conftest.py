"""Settings of all tests: slow tests, few examples for property tests, and a web server.

Kernels run on one thread: tests run side by side, and threads that wait for each other in two
processes on two cores take ten times as long. Tests of threads set their number themselves.
"""

import logging
from pathlib import Path

import numba
import pytest
from hypothesis import settings

from movierec.kernels import compilation
from tests.helpers.http_server import Answer, serving

TESTS = Path(__file__).parent
# What `make quick` leaves out: real runs, browsers, workers, trainings that are killed.
SLOW = (
    "page/*.py",
    "pipeline/*.py",
    "benchmarks/*.py",
    "page/test_flows.py",
    "page/test_looks.py",
    "plotting/test_plots_page.py",
    "prepare/test_every_engine.py",
    "report/test_browser.py",
    "training/test_blocks.py",
    "training/test_checkpoint.py",
)
settings.register_profile("movierec", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("movierec")
numba.set_num_threads(1)
# Said already, so that what a test prints does not depend on the tests before it.
compilation.log_once(logging.INFO, compilation.COMPILING)


def pytest_collection_modifyitems(items):
    """Mark slow tests, and run the longest files first, so that processes end at the same time."""
    slow = {path for pattern in SLOW for path in TESTS.glob(pattern)}
    for item in items:
        if item.path in slow:
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.parent.name != "pipeline")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id):
    """A folder that all processes of pytest-xdist share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="module")
def running(request):
    """A server of the test module's CONTENT."""
    with serving(request.module.CONTENT) as server:
        yield server


@pytest.fixture
def server(running):
    """The same, with good answers until a test sets others."""
    running.answers, running.asked = [Answer()], []
    return running
