"""Comparing runs, tuning params, and the provenance of outputs.

May import plotting and the rooms that plotting may import.
"""
