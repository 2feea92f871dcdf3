"""The lines below a movie add up to its score, as they are printed."""

import re

from hypothesis import given
from hypothesis import strategies as st

from movierec.cli import explanations, rendering
from movierec.serving.score_scale import ScoreScale

SHOWN = re.compile(r" *([+-]?\d+)  (.*)")
NUMBERS = st.floats(-1, 1).map(lambda number: round(number, 4))


def row(scores, rest):
    because = [
        {"title": f"Movie, The {place}", "rating": 1 + place % 5, "score": score}
        for place, score in enumerate(sorted(scores, key=abs, reverse=True))
    ]
    total = round(sum(scores) + rest, 4)
    return {"score": total, "score_without_ratings": rest, "because": because}


@given(
    st.lists(NUMBERS, min_size=1, max_size=12),
    NUMBERS,
    st.floats(-3, 3),
    st.floats(0.01, 5),
    st.integers(1, 9),
)
def test_the_lines_add_up_to_the_score_as_shown(scores, rest, low, width, n):
    explained, scale = row(scores, rest), ScoreScale(low, low + width)
    lines = explanations.lines(explained, scale, n)
    numbers, texts = zip(*(SHOWN.fullmatch(line).groups() for line in lines), strict=True)
    assert sum(map(int, numbers)) == explanations.percent(explained["score"], scale)
    assert len(lines) == min(n, len(scores)) + (len(scores) > n) + 1
    assert texts[-1] == "apart from your ratings"
    for number, reason in zip(numbers[:n], explained["because"], strict=False):
        sign = "+" if reason["score"] > 0 else "-" if reason["score"] < 0 else ""
        assert number.rstrip("0123456789") == sign


def test_lines_have_signs_and_stars():
    explained = row([0.4, -0.004, 0.3, 0.1, 0.05], 0.1)
    explained["because"][4]["rating"] = 1
    assert explanations.lines(explained, ScoreScale(0, 1), 5) == [
        " +40  Movie, The 0, 1 star",
        " +30  Movie, The 1, 2 stars",
        " +10  Movie, The 2, 3 stars",
        "  +5  Movie, The 3, 4 stars",
        "  -0  Movie, The 4, 1 star",
        " +10  apart from your ratings",
    ]
    assert explanations.lines(explained, ScoreScale(0, 1), 1)[1:] == [
        " +45  your other 4 ratings",
        " +10  apart from your ratings",
    ]
    assert explanations.cell(explained, 1) == (
        "Movie, The 0 1 star +0.4000; 4 other ratings +0.4460"
    )


def test_a_long_line_is_wrapped_right_of_its_number(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    explained = row([0.5], 0.1) | {"rank": 1, "genres": "Drama", "n_ratings": 9}
    explained |= {"title": "Long Title (1990)", "predicted_rating": 3, "deviation": 0.5}
    explained["because"][0]["title"] = "One Flew Over the Cuckoo's Nest (1975)"
    rendering.show_table([explained], ScoreScale(0, 1))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 60
    assert lines[4:] == [
        "       +50  One Flew Over the",
        "            Cuckoo's Nest",
        "            (1975), 1 star",
        "       +10  apart from your",
        "            ratings",
    ]
