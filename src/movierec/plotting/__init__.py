"""Figures, their captions, and the tables they are drawn from.

May import serving and the rooms that serving may import.
"""
