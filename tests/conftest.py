"""Settings of the property tests: few examples, the same in every run."""

from hypothesis import settings

settings.register_profile("movierec", deadline=None, max_examples=25, derandomize=True)
settings.load_profile("movierec")
