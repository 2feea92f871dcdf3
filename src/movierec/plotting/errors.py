"""The errors of predicted ratings, and whether they are as great as they are said to be."""

import pandas as pd
from matplotlib.figure import Figure

from movierec.plotting import captions, style
from movierec.plotting.results import Results
from movierec.plotting.style import BLUE, COUNTS, GREY, SHARES


def result(caption: str, results: Results) -> Figure:
    """RMSE of the model and the baselines, NDCG of the rankings."""
    figure, (errors, rankings) = style.panels(caption, 3.3, 2)
    rows = results.plots["errors"].sort_values("rmse")
    is_model = rows["model"] == "model"
    rows = pd.concat((rows[is_model], rows[~is_model]))
    style.dots(errors, rows["model"], rows, "rmse", 3)
    errors.set_title("test RMSE, stars: less is better")
    rows = results.plots["rankings"].sort_values("ndcg", ascending=False, kind="stable")
    style.dots(rankings, rows["ranking"], rows, "ndcg", 3)
    rankings.set_title(f"NDCG{results.at_n} of lists: more is better")
    return figure


def predicted(caption: str, results: Results) -> Figure:
    """What was predicted of ratings given alike; the residuals."""
    rows, residuals = results.plots["predicted"], results.plots["residuals"]
    figure, (by_given, histogram) = style.panels(caption, 3.4, 2)
    given = rows["rating"]
    by_given.vlines(given, rows["p10"], rows["p90"], color=BLUE, lw=1.2)
    by_given.vlines(given, rows["p25"], rows["p75"], color=BLUE, lw=7, alpha=0.45)
    by_given.plot(given, rows["median"], "o", color=BLUE, ms=5)
    style.diagonal(by_given, given.min(), given.max())
    by_given.set(xlabel="given rating, stars", ylabel="predicted rating, stars")
    by_given.set_title("median, middle half, middle 80 %")
    width = residuals["residual"].iloc[1] - residuals["residual"].iloc[0]
    histogram.bar(residuals["residual"], residuals["n_test"], width=0.9 * width, color=BLUE)
    histogram.axvline(0, color=GREY, lw=1)
    histogram.set(xlabel="given − predicted rating, stars", ylabel="test ratings")
    histogram.yaxis.set_major_formatter(COUNTS)
    mae = results.metrics["evaluate"]["test"]["mae"]
    histogram.set_title(f"residuals, {mae:.2f} stars off on average")
    return figure


def groups(caption: str, results: Results) -> Figure:
    """RMSE by activity, popularity, genre and decade, next to damped biases."""
    curves = {"user": "rmse_by_user_activity", "movie": "rmse_by_item_popularity"}
    tables = {name: results.plots[f"rmse_by_{name}"] for name in ("genre", "decade")}
    n_rows = max(map(len, tables.values()))
    ratios = [1, 0.4 + 0.085 * n_rows]
    figure, panels = style.panels(caption, 3.0 + 0.19 * n_rows, 2, 2, height_ratios=ratios)
    for axes, (name, table) in zip(panels[:2], curves.items(), strict=True):
        rows = results.plots[table]
        bins = rows["n_ratings"].astype(str)
        axes.plot(bins, rows["damped_biases_rmse"], "o-", color=GREY, label="damped biases")
        axes.plot(bins, rows["rmse"], "o-", color=BLUE, label="model")
        axes.set_xticks(range(len(bins)), bins, rotation=40, ha="right", rotation_mode="anchor")
        axes.set(xlabel=f"ratings of the {name} in training", ylabel="test RMSE, stars")
    panels[0].legend()
    for axes, (name, rows) in zip(panels[2:], tables.items(), strict=True):
        rows = captions.reliable(rows.sort_values("rmse") if name == "genre" else rows)
        style.pairs(axes, rows[name].astype(str), rows["rmse"], rows["damped_biases_rmse"])
        axes.set(xlabel="test RMSE, stars", title=f"by {name}")
        if rows.empty:
            axes.remove()
    return figure


def calibration(caption: str, results: Results) -> Figure:
    """Mean given and mean predicted rating; the share inside intervals and their level."""
    rows, levels = results.plots["calibration"], results.plots["interval_coverage"]
    figure, (means, shares) = style.panels(caption, 3.6, 2)
    for axes, x, y in (
        (means, rows["predicted_rating"], rows["rating"]),
        (shares, levels["level"], levels["coverage"]),
    ):
        style.diagonal(axes, min(x.min(), y.min()), max(x.max(), y.max()))
        axes.plot(x, y, "o-", color=BLUE, ms=4.5, lw=1)
        axes.set_aspect("equal", adjustable="datalim")
    means.set_title(f"ratings predicted alike, {len(rows)} bins")
    means.set(xlabel="mean predicted rating, stars", ylabel="mean given rating, stars")
    shares.set_title("intervals about predictions")
    shares.set(xlabel="level of the interval", ylabel="share of test ratings inside")
    for axis in (shares.xaxis, shares.yaxis):
        axis.set_major_formatter(SHARES)
    return figure
