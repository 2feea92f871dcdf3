"""The jobs of with_movierec.py with LensKit, as in its guide.

n_jobs=1, as other values start processes, for which a program needs `if __name__ == "__main__"`.
"""

import pandas as pd
from lenskit import batch, recommend, topn_pipeline
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, from_interactions_df
from lenskit.metrics import NDCG, RunAnalysis
from lenskit.splitting import SampleFrac, sample_users

ratings = pd.read_csv("ratings.csv")

# %% Fit and recommend
data = from_interactions_df(ratings)
pipeline = topn_pipeline(ImplicitMFScorer(), n=10)
pipeline.train(data)
recommended = recommend(pipeline, 196)

# %% New user
for_new_user = recommend(pipeline, ItemList([50, 172, 1], rating=[5, 4, 3]))

# %% Evaluate on a split
split = sample_users(data, data.user_count, SampleFrac(0.2))
pipeline = topn_pipeline(ImplicitMFScorer(), n=10)
pipeline.train(split.train)
lists = batch.recommend(pipeline, split.test, n_jobs=1)
quality = RunAnalysis(NDCG(10)).measure(lists, split.test).list_summary()
