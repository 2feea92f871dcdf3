"""The jobs of with_movierec.py with implicit, as in its tutorial."""

import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k, train_test_split
from scipy.sparse import csr_matrix

ratings = pd.read_csv("ratings.csv")

# %% Fit and recommend
user_index, user_ids = pd.factorize(ratings["user_id"])
item_index, item_ids = pd.factorize(ratings["item_id"])
matrix = csr_matrix((ratings["rating"], (user_index, item_index)))
model = AlternatingLeastSquares()
model.fit(matrix)
user = user_ids.get_loc(196)
items, scores = model.recommend(user, matrix[user])
recommended = pd.Series(scores, item_ids[items])

# %% New user
rated = [item_ids.get_loc(item) for item in [50, 172, 1]]
row = csr_matrix(([5, 4, 3], ([0, 0, 0], rated)), shape=(1, len(item_ids)))
items, scores = model.recommend(0, row, recalculate_user=True)
for_new_user = pd.Series(scores, item_ids[items])

# %% Evaluate on a split
train, test = train_test_split(matrix)
model = AlternatingLeastSquares()
model.fit(train)
quality = ranking_metrics_at_k(model, train, test)
