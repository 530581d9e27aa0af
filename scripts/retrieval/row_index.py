"""What is kept in memory of each document or query of the input: some 40 bytes, never its text."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.common.errors import InputError
from scripts.retrieval.input_rows import TextRow, text_rows

NONE = -1
LISTED = 10
_DIGEST_BYTES = 16
Digests = npt.NDArray[np.bytes_]
Places = npt.NDArray[np.int64]


class Digester:
    """Turns ids into 128-bit keyed hashes, by which they are compared.

    The order of the hashes is a random one that the seed and the ids alone decide, so draws take
    it as it is.

    Args:
        seed: of the run.
        kind: of the ids, "documents" or "queries".
    """

    def __init__(self, seed: int, kind: str) -> None:
        self._key = f"{kind}:{seed}".encode()

    def digest(self, name: str) -> bytes:
        """Return 16 bytes."""
        message = name.encode("utf-8", "surrogatepass")
        return blake2b(message, digest_size=_DIGEST_BYTES, key=self._key).digest()

    def digests(self, names: Iterable[str]) -> Digests:
        """Return the hashes of many names, in their order."""
        return joined_digests(map(self.digest, names))


def joined_digests(digests: Iterable[bytes]) -> Digests:
    """Return hashes of 16 bytes as an array."""
    return _as_array(b"".join(digests))


def _as_array(raw: bytes | bytearray) -> Digests:
    return np.frombuffer(bytes(raw), dtype=f"S{_DIGEST_BYTES}")


class Names:
    """Numbers names in order of their first appearance; `NONE` stands for no name."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str | None) -> int:
        """Return the number of a name, a new one for a new name."""
        if name is None:
            return NONE
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self._numbers[name]

    def ranks(self, numbers: Places) -> Places:
        """Return the place of each number's name among all names in order, `NONE` for `NONE`.

        Numbers follow the order of files; ranks do not.
        """
        ranks = np.full(len(self.names) + 1, NONE)  # the last one is what `NONE` points to
        ranks[sorted(range(len(self.names)), key=self.names.__getitem__)] = range(len(self.names))
        return ranks[numbers]


class RowIndex:
    """All rows of one kind: which file and line, which id, domain and session, what is its text.

    Args:
        paths: the files.
        id_field: "doc_id" or "qid".
        domains: numbers of the domains, shared by documents and queries.
        sessions: numbers of the sessions, shared as well.
        digester: of this kind's ids.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        id_field: str,
        *,
        domains: Names,
        sessions: Names,
        digester: Digester,
    ) -> None:
        self.paths, self.id_field = paths, id_field
        self._domains, self._sessions, self.digester = domains, sessions, digester
        self.rows_of_file = [0] * len(paths)
        self.digests = _as_array(b"")
        self.domains = self.sessions = self.lines = np.empty(0, np.int64)

    def read(
        self, rows: Iterator[TextRow], text_key: Callable[[str], bytes] | None = None
    ) -> Digests:
        """Take in all rows.

        Args:
            rows: of the files, in order.
            text_key: what is to be kept of a row's text, 16 bytes.

        Returns:
            The text keys, in order of the rows; none where `text_key` is None.

        Raises:
            InputError: an id stands twice.
        """
        digests, keys = bytearray(), bytearray()
        domains, sessions, lines = array("i"), array("i"), array("q")
        for row in rows:
            digests += self.digester.digest(row.id)
            domains.append(self._domains.number(row.domain))
            sessions.append(self._sessions.number(row.session))
            lines.append(row.line)
            self.rows_of_file[row.file] += 1
            if text_key is not None:
                keys += text_key(row.text)
        self.digests = _as_array(digests)
        self.domains, self.sessions = _numbers(domains), _numbers(sessions)
        self.lines = _numbers(lines)
        self._order = np.argsort(self.digests, kind="stable")
        self._sorted = self.digests[self._order]
        self._require_unique()
        return _as_array(keys)

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.digests.size)

    def find(self, wanted: Digests) -> Places:
        """Return the place of the row with each id, `NONE` where there is none."""
        if not self.size:
            return np.full(wanted.size, NONE)
        spots = np.minimum(np.searchsorted(self._sorted, wanted), self.size - 1)
        return np.where(self._sorted[spots] == wanted, self._order[spots], NONE)

    def where(self, place: int) -> str:
        """Return file:line of a row."""
        ends = np.cumsum(self.rows_of_file)
        file = int(np.searchsorted(ends, place, side="right"))
        return f"{self.paths[file]}:{self.lines[place]}"

    def ids(self, places: Sequence[int]) -> dict[int, str]:
        """Read some ids again from the files; for messages."""
        chosen = np.zeros(self.size, np.bool_)
        chosen[list(places)] = True
        rows = text_rows(self.paths, self.id_field, chosen.tolist())
        return dict(zip(sorted(places), (row.id for row in rows), strict=True))

    def _require_unique(self) -> None:
        repeats = np.sort(self._order[1:][self._sorted[1:] == self._sorted[:-1]])
        if repeats.size:
            shown = repeats[:LISTED].tolist()
            ids = self.ids(shown)
            earlier = self.find(self.digests[shown]).tolist()
            listed = ", ".join(
                f"{ids[later]} at {self.where(later)} (first at {self.where(first)})"
                for later, first in zip(shown, earlier, strict=True)
            )
            raise InputError(
                f"{repeats.size:,} rows have a {self.id_field} that an earlier row has: {listed}"
                f"{' …' if repeats.size > LISTED else ''}; remove or rename them"
            )


def _numbers(values: Sequence[int]) -> Places:
    return np.array(values, dtype=np.int64)
