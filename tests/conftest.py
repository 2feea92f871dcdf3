"""Settings of the property tests (few examples, the same in every run), and the web server."""

import numba
import pytest
from hypothesis import settings

from tests.helpers.http_server import Answer, serving

settings.register_profile("movierec", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("movierec")


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
