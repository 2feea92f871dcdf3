"""The errors of predicted ratings, and the calibration of predictions and intervals."""

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
    errors.set_title("test RMSE, stars (lower is better)")
    rows = results.plots["rankings"].sort_values("ndcg", ascending=False, kind="stable")
    style.dots(rankings, rows["ranking"], rows, "ndcg", 3)
    rankings.set_title(f"NDCG{results.at_n} (higher is better)")
    return figure


def predicted(caption: str, results: Results) -> Figure:
    """Predictions by given rating; the residuals."""
    rows, residuals = results.plots["predicted"], results.plots["residuals"]
    figure, (by_stars, histogram) = style.panels(caption, 3.4, 2)
    stars = rows["rating"]
    by_stars.vlines(stars, rows["p10"], rows["p90"], color=BLUE, lw=1.2)
    by_stars.vlines(stars, rows["p25"], rows["p75"], color=BLUE, lw=7, alpha=0.45)
    by_stars.plot(stars, rows["median"], "o", color=BLUE, ms=5)
    style.diagonal(by_stars, stars.min(), stars.max())
    by_stars.set(xlabel="given rating, stars", ylabel="predicted rating, stars")
    by_stars.set_title("predictions: median, middle 50%, middle 80%")
    width = residuals["residual"].iloc[1] - residuals["residual"].iloc[0]
    histogram.bar(residuals["residual"], residuals["n_test"], width=0.9 * width, color=BLUE)
    histogram.axvline(0, color=GREY, lw=1)
    histogram.set(xlabel="given − predicted rating, stars", ylabel="test ratings")
    histogram.yaxis.set_major_formatter(COUNTS)
    mae = results.metrics["evaluate"]["test"]["mae"]
    histogram.set_title(f"residuals (mean absolute error {mae:.2f} stars)")
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
        axes.set(xlabel=f"training ratings of the {name}", ylabel="test RMSE, stars")
    panels[0].legend()
    for axes, (name, rows) in zip(panels[2:], tables.items(), strict=True):
        rows = captions.reliable(rows.sort_values("rmse") if name == "genre" else rows)
        style.pairs(axes, rows[name].astype(str), rows["rmse"], rows["damped_biases_rmse"])
        axes.set(xlabel="test RMSE, stars", title=f"by {name}")
        if rows.empty:
            axes.remove()
    return figure


def calibration(caption: str, results: Results) -> Figure:
    """Mean given by mean predicted rating; the share of ratings inside intervals by their level."""
    rows, levels = results.plots["calibration"], results.plots["interval_coverage"]
    groups = results.plots["interval_coverage_by_group"].filter(like="coverage_")
    figure, (means, shares) = style.panels(caption, 3.6, 2)
    for axes, x, y in (
        (means, rows["predicted_rating"], rows["rating"]),
        (shares, levels["level"], levels["coverage"]),
    ):
        style.diagonal(axes, min(x.min(), y.min()), max(x.max(), y.max()))
        axes.plot(x, y, "o-", color=BLUE, ms=4.5, lw=1)
        axes.set_aspect("equal", adjustable="datalim")
    for name, coverage in groups.items():
        level = float(str(name).removeprefix("coverage_")) / 100
        shares.plot([level] * len(coverage), coverage, "_", color=GREY, ms=9, zorder=1)
    means.set_title(f"calibration, in {len(rows)} bins of predictions")
    means.set(xlabel="mean predicted rating, stars", ylabel="mean given rating, stars")
    shares.set_title("coverage of prediction intervals")
    shares.set(xlabel="level of the intervals", ylabel="test ratings inside")
    for axis in (shares.xaxis, shares.yaxis):
        axis.set_major_formatter(SHARES)
    return figure
