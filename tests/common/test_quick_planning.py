"""What is remembered while a plan is made is what would have been asked for."""

import subprocess
import sys

from scripts.common.quick_planning import RememberedParameters, RememberedSources

CHECK = """
import smart_open, snakemake.common, snakemake.resources, snakemake.rules, snakemake.script
from scripts.common.quick_planning import remember_answers

before = snakemake.common.get_function_params
read = snakemake.script.get_source
parts = smart_open.parse_uri("rules/../scripts/a.py")
remember_answers()
remember_answers()
after = snakemake.common.get_function_params
assert after.__wrapped__ is before, after.__wrapped__
assert snakemake.rules.get_function_params is after
assert snakemake.script.get_source.__wrapped__ is read
assert smart_open.parse_uri("rules/../scripts/a.py") == parts
smart_open.parse_uri("rules/../scripts/a.py")
assert smart_open.parse_uri.cache_info().hits == 1
"""


class Counter:
    def __init__(self):
        self.asked = []

    def __call__(self, function):
        self.asked.append(function)
        return {"wildcards": None, "attempt": None} if len(self.asked) == 1 else {"input": None}


def test_each_function_is_asked_for_once():
    counter = Counter()
    parameters = RememberedParameters(counter)

    def one(wildcards, attempt): ...

    def other(input): ...

    assert [list(parameters(one)) for _ in range(3)] == [["wildcards", "attempt"]] * 3
    assert [list(parameters(other)) for _ in range(3)] == [["input"]] * 3
    assert counter.asked == [one, other]


def test_a_method_of_any_object_is_one_question_and_its_plain_form_another():
    class Resource:
        __hash__ = None  # type: ignore[assignment]

        def evaluate(self, wildcards): ...

    counter = Counter()
    parameters = RememberedParameters(counter)
    for _ in range(3):
        parameters(Resource().evaluate)
    assert len(counter.asked) == 1
    parameters(Resource.evaluate)
    assert len(counter.asked) == 2


def test_what_is_no_function_is_always_asked_for():
    class Callable:
        def __call__(self, wildcards): ...

    counter, asked = Counter(), Callable()
    parameters = RememberedParameters(counter)
    parameters(asked)
    parameters(asked)
    assert counter.asked == [asked, asked]


def test_a_script_is_read_once_and_one_with_wildcards_in_its_path_each_time():
    asked = []

    def ask(path, sourcecache, basedir=None, wildcards=None, params=None):
        asked.append((path, basedir))
        return f"text of {basedir}/{path}", sourcecache, wildcards, params

    sources = RememberedSources(ask)
    for shard in (1, 2):
        assert sources("a.py", "cache", "rules", shard, None)[0] == "text of rules/a.py"
        assert sources("a.py", "cache", "other", shard, None)[0] == "text of other/a.py"
        assert sources("{x}.py", "cache", "rules", shard, None)[2] == shard
    assert sources("a.py", sourcecache="cache", basedir="rules", params=None)[1] == "cache"
    assert asked == [("a.py", "rules"), ("a.py", "other"), ("{x}.py", "rules"), ("{x}.py", "rules")]


def test_snakemakes_own_questions_are_replaced_once_and_answer_the_same():
    finished = subprocess.run(
        [sys.executable, "-c", CHECK], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
