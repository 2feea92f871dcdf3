"""Figures, their captions, and the tables they are drawn from.

May import page and the rooms that page may import.
"""
