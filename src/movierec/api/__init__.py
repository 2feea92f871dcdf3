"""The public Python API: estimators, split, evaluate and load; `movierec` exports its names.

May import report and the rooms that report may import.
"""
