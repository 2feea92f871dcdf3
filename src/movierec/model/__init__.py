"""What is predicted: the model and its files, the row solver, features, baselines, top-n lists.

May import prepare and the rooms that prepare may import.
"""
