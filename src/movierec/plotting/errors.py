"""The errors of predicted ratings, and whether they are as great as they are said to be."""

import pandas as pd
from matplotlib.figure import Figure

from movierec.plotting import captions, style
from movierec.plotting.captions import words
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, GREY


def result(title: str, results: Results) -> Figure:
    """RMSE of the model and the baselines, NDCG of the rankings."""
    figure, panels = style.panels(title, 3.3, 2)
    errors, rankings = panels
    rows = results.plots["errors"].sort_values("rmse")
    marked = rows["model"] == "model"
    rows = pd.concat((rows[marked], rows[~marked]))
    style.dots(errors, [words(name) for name in rows["model"]], *style.values(rows, "rmse"), 3)
    errors.set_title("test RMSE, stars: less is better")
    rows = results.plots["rankings"].sort_values("ndcg", ascending=False, kind="stable")
    style.dots(rankings, [words(name) for name in rows["ranking"]], *style.values(rows, "ndcg"), 3)
    rankings.set_title(f"NDCG{results.at_n} of lists: more is better")
    return figure


def predicted(title: str, results: Results) -> Figure:
    """What was predicted of ratings given alike; the residuals."""
    rows, residuals = results.plots["predicted"], results.plots["residuals"]
    if rows.empty:
        return style.sentence(title)
    figure, panels = style.panels(title, 3.4, 2)
    by_given, histogram = panels
    given = rows["rating"]
    by_given.vlines(given, rows["p10"], rows["p90"], color=BLUE, lw=1.2)
    by_given.vlines(given, rows["p25"], rows["p75"], color=BLUE, lw=7, alpha=0.45)
    by_given.plot(given, rows["median"], "o", color=BLUE, ms=5)
    ends = [given.min(), given.max()]
    by_given.plot(ends, ends, ":", color=GREY)
    by_given.set_xlabel("given rating, stars")
    by_given.set_ylabel("predicted rating, stars")
    by_given.set_title("median, middle half, middle 80 %")
    width = residuals["residual"].iloc[1] - residuals["residual"].iloc[0]
    histogram.bar(residuals["residual"], residuals["n_test"], width=0.9 * width, color=BLUE)
    histogram.axvline(0, color=GREY, lw=1)
    histogram.set_xlabel("given − predicted rating, stars")
    histogram.set_ylabel("test ratings")
    histogram.yaxis.set_major_formatter(style.COUNTS)
    mae = results.metrics["evaluate"]["test"]["mae"]
    histogram.set_title(f"residuals, {mae:.2f} stars off on average")
    return figure


def groups(title: str, results: Results) -> Figure:
    """RMSE by activity, popularity, genre and decade, beside damped biases."""
    tables = [results.plots[f"rmse_by_{of}"] for of in ("user_activity", "item_popularity")]
    lists = [results.plots[f"rmse_by_{of}"] for of in ("genre", "decade")]
    if not len(tables[0]):
        return style.sentence(title)
    n_rows = max(len(rows) for rows in lists)
    figure, panels = style.panels(
        title, 3.0 + 0.19 * n_rows, 2, 2, height_ratios=[1, 0.4 + 0.085 * n_rows]
    )
    for axes, rows, name in zip(panels, tables, ("user", "movie"), strict=False):
        groups = rows["n_ratings"].astype(str)
        axes.plot(groups, rows["damped_biases_rmse"], "o-", color=GREY, label="damped biases")
        axes.plot(groups, rows["rmse"], "o-", color=BLUE, label="model")
        axes.set_xticks(range(len(groups)), groups, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_xlabel(f"ratings of the {name} in training")
        axes.set_ylabel("test RMSE, stars")
    panels[0].legend()
    for axes, rows, name in zip(panels[2:], lists, ("genre", "decade"), strict=True):
        rows = captions.sure(rows.sort_values("rmse") if name == "genre" else rows)
        style.pairs(axes, list(rows[name].astype(str)), rows["rmse"], rows["damped_biases_rmse"])
        axes.set_xlabel("test RMSE, stars")
        axes.set_title(f"by {name}")
        if rows.empty:
            axes.remove()
    return figure


def calibration(title: str, results: Results) -> Figure:
    """Mean given beside mean predicted rating; the share inside intervals beside their level."""
    rows, levels = results.plots["calibration"], results.plots["interval_coverage"]
    if rows.empty:
        return style.sentence(title)
    figure, panels = style.panels(title, 3.6, 2)
    means, shares = panels
    for axes, x, y in (
        (means, rows["predicted_rating"], rows["rating"]),
        (shares, levels["level"], levels["coverage"]),
    ):
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        axes.plot(ends, ends, ":", color=GREY)
        axes.plot(x, y, "o-", color=BLUE, ms=4.5, lw=1)
        axes.set_aspect("equal", adjustable="datalim")
    means.set_title(f"ratings predicted alike, {len(rows)} bins")
    means.set_xlabel("mean predicted rating, stars")
    means.set_ylabel("mean given rating, stars")
    shares.set_title("intervals about predictions")
    shares.set_xlabel("level of the interval")
    shares.set_ylabel("share of test ratings inside")
    for axis in (shares.xaxis, shares.yaxis):
        axis.set_major_formatter(style.SHARES)
    return figure
