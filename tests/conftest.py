"""Settings of all tests: which are slow, threads, few examples of property tests, a web server."""

from pathlib import Path

import numba
import pytest
from hypothesis import settings

from tests.helpers.http_server import Answer, serving

TESTS = Path(__file__).parent
# What `make quick` leaves out: real runs, browsers, workers, trainings that are killed.
SLOW = (
    "pipeline/*.py",
    "benchmarks/*.py",
    "docs/*.py",
    "engine/*.py",
    "plotting/test_plots_page.py",
    "report/test_browser.py",
    "training/test_blocks.py",
    "training/test_checkpoint.py",
)
settings.register_profile("movierec", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("movierec")


def pytest_collection_modifyitems(items):
    """Mark what is slow, and begin with the longest files, so that no process ends long after."""
    slow = {path for pattern in SLOW for path in TESTS.glob(pattern)}
    for item in items:
        if item.path in slow:
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.parent.name != "pipeline")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id):
    """One folder for all processes of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(autouse=True)
def _one_thread():
    """So little work is done sooner by one thread, and pytest-xdist uses the other processors."""
    numba.set_num_threads(1)


@pytest.fixture(scope="module")
def running(request):
    """A server of the CONTENT of the test's module."""
    with serving(request.module.CONTENT) as server:
        yield server


@pytest.fixture
def server(running):
    """The same, with good answers until a test sets others."""
    running.answers, running.asked = [Answer()], []
    return running
