"""Recommendations for one user: fold-in, explanations, title search, imported ratings.

May import evaluation and the rooms that evaluation may import.
"""
