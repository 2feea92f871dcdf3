"""What is recommended, beside what is watched."""

from matplotlib.figure import Figure

from movierec.plotting import style
from movierec.plotting.captions import words
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, GREY, ORANGE

MEASURES = {  # of lists: what a panel is called, and the digits of its values
    "ndcg": ("NDCG{}", 3),
    "hit_rating": ("hits' rating, stars", 2),
    "coverage": ("coverage", 2),
    "novelty": ("novelty, bits", 1),
    "diversity": ("diversity", 2),
}


def recommended(title: str, results: Results) -> Figure:
    rows, genres = results.plots["recommended"], results.plots["recommended_genres"]
    if rows.empty:
        return style.sentence(title)
    figure, panels = style.panels(title, 3.9, 2)
    popularity, by_genre = panels
    for offset, column, colour in ((-0.2, "ratings", GREY), (0.2, "recommendations", BLUE)):
        popularity.bar(rows["part"] + offset, rows[column], 0.4, color=colour, label=column)
    popularity.yaxis.set_major_formatter(style.SHARES)
    popularity.set_xticks(rows["part"])
    popularity.set_xlabel(f"movies in {len(rows)} parts, the most rated first")
    popularity.plot(rows["part"], rows["coverage"], "o", color=ORANGE, label="coverage")
    popularity.set_ylabel("share")
    popularity.set_title(" ")  # room for the legend
    popularity.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, columnspacing=1.2, handlelength=1
    ).set_in_layout(False)
    style.pairs(by_genre, list(genres["genre"]), genres["recommendations"], genres["ratings"])
    by_genre.xaxis.set_major_formatter(style.SHARES)
    by_genre.set_xlabel("share of movies of a genre")
    if genres.empty:
        by_genre.remove()
    return figure


def rankings(title: str, results: Results) -> Figure:
    rows = results.plots["rankings"].sort_values("ndcg", ascending=False, kind="stable")
    figure, panels = style.panels(title, 3.4, len(MEASURES), sharey=True)
    names = [words(name) for name in rows["ranking"]]
    for axes, (measure, (heading, digits)) in zip(panels, MEASURES.items(), strict=True):
        values, ends = style.values(rows, measure)
        style.dots(axes, names, values, ends if measure == "ndcg" else None, digits)
        axes.set_title(heading.format(results.at_n))
    return figure
