"""The run as one HTML page.

May import experiments and the rooms that experiments may import.
"""
