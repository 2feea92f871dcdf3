"""Rating scales: stars, and limits that stored ratings reach."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from movierec.core.rating_scale import Scale

ENDS = st.floats(-1e9, 1e9) | st.integers(-100, 100).map(lambda tenths: tenths / 10)


@given(ENDS, ENDS, st.sampled_from([1, 2, 3.5, 4, 5]))
def test_a_rating_reaches_a_limit_however_it_is_rounded(one, other, stars):
    scale = Scale(min(one, other), max(one, other))
    assume(scale.is_exact)
    star = (scale.high - scale.low) / 4
    for rating in (scale.low + (stars - 1) * star, scale.high - (5 - stars) * star):
        assert np.float32(rating) >= scale.limit(stars)
        assert np.float64(np.float32(rating)) >= scale.limit(stars)
    assert not np.float32(scale.low + (stars - 1.02) * star) >= scale.limit(stars)


def test_on_a_scale_of_1_to_5_a_star_is_1():
    assert Scale(1.0, 5.0).star == 1
    assert 4 - 1e-6 < Scale(1.0, 5.0).limit(4) <= 4
