"""Calls that run what comes from outside, or look away from it, found in syntax trees."""

import ast
from collections.abc import Iterator

_FORBIDDEN = {
    **dict.fromkeys(("eval", "exec", "compile", "__import__"), "runs text as code"),
    **dict.fromkeys(("os.system", "os.popen"), "runs a shell"),
    **dict.fromkeys(
        ("subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell"),
        "runs a shell",
    ),
    **dict.fromkeys(
        (
            *("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "shelve.open"),
            *("dill.load", "dill.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load"),
            *("pandas.read_pickle", "pd.read_pickle", "numpy.fromregex", "torch.hub.load"),
        ),
        "runs code that data carries",
    ),
    **dict.fromkeys(
        ("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "yaml.unsafe_load_all"),
        "makes objects that YAML names",
    ),
    **dict.fromkeys(
        ("ssl._create_unverified_context", "ssl._create_stdlib_context"), "checks no certificate"
    ),
    **dict.fromkeys(("tempfile.mktemp", "os.tempnam"), "gives a name that another can take"),
    "shutil.unpack_archive": "lets members leave their folder",
}
_SAFE_LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader"}


def dangers(source: str) -> Iterator[str]:
    """Yield "line N: call, reason" for each dangerous call of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            if names & {"dill", "cloudpickle", "joblib", "shelve", "marshal"}:
                yield f"line {node.lineno}: imports {', '.join(sorted(names))}"
        if isinstance(node, ast.Call) and (reason := _danger_of(node)):
            yield f"line {node.lineno}: {ast.unparse(node.func)} {reason}"


def _danger_of(call: ast.Call) -> str | None:
    name = ast.unparse(call.func)
    last = name.rsplit(".", 1)[-1]
    given = {word.arg: word.value for word in call.keywords if word.arg}
    if name in _FORBIDDEN:
        return _FORBIDDEN[name]
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        return "runs code that data carries"
    if name == "yaml.load" and not _SAFE_LOADERS & {ast.unparse(one) for one in _values(call)}:
        return "makes objects that YAML names"
    if last in ("extractall", "extract") and last != name and "filter" not in given:
        return "lets members leave their folder"
    if last == "from_pretrained" and not _trusts_nothing(call, given):
        return "leaves open whether the model's own code is run"
    if last == "Markup" and not _is_text_of_the_source(call):
        return "takes data for HTML"
    for word, value in (("shell", False), ("verify", True), ("trust_remote_code", False)):
        if word in given and not _is(given[word], value):
            return f"with {word}={ast.unparse(given[word])}"
    if "allow_pickle" in given and not _is(given["allow_pickle"], False):
        return "runs code that data carries"
    return None


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _trusts_nothing(call: ast.Call, given: dict[str, ast.expr]) -> bool:
    # `**place` is what `published_files` yields; a test of its own looks into it.
    spread = {ast.unparse(word.value) for word in call.keywords if word.arg is None}
    return _is(given.get("trust_remote_code"), False) or "place" in spread


def _is_text_of_the_source(call: ast.Call) -> bool:
    return all(
        (isinstance(one, ast.Constant) and isinstance(one.value, str))
        or (isinstance(one, ast.Name) and one.id.lstrip("_").isupper())
        for one in _values(call)
    )
