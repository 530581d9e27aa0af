"""Lets Snakemake find out once what it asks again for every job of a plan.

Three of its questions have the same answer each time and take a fifth of the plan of
config/full.yaml: the parameters of an input function, read from its signature twice a call; the
text of a rule's script, read for every job to see that it is there; and the parts of its path, for
which smart_open defines a class each time. The answers are remembered; what is asked and what
follows from it stays as it is. A version of Snakemake that names them otherwise asks as before. A
plan is hundreds of thousands of objects that all stay, so the search for garbage among them is made
rare: an eighth of the plan's time for no garbage.
"""

import gc
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

_PARAMETERS, _SOURCE, _PARSE = "get_function_params", "get_source", "parse_uri"


def remember_answers() -> None:
    """Put a remembering form in the place of each of the three questions; once is enough."""
    _replace("snakemake.common", _PARAMETERS, RememberedParameters)
    _replace("snakemake.script", _SOURCE, RememberedSources)
    _replace("smart_open", _PARSE, cache)


def collect_garbage_rarely() -> None:
    """Search the youngest objects after 50,000 new ones instead of 700, the older ones likewise."""
    gc.set_threshold(50_000, 20, 100)


def _replace(module: str, name: str, form: Callable[[Any], Any]) -> None:
    asked = getattr(sys.modules.get(module), name, None)
    if asked is None or hasattr(asked, "__wrapped__"):
        return
    remembering = form(asked)
    package = module.partition(".")[0]
    for title, other in list(sys.modules.items()):
        if title.partition(".")[0] == package and vars(other).get(name) is asked:
            setattr(other, name, remembering)


class RememberedParameters:
    """Answers with the parameters of a function, by name.

    Args:
        ask: finds them.
    """

    def __init__(self, ask: Callable[[Any], Mapping[str, Any]]) -> None:
        self.__wrapped__ = ask
        self._known: dict[Any, Mapping[str, Any]] = {}

    def __call__(self, function: Any) -> Mapping[str, Any]:
        """Return the parameters of a function; a method has the same ones for any object."""
        method = inspect.ismethod(function)
        key = function.__func__ if method else function
        if not inspect.isfunction(key):
            return self.__wrapped__(function)
        known = self._known.get((key, method))
        if known is None:
            known = self._known[key, method] = self.__wrapped__(function)
        return known


class RememberedSources:
    """Answers with what is known of a rule's script, by its path and the folder of its rules.

    Args:
        ask: reads it.
    """

    def __init__(self, ask: Callable[..., Any]) -> None:
        self.__wrapped__ = ask
        self._known: dict[Any, Any] = {}

    def __call__(
        self,
        path: Any,
        sourcecache: Any,
        basedir: Any = None,
        wildcards: Any = None,
        params: Any = None,
    ) -> Any:
        """Return what there is to know; a path with wildcards in it is asked for each time."""
        if not isinstance(path, str) or "{" in path:
            return self.__wrapped__(path, sourcecache, basedir, wildcards, params)
        key = path, basedir
        if key not in self._known:
            self._known[key] = self.__wrapped__(path, sourcecache, basedir, wildcards, params)
        return self._known[key]
