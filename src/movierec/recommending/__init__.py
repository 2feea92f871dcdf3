"""Lists for all users: rankers, uncertainty, diversification, exports, the model card.

May import training and the rooms that training may import.
"""
