"""Random inputs that are the same in every run, without limits on a busy machine's time."""

from hypothesis import settings

settings.register_profile("dure", deadline=None, derandomize=True)
settings.load_profile("dure")
