"""Training on data larger than memory: ratings and factors in files, block by block.

May import the rest of training and the rooms that training may import.
"""
