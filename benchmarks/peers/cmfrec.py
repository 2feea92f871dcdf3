"""cmfrec: alternating least squares, exact or by conjugate gradients."""

import numpy as np

from benchmarks import harness, peers
from benchmarks.quality.protocol import Known, Settings, Trained
from movierec.data.rating_arrays import Csr

RATINGS_OF_A_ROW = 50  # a ridge per rating is about this many times smaller than one per row


def train(known: Known, settings: Settings) -> Trained:
    """The ridge is per rating (count-scaled) or not; the biases' is a multiple of the factors'.

    User biases may be shifted against movie biases. A row without ratings keeps cmfrec's initial
    bias; here it gets the mean of the others instead.
    """
    from cmfrec import CMF

    chosen = dict(settings)
    ridge, bias_ridge = chosen.pop("ridge"), chosen.pop("bias_ridge")
    ridge *= 1 if chosen["scale_lam"] else RATINGS_OF_A_ROW
    ridges = np.array([ridge * bias_ridge] * 2 + [ridge] * 4)
    fixed = {"use_cg": False, "nthreads": known.threads, "random_state": known.params.seed}
    model = CMF(lambda_=ridges, **fixed, **chosen)
    matrix = peers.to_matrix(known.by_user, known.n_items).tocoo()
    with known.clock.timed():
        model.fit(matrix)
    sides = []
    for index, factors, biases in (
        (matrix.row, model.A_, model.user_bias_),
        (matrix.col, model.B_, model.item_bias_),
    ):
        there = np.bincount(index, minlength=len(biases)) > 0
        filled = np.where(there, biases, biases[index].mean())
        sides.append((np.arange(len(biases)), factors * there[:, None], filled))
    return peers.to_trained(known, model.glob_mean_, *sides)


def time_epochs(by_user: Csr, n_items: int, n_factors: int, n: int, cg: bool) -> list[float]:
    from cmfrec import CMF

    matrix = peers.to_matrix(by_user, n_items).tocoo()

    def train(n_epochs: int) -> None:
        CMF(
            k=n_factors,
            niter=n_epochs,
            use_cg=cg,
            finalize_chol=False,
            lambda_=0.05,
            scale_lam=True,
            use_float=True,
            precompute_for_predictions=False,
            nthreads=-1,
            verbose=False,
        ).fit(matrix)

    return harness.time_by_difference(train, n, times=n if cg else 1)
