"""movierec: a biased matrix factorisation of MovieLens ratings, as a reproducible pipeline."""

__version__ = "0.1.0"
