"""What the configuration means for the retrieval track: its sessions, streams and jobs.

Used by the rules when Snakemake reads them; no step imports it. A stream is a method with one of
its seeds; methods that train nothing have one stream. Sessions are numbered from 0.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.common.input_paths import named_paths
from scripts.common.methods_table import TRAINED_KINDS
from scripts.common.model_sizes import model_sizes

FOLDER = "<results>/retrieval"
_INPUTS = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels": "qrels.tsv"}
_NOTHING = "(?!)"  # a pattern that nothing matches
_TRAINING_RULES = ("update_memory", "train_encoder")


class RetrievalPlan:
    """The retrieval track's plan.

    Args:
        config: the whole checked configuration.
        methods: the checked methods by name; none where the track is switched off.
        shares: the checked rows of the plan that draws sessions; none where they are given.
        basedir: folder of the Snakefile, where relative paths are looked up after the working
            directory.
    """

    def __init__(
        self,
        config: dict[str, Any],
        methods: dict[str, dict[str, Any]],
        shares: list[dict[str, Any]],
        basedir: Path,
    ) -> None:
        self.config, self.methods, self.shares = config["retrieval"], methods, shares
        self.basedir = basedir

    @property
    def kind(self) -> str:
        """Where the collection comes from: "none", "generated" or "files"."""
        return str(self.config["input"]["kind"])

    def __bool__(self) -> bool:
        return self.kind != "none"

    @property
    def sessions(self) -> list[str]:
        """Names of the sessions in order of time."""
        if self.kind == "generated":
            return [f"D{number}" for number in range(self.config["generated"]["sessions"])]
        if self.shares:
            return list(dict.fromkeys(row["session"] for row in self.shares))
        return list(self.config["input"]["sessions"])

    @property
    def session_given(self) -> bool:
        """Whether rows come with their session."""
        return not self.shares

    def shares_until(self, session: int) -> list[dict[str, Any]]:
        """Return the shares of a session and of those before it."""
        names = self.sessions[: session + 1]
        return [row for row in self.shares if row["session"] in names]

    def files(self, name: str, session: int) -> list[str]:
        """Return the input files of a session.

        Args:
            name: "corpus", "queries" or "qrels".
            session: its number.

        Raises:
            ConfigError: there is none.
        """
        if self.kind == "generated":
            return [f"{FOLDER}/generated/{session}/{_INPUTS[name]}"]
        key, location = f"retrieval.input.{name}", self.config["input"][name]
        marks = {"session": self.sessions[session]}
        return named_paths(key, location, self.basedir, marks=marks)

    def require_files(self) -> None:
        """Check that every session has its input files.

        Raises:
            ConfigError: one has not.
        """
        for session in range(len(self.sessions)):
            for name in _INPUTS if self.kind == "files" else ():
                self.files(name, session)

    def of_kind(self, *kinds: str) -> list[str]:
        """Return the methods of some kinds, in the table's order."""
        return [name for name, row in self.methods.items() if row["kind"] in kinds]

    def pattern_of(self, *kinds: str) -> str:
        """Return what the wildcard `method` may be: the methods of some kinds."""
        return "|".join(self.of_kind(*kinds)) or _NOTHING

    @property
    def trained(self) -> list[str]:
        """Methods that train an encoder."""
        return self.of_kind(*TRAINED_KINDS)

    @property
    def encoded(self) -> list[str]:
        """Methods that search by an encoder's vectors."""
        return self.of_kind(*TRAINED_KINDS, "frozen")

    @property
    def reference(self) -> str:
        """Method that the others are compared with."""
        return str(self.config["reference"] or next(iter(self.methods), ""))

    def seeds(self, method: str) -> list[int]:
        """Return the seeds of a method; one that trains nothing has one."""
        seeds = list(self.config["training_seeds"])
        return seeds if method in self.trained else seeds[:1]

    def streams(self, methods: Iterable[str]) -> list[str]:
        """Return the streams of some methods as "method/seed", in order."""
        return [f"{method}/{seed}" for method in methods for seed in self.seeds(method)]

    def tests(self, method: str, session: int) -> list[int]:
        """Return the sessions whose queries a model is evaluated on.

        Those of its past and its own, and the next one, which it has not trained on. A frozen
        encoder is the same after every session, so that its own session alone is asked for.
        """
        if self.methods[method]["kind"] == "frozen":
            return [session]
        return list(range(min(session + 2, len(self.sessions))))

    def evaluations(self, method: str) -> list[tuple[int, int]]:
        """Return (session of the model, session of the queries) of all evaluations."""
        return [
            (session, test)
            for session in range(len(self.sessions))
            for test in self.tests(method, session)
        ]

    def setting(self, method: str, name: str) -> Any:
        """Return a column of a method's row."""
        return self.methods[method][name]

    def encoder_sizes(self) -> dict[str, Any]:
        """Return the sizes of a fresh transformer by transformers' names."""
        return model_sizes(self.config["encoder"])

    def has_clusters(self, method: str) -> bool:
        """Whether a method's memory has clusters: for itself, or for the sampler."""
        row = self.methods[method]
        if row["kind"] not in TRAINED_KINDS:
            return False
        return "cluster" in (row["memory"], row["positives"], row["negatives"])

    def memory_settings(self, method: str) -> dict[str, Any]:
        """Return what a method's memory is told."""
        row = self.methods[method]
        columns = ("memory", "positives", "negatives", "labels")
        share = row["label_share"] if row["labels"] == "share" else None
        return {
            **{column: row[column] for column in columns},
            **{"label_share": share, "training": row["kind"]},
        }

    def session_of_model(self, method: str, session: int) -> int:
        """Return after which session a model was trained; -1 for one that no session changes."""
        return session if method in self.trained else -1

    def modes(self, method: str) -> list[str]:
        """Return the searches by which a method's models are evaluated."""
        skipped = set() if self.has_clusters(method) else {"clusters"}
        if method not in self.trained:
            skipped.add("stored")
        return [mode for mode in self.config["evaluation"]["modes"] if mode not in skipped]

    def session_folder(self, session: int) -> str:
        """Return the folder of a session's tables."""
        return f"{FOLDER}/sessions/{session}"

    def session_files_until(self, wildcards: Any, name: str) -> list[str]:
        """Return one table of the wildcards' session and of those before it."""
        return self.session_files(range(int(wildcards.session) + 1), name)

    def session_files(self, sessions: Iterable[int], name: str) -> list[str]:
        """Return one table of several sessions, in order."""
        return [f"{self.session_folder(session)}/{name}.parquet" for session in sessions]

    def session_digests(self, sessions: Iterable[int | str]) -> list[str]:
        """Return the files whose contents stand for the tables of several sessions."""
        return [f"{FOLDER}/sessions/{session}/digests.json" for session in sessions]

    def model(self, method: str, seed: str, session: int) -> str:
        """Return the folder of a model; -1 is the base encoder, and a frozen method's only one."""
        if session < 0 or method not in self.trained:
            return f"{FOLDER}/encoder"
        return f"{self.stream_folder(method, seed)}/models/session-{session}"

    def start(self, method: str, seed: str, session: int) -> str:
        """Return the folder of the model that training starts from in a session."""
        restarts = self.methods[method]["kind"] == "restart"
        return self.model(method, seed, -1 if restarts else session - 1)

    def stream_folder(self, method: str, seed: str | int) -> str:
        """Return the folder of a stream."""
        return f"{FOLDER}/streams/{method}/{seed}"

    def memory(self, method: str, seed: str, session: int) -> str:
        """Return the folder of a stream's memory after a session."""
        return f"{self.stream_folder(method, seed)}/memory/session-{session}"

    def previous_memory(self, method: str, seed: str, session: int) -> list[str]:
        """Return the folder of the memory after the session before; none before the first."""
        return [self.memory(method, seed, session - 1)] if session else []

    def files_of_evaluations(self, folder: str, suffix: str) -> list[str]:
        """Return one file of every evaluation, in order of method, seed, model and test."""
        encoded = [
            f"{self.stream_folder(method, seed)}/{folder}/model-{session}-test-{test}.{suffix}"
            for method in self.encoded
            for seed in self.seeds(method)
            for session, test in self.evaluations(method)
        ]
        lexical = [
            f"{self.stream_folder(method, seed)}/{folder}/model-{test}-test-{test}.{suffix}"
            for method in self.of_kind("bm25")
            for seed in self.seeds(method)
            for test in range(len(self.sessions))
        ]
        return encoded + lexical

    def files_of_sessions(self, path: str, methods: Iterable[str]) -> list[str]:
        """Return one file of every session of the methods' streams; `{}` in it is the session."""
        return [
            f"{FOLDER}/streams/{stream}/{path.format(session)}"
            for stream in self.streams(methods)
            for session in range(len(self.sessions))
        ]

    def vectors(self, method: str, seed: str, session: int, test: int) -> str:
        """Return the file of a model's vectors of a session's documents and test queries."""
        if method not in self.trained:
            session = test
        folder = self.stream_folder(method, seed)
        return f"{folder}/vectors/model-{session}-test-{test}.safetensors"

    def stored_vectors(self, method: str, seed: str, session: int, test: int) -> list[str]:
        """Return the vectors that a past session's documents got in their own session."""
        if "stored" not in self.modes(method) or test >= session:
            return []
        return [self.vectors(method, seed, test, test)]

    def searched_memory(self, method: str, seed: str, session: int) -> list[str]:
        """Return the memory whose clusters are searched, where that is asked for."""
        return [self.memory(method, seed, session)] if "clusters" in self.modes(method) else []

    def jobs_of(self, rule: str, wildcards: set[str]) -> list[dict[str, str]]:
        """Return the wildcards of all planned jobs of a rule of this track."""
        sessions = range(len(self.sessions))
        if rule == "generate_session":
            return [{"session": str(t)} for t in sessions] if self.kind == "generated" else []
        if rule == "build_session":
            return [{"session": str(t)} for t in sessions]
        if rule == "prepare_encoder":
            return [{}] if self.encoded else []
        if rule == "evaluate_session":
            return [
                {"method": method, "seed": str(seed), "session": str(t), "test": str(test)}
                for method in self.encoded
                for seed in self.seeds(method)
                for t, test in self.evaluations(method)
            ]
        of_rule = {
            **dict.fromkeys(_TRAINING_RULES, self.trained),
            "evaluate_accumulated": self.encoded,
            "evaluate_bm25": self.of_kind("bm25"),
        }
        if rule in of_rule:
            return [
                {"method": method, "seed": str(seed), "session": str(t)}
                for method in of_rule[rule]
                for seed in self.seeds(method)
                for t in sessions
            ]
        return [{}]
