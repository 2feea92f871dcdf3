"""Three jobs with movierec. Cells as in a notebook, on ratings.csv in the current folder."""

import pandas as pd

import movierec as mr

ratings = pd.read_csv("ratings.csv")

# %% Fit and recommend
model = mr.ImplicitALS().fit(ratings)
recommended = model.recommend(196)

# %% New user
for_new_user = model.recommend_for({50: 5, 172: 4, 1: 3})

# %% Evaluate on a split
parts = mr.split(ratings)
model = mr.ImplicitALS().fit(parts.train, parts.validation)
quality = mr.evaluate(model, parts.test)
