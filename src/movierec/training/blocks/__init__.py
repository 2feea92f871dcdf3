"""Training on data larger than memory: blocks of ratings and factors in files, and their scheduler."""
