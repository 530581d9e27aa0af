"""Runs a step's `run` function from a Snakemake rule or from the command line.

A step ends with `entry(run, globals().get("snakemake"))`. Under Snakemake the arguments come by
name from the rule: its named inputs, outputs and params are owed (each must be an argument),
wildcards, `threads` and resources (`tmpdir`, `mem_mb`, `batch_documents`) are offered (used where
asked for). A name that is missing or left over is an error before any work, and so is an input that
is not as its step left it (`scripts/common/checksums.py`). What changes a result belongs in params,
which make it stale; what bounds time and memory in resources, which do not.
Without Snakemake the same signature becomes a command-line program. A job keeps a record of itself
beside its log (`scripts/common/job_record.py`).
"""

import inspect
import json
import logging
import os
import random
import sys
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from scripts.common.checksums import check_inputs, note_outputs
from scripts.common.errors import ExpectedError
from scripts.common.files import want_of_space
from scripts.common.gpu_lease import lease_gpus
from scripts.common.input_paths import at_home
from scripts.common.job_record import recording
from scripts.common.logs import start_logging

_logger = logging.getLogger(__name__)
# Read by Snakemake's rerun check, of no use to the step: `digests` are small files whose contents
# stand for those of larger ones, which are `ancient`.
_RULE_ONLY = {"params": {"code", "by_name"}, "input": {"digests"}}
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


class _MisfitError(Exception):
    """A value cannot be what the script's annotation says."""


class ContractError(ExpectedError):
    """A rule and its script disagree about the arguments."""


def entry(run: Callable[..., None], job: Any | None) -> None:
    """Call `run` for a Snakemake job, or parse the command line where there is none."""
    if job is None:
        _run_from_command_line(run)
        return
    log = Path(job.log[0]) if job.log else None
    start_logging(log)
    record = recording(
        log,
        rule=job.rule,
        wildcards=dict(job.wildcards.items()),
        threads=job.threads,
        mem_mb=job.resources.get("mem_mb"),
    )
    # Devices are leased for the rules that ask for them; CUDA reads the environment only once. A
    # rule to which the profile gives none sees none.
    gpus = job.resources.get("gpu")
    devices = nullcontext() if gpus is None else lease_gpus(int(gpus))
    inputs = [str(path) for path in job.input]
    with _OneLineFailures(inputs), record, devices:
        arguments = arguments_from_job(run, job)
        check_inputs(inputs)
        _prepare(arguments.get("seed", 0), job.threads)
        run(**arguments)
        note_outputs(job.rule, [str(path) for path in job.output])


def arguments_from_job(run: Callable[..., None], job: Any) -> dict[str, Any]:
    """Return the arguments of `run` by name, converted to their annotated types.

    Raises:
        ContractError: a name is missing, left over, given twice, or a file has no name.
    """
    parameters = inspect.signature(run).parameters
    hints = typing.get_type_hints(run)
    owed: dict[str, Any] = {}
    for kind, values in (("input", job.input), ("output", job.output), ("params", job.params)):
        for name, value in _named_items(job.rule, kind, values):
            if name in owed:
                raise ContractError(f"rule {job.rule}: the name '{name}' stands twice")
            if name not in _RULE_ONLY.get(kind, ()):
                owed[name] = value
    offered = {
        **dict(job.resources.items()),
        **dict(job.wildcards.items()),
        "threads": job.threads,
    }
    left_over = sorted(owed.keys() - parameters.keys())
    given = {**offered, **owed}
    missing = sorted(
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and name not in given
    )
    if left_over or missing:
        raise ContractError(
            f"rule {job.rule} does not fit its script: left over {left_over}, missing {missing}"
        )
    arguments = {}
    for name in parameters:
        if name in given:
            try:
                arguments[name] = _convert(given[name], hints[name])
            except _MisfitError as error:
                raise ContractError(f"rule {job.rule}: '{name}' is {error}") from None
    return arguments


def _named_items(rule: str, kind: str, values: Any) -> Iterator[tuple[str, Any]]:
    names = values._names
    spans = {name: (1 if end is None else end - start) for name, (start, end) in names.items()}
    if sum(spans.values()) != len(values):
        unnamed = len(values) - sum(spans.values())
        raise ContractError(f"rule {rule}: {unnamed} {kind} entries have no name")
    yield from values.items()


def _convert(value: Any, hint: Any) -> Any:
    """Convert a Snakemake value to `hint`: paths, lists of paths, numbers from wildcards."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if type(None) in options and (value is None or _is_empty_list(value)):
            return None
        kinds = [option for option in options if option is not type(None)]
        if len(kinds) > 1 and isinstance(value, tuple(kinds)):
            return value
        hint = kinds[0]
    if value is None:
        raise _MisfitError("None, which the script does not allow")
    if typing.get_origin(hint) is list:
        (inner,) = typing.get_args(hint)
        items = [value] if isinstance(value, str) else list(value)
        return [_convert(item, inner) for item in items]
    if hint is Path:
        if isinstance(value, list):
            raise _MisfitError(f"one file in the script, but the rule gives {len(value)}")
        return at_home(str(value))
    if hint in (int, float) and isinstance(value, str):
        return hint(value)
    return str(value) if hint is str else value


def _is_empty_list(value: Any) -> bool:
    return not isinstance(value, str | dict) and hasattr(value, "__len__") and len(value) == 0


def _prepare(seed: int, threads: int) -> None:
    """Seed the standard generator and keep native libraries to the job's threads."""
    random.seed(seed)
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    if "pyarrow" in sys.modules:
        sys.modules["pyarrow"].set_cpu_count(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
        sys.modules["torch"].manual_seed(seed)


def whole_folder(message: str, inputs: Sequence[str]) -> str:
    """Return what to add to a message about a file in a folder that one step makes as a whole.

    Snakemake knows the folder alone: that a file in it was deleted makes nothing again.
    """
    folders = [name for name in inputs if f"{name}/" in message and Path(name).is_dir()]
    if not folders:
        return ""
    folder = max(folders, key=len)
    return f" (it is part of {folder}, which is made as a whole: rm -r {folder}, then run again)"


class _OneLineFailures:
    """Turns an expected failure into one line in the log and exit code 1.

    Args:
        inputs: files and folders that the job reads.
    """

    def __init__(self, inputs: Sequence[str] = ()) -> None:
        self._inputs = inputs

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, ExpectedError):
            named = getattr(error, "filename", None) or "a file of this step"
            error = want_of_space(error, named) or error
        if isinstance(error, ExpectedError):
            _logger.error("%s%s", error, whole_folder(str(error), self._inputs))
            raise SystemExit(1) from None


def _run_from_command_line(run: Callable[..., None]) -> None:
    import tyro

    main = sys.modules["__main__"]
    module = main.__spec__.name if main.__spec__ else Path(sys.argv[0]).stem
    mappings = tyro.constructors.ConstructorRegistry()
    mappings.primitive_rule(_mapping_as_json)
    start_logging(None)
    with _OneLineFailures(), mappings:
        _prepare(0, os.cpu_count() or 1)
        try:
            tyro.cli(run, prog=f"python -m {module}", description=main.__doc__)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has seen enough, as `head` does; the interpreter would flush once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None


def _mapping_as_json(argument: Any) -> Any:
    """Take a mapping from the command line as one JSON text, since it may be nested."""
    if typing.get_origin(argument.type) is not dict:
        return None
    from tyro.constructors import PrimitiveConstructorSpec

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="JSON",
        instance_from_str=lambda texts: _parse_mapping(texts[0]),
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [json.dumps(value, ensure_ascii=False)],
    )


def _parse_mapping(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text} is no JSON object")
    return value
