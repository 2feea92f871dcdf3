"""Errors of predictions, ranking metrics, and the protocol that compares rankings.

May import model and the rooms that model may import.
"""
