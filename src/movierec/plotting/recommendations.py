"""Recommendations next to ratings, and the quality of each ranking."""

from matplotlib.figure import Figure

from movierec.plotting import style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, GREY, ORANGE, SHARES

MEASURES = {  # of lists: the title of a panel, and the digits of its values
    "ndcg": ("NDCG{}", 3),
    "hit_rating": ("hit rating, stars", 2),
    "coverage": ("coverage", 2),
    "novelty": ("novelty, bits", 1),
    "diversity": ("diversity", 2),
}


def recommended(caption: str, results: Results) -> Figure:
    rows, genres = results.plots["recommended"], results.plots["recommended_genres"]
    figure, (popularity, by_genre) = style.panels(caption, 3.9, 2)
    for offset, column, colour in ((-0.2, "ratings", GREY), (0.2, "recommendations", BLUE)):
        popularity.bar(rows["part"] + offset, rows[column], 0.4, color=colour, label=column)
    popularity.yaxis.set_major_formatter(SHARES)
    popularity.set_xticks(rows["part"])
    popularity.plot(rows["part"], rows["coverage"], "o", color=ORANGE, label="coverage")
    popularity.set(xlabel=f"movies in {len(rows)} groups, the most rated first", ylabel="share")
    popularity.set_title(" ")  # room for the legend
    popularity.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=3, columnspacing=1.2, handlelength=1
    ).set_in_layout(False)
    style.pairs(by_genre, genres["genre"], genres["recommendations"], genres["ratings"])
    by_genre.xaxis.set_major_formatter(SHARES)
    by_genre.set_xlabel("share of the genre")
    if genres.empty:
        by_genre.remove()
    return figure


def rankings(caption: str, results: Results) -> Figure:
    rows = results.plots["rankings"].sort_values("ndcg", ascending=False, kind="stable")
    figure, panels = style.panels(caption, 3.4, len(MEASURES), sharey=True)
    for axes, (measure, (title, digits)) in zip(panels, MEASURES.items(), strict=True):
        style.dots(axes, rows["ranking"], rows, measure, digits, intervals=measure == "ndcg")
        axes.set_title(title.format(results.at_n))
    return figure
