"""The index and split stages: dense indices, and which ratings are held out.

May import datasets and the rooms that datasets may import.
"""
