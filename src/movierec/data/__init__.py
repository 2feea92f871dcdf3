"""Ratings as arrays (lists and CSR), and the Parquet tables that stages exchange.

May import core, kernels and engine.
"""
