"""Three jobs in movierec, LensKit and implicit, each the shortest way its documentation shows.

Each script is plain notebook cells, without functions. `snippets` cuts them for the docs and counts
their lines; `run` runs them on ml-100k.
"""
