"""One thread for the products of linear algebra libraries.

How a library shares a product among threads may change its last bit.
"""

from contextlib import AbstractContextManager
from functools import cache

import numpy as np  # noqa: F401  (its library must be there to be found)
from threadpoolctl import ThreadpoolController


def one_library_thread() -> AbstractContextManager[object]:
    """Return a context in which numpy's library computes each product with one thread."""
    return _controller().limit(limits=1)


@cache
def _controller() -> ThreadpoolController:
    # Looking for the libraries takes milliseconds, as long as a batch's scores.
    return ThreadpoolController()
