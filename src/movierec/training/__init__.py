"""How models are trained: ALS, Gibbs sampling, implicit ALS, early stopping, checkpoints.

May import metrics and the rooms that metrics may import.
"""
