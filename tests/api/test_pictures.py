"""Pictures of fitted estimators: what they show, in the pipeline's style, and shown once."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import movierec as mr
from movierec.plotting import style, training
from movierec.plotting.captions import Curves
from tests.helpers.random_data import random_ratings
from tests.plotting.test_drawing import assert_nothing_is_cut_off

RATINGS = random_ratings(5, 60, 40, 1200)
IDS = RATINGS.user_index, [f"m{item}" for item in RATINGS.item_index], RATINGS.rating
TITLES = {f"m{item}": f"Movie {item}, The ({1950 + item})" for item in range(30)}
SMALL = {"n_factors": 3, "max_epochs": 6, "patience": 6, "min_improvement": 0.0}
ALS = mr.ALS(**SMALL).fit(IDS, 0.2)
IMPLICIT = mr.ImplicitALS(**SMALL).fit(IDS, 0.2)
BIASES = mr.ALS(model="damped_biases").fit(IDS, 0.2)
GIBBS = mr.GibbsMF(n_factors=2, burn_in=2, samples=4, thin=1).fit(IDS, 0.2)


def panels_of(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def curves_of(axes):
    """The values of each curve by epoch, by the name in the legend, and the epoch of its dot."""
    lines, names = axes.lines, [text.get_text() for text in axes.get_legend().get_texts()]
    return {
        name.partition(":")[0]: (line.get_xydata(), dot.get_xdata()[0], dot.get_ydata()[0])
        for name, line, dot in zip(names, lines[::2], lines[1::2], strict=True)
    }


def test_training_is_drawn_by_epoch_with_a_dot_at_the_best() -> None:
    panels = panels_of(ALS.plot_training())
    assert list(panels) == ["RMSE on train", "RMSE on validation"]
    for title, column in zip(panels, ("train_rmse", "validation_rmse"), strict=True):
        values, epoch, best = curves_of(panels[title])["ALS"]
        np.testing.assert_array_equal(values, ALS.epochs_[["epoch", column]])
        assert epoch == ALS.best_epoch_
        assert best == ALS.epochs_[column][epoch - 1]


def test_several_models_are_compared_each_by_its_own_measures() -> None:
    models = {"ALS": ALS, "damped": BIASES, "implicit": IMPLICIT}
    figure = mr.plot_training(models)
    panels = panels_of(figure)
    names = [list(curves_of(axes)) for axes in panels.values()]
    assert names == [["ALS", "damped"], ["ALS", "damped"], ["implicit"]]
    best = {name: models[name].validation_.rmse for name in ("ALS", "damped")}
    first = min(best, key=best.__getitem__)
    assert figure.get_suptitle() == (
        f"RMSE on validation is lowest for {first}: {best[first]:.4f} after"
        f" {models[first].best_epoch_} epoch{'s' * (models[first].best_epoch_ > 1)}"
    )


def test_names_of_any_length_leave_room_for_the_curves() -> None:
    figure = mr.plot_training(
        {f"{number} {'x' * 99}": ALS for number in range(9)} | {"i": IMPLICIT}
    )
    figure.canvas.draw()
    assert min(axes.bbox.width for axes in figure.axes) > figure.bbox.width / 5
    looks = {(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines[::2]}
    assert len(looks) == 9


@pytest.mark.parametrize("highest", [0.91, 0.92, 0.93, 0.94, 0.95])
@pytest.mark.parametrize("n_models", [1, 3])
def test_no_number_is_cut_off(highest, n_models) -> None:
    """Matplotlib's layout takes the numbers of an axis that then has another size."""
    epochs = np.arange(1, 37)
    rmse = 0.804 + (highest - 0.804) * np.exp((1 - epochs) / 2.5)
    values = pd.DataFrame({"train_rmse": rmse, "validation_rmse": 1.01 * rmse}, index=epochs)
    figure = training.curves({str(number): Curves(values, 32) for number in range(n_models)})
    figure.canvas.draw()
    assert_nothing_is_cut_off(figure)


def test_an_implicit_model_has_its_ndcg_and_gibbs_sampling_its_sweeps() -> None:
    [axes] = IMPLICIT.plot_training().axes
    assert axes.get_title(loc="left") == "NDCG@10 on validation"
    assert {axes.get_xlabel() for axes in GIBBS.plot_training().axes} == {"sweep"}
    assert GIBBS.plot_training().get_suptitle().endswith(f"after {GIBBS.best_epoch_} sweeps")


def test_the_map_and_the_polarising_items_are_of_the_model_s_factors() -> None:
    axes = ALS.plot_factors(TITLES).axes[0]
    shown = {text.get_text() for text in axes.texts}
    assert any(name.startswith("The Movie ") for name in shown)
    assert any(name.startswith("m3") for name in shown), "without a title: the id"
    counts = pd.Series(IDS[1]).value_counts()
    axes = ALS.plot_polarising().axes[0]
    first, length = axes.get_yticklabels()[0].get_text(), axes.patches[0].get_width()
    assert axes.texts[0].get_text() == f" {counts[first]} ratings"
    item = ALS.item_ids_.tolist().index(first)
    assert length == pytest.approx((ALS.user_factors_ @ ALS.item_factors_[item]).std(), rel=1e-4)


def test_titles_may_be_a_series() -> None:
    one, two = (ALS.plot_factors(titles)._repr_png_() for titles in (TITLES, pd.Series(TITLES)))
    assert one == two


def test_a_figure_is_shown_once_in_one_style_whatever_the_user_has_set() -> None:
    plain = ALS.plot_training()
    with plt.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.dpi": 30}):
        styled = ALS.plot_training()
        assert styled._repr_png_() == plain._repr_png_()
        assert plt.rcParams["font.size"] == 20
    assert plt.get_fignums() == [], "pyplot would show it again"
    assert Image.open(io.BytesIO(plain._repr_png_())).width == style.WIDTH * style.DPI


@pytest.mark.parametrize(
    ("plot", "error", "message"),
    [
        (lambda: mr.plot_training({}), ValueError, "at least one"),
        (lambda: mr.plot_training({"a": mr.Popularity()}), TypeError, "a is Popularity, not tr"),
        (lambda: mr.ALS().plot_training(), ValueError, "is not fitted"),
        (lambda: mr.ALS().plot_factors(), ValueError, "is not fitted"),
        (
            lambda: mr.ImplicitALS(**SMALL).fit(IDS).plot_training(),
            ValueError,
            "no measures; fit it with",
        ),
        (lambda: ALS.plot_factors({1: "Movie"}), ValueError, "none is of an item .*, such as 'm"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(plot, error, message) -> None:
    with pytest.raises(error, match=message) as caught:
        plot()
    assert "\n" not in str(caught.value)


def test_a_loaded_model_gives_the_same_pictures(tmp_path) -> None:
    loaded = mr.load(ALS.save(tmp_path / "model.safetensors"))
    assert loaded.plot_training()._repr_png_() == ALS.plot_training()._repr_png_()
    assert loaded.plot_factors(TITLES)._repr_png_() == ALS.plot_factors(TITLES)._repr_png_()
