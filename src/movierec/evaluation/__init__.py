"""What the evaluate stage reports: breakdowns, calibration, bootstrap intervals, item-kNN.

May import recommending and the rooms that recommending may import.
"""
