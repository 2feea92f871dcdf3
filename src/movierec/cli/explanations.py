"""What a score is made of: what each rating of the user contributed, or the scores of people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from movierec.core.text import count
from movierec.data.titles import display_title
from movierec.serving.score_scale import ScoreScale, rounded_to_sum

if TYPE_CHECKING:
    from movierec.cli.people import Person
    from movierec.core.array_files import Array
    from movierec.serving.recommendations import Recommendations
    from movierec.serving.workspace import Project

Reasons = list[dict[str, Any]]

N_REASONS = 3  # ratings of the user listed under a recommended movie
REST = "apart from your ratings"
INDENT = 6  # characters: a number and two spaces, before the text of a line
DIGITS = 4  # of numbers for programs


def explain(
    rows: Sequence[dict[str, Any]],
    project: Project,
    people: Sequence[Person],
    found: Recommendations,
) -> None:
    """Add to each row what its score is made of.

    For one person, how much each rating contributed to the score and to the predicted rating, the
    greatest first, and the rest of the score, so that they add up to it. For several people, the
    score and the predicted rating of each.
    """
    from movierec.serving.groups import GroupScores

    if isinstance(found.scores, GroupScores):
        _explain_group(rows, people, found.scores.values_of_people(found.items, project.scale))
        return
    [user], movies, unit = (person.profile for person in people), project.movies, 10**DIGITS
    contributions = found.scores.contributions(found.items)
    for row, score, stars, rest in zip(rows, *contributions, strict=True):
        *parts, remainder = rounded_to_sum([*score * unit, rest * unit], round(row["score"] * unit))
        row["score_without_ratings"] = remainder / unit
        row["because"] = [
            {
                "movie_id": movies.movie_ids[user.items[place]],
                "title": movies.titles[user.items[place]],
                "rating": round(float(user.ratings[place]), DIGITS),
                "score": parts[place] / unit,
                "stars": round(float(stars[place]), DIGITS),
            }
            for place in (-abs(score)).argsort(kind="stable")
        ]


def _explain_group(
    rows: Sequence[dict[str, Any]], people: Sequence[Person], values: list[dict[str, Array]]
) -> None:
    for place, row in enumerate(rows):
        row["people"] = [
            {"name": person.name}
            | {name: round(float(numbers[place]), DIGITS) for name, numbers in of_person.items()}
            for person, of_person in zip(people, values, strict=True)
        ]


def percent(score: float, scale: ScoreScale) -> int:
    """A score from 0 to 100, as a table shows it."""
    return round(scale.of(score))


def lines(row: dict[str, Any], scale: ScoreScale, n: int = N_REASONS) -> list[str]:
    """The lines below a movie, of a row that is explained.

    They are the n ratings that contributed most to its score, all others, and the rest, which add
    up to the score as it is shown; or each person's score.
    """
    if "because" not in row and "people" not in row:
        return []
    if "people" in row:
        return [
            f"{percent(person['score'], scale):4d}  {person['name']},"
            f" predicted rating {person['predicted_rating']:.2f}"
            for person in row["people"]
        ]
    shown, others = _strongest(row["because"], n)
    reasons = [
        (f"{display_title(reason['title'])}, {_stars(reason['rating'])}", reason["score"])
        for reason in shown
    ]
    if others:
        total = sum(reason["score"] for reason in others)
        reasons.append((f"your other {count(len(others), 'rating')}", total))
    values = [score * scale.unit for _, score in reasons]
    values.append(scale.of(row["score"]) - sum(values))
    rounded = rounded_to_sum(values, percent(row["score"], scale))
    texts = [text for text, _ in reasons] + [REST]
    return [
        f"{_signed(number, value):>4}  {text}"
        for number, value, text in zip(rounded, values, texts, strict=True)
    ]


def _strongest(because: Reasons, n: int) -> tuple[Reasons, Reasons]:
    """The n strongest reasons, and the others; a single other one is shown, too."""
    n += len(because) == n + 1
    return because[:n], because[n:]


def _signed(number: int, value: float) -> str:
    """A rounded value with its sign, also if it is rounded to 0."""
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{abs(number)}"


def cell(row: dict[str, Any], n: int = N_REASONS) -> str:
    """The reasons as a cell of CSV: the n strongest, with ratings and signs, and all others."""
    shown, others = _strongest(row["because"], n)
    reasons = [
        f"{reason['title']} {_stars(reason['rating'])} {reason['score']:+.{DIGITS}f}"
        for reason in shown
    ]
    if others:
        total = sum(reason["score"] for reason in others)
        reasons.append(f"{count(len(others), 'other rating')} {total:+.{DIGITS}f}")
    return "; ".join(reasons)


def _stars(rating: float) -> str:
    return f"{rating:g} star{'s' if rating != 1 else ''}"
