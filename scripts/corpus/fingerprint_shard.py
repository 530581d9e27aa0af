"""MinHash bands of a shard's documents: documents with an equal band may be near-duplicates.

In: a shard of documents and the list of its exact duplicates, which are left out. Out: one row per
document (`SIGNATURES`) with one 64-bit hash per band. A document's set is that of its character
shingles, white space removed. Method: MinHash and banding (Broder 1997; Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, ch. 3), computed by the library rensa.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from rensa import RMinHash

from scripts.common.corpus_tables import DOCUMENTS, DUPLICATES, SIGNATURES
from scripts.common.entry import entry
from scripts.common.progress import Progress
from scripts.common.shingles import shingle_blocks
from scripts.common.tables import count_rows, iterate_batches, read_table, table_writer
from scripts.corpus.documents import shard_file


def run(
    documents: Path,
    manifest: Path,
    duplicates: Path,
    signatures: Path,
    *,
    shard: str,
    shingle_characters: int,
    bands: int,
    band_rows: int,
    seed: int,
    batch_documents: int,
) -> None:
    """Write the bands of a shard's documents.

    Args:
        documents: folder of the source's shards.
        manifest: manifest of the shards.
        duplicates: its exact duplicates of other documents.
        signatures: where the bands go.
        shingle_characters: characters of a shingle.
        bands: number of bands.
        band_rows: MinHash values of a band.
        seed: key of the permutations.
        batch_documents: documents read at a time.
        shard: name of the shard.
    """
    path = shard_file(documents, manifest, shard)
    elsewhere = set(read_table(duplicates, DUPLICATES, ["key"])["key"].to_pylist())
    progress = Progress(
        f"fingerprint_shard {path.parent.name}/{shard}", total=count_rows(path, DOCUMENTS)
    )
    with table_writer(signatures, SIGNATURES) as writer:
        for batch in iterate_batches(
            path, DOCUMENTS, rows=batch_documents, columns=["key", "text_hash", "text"]
        ):
            rows = [
                {
                    "key": document["key"],
                    "text_hash": document["text_hash"],
                    "bands": band_hashes(
                        shingle_blocks(document["text"], shingle_characters),
                        bands=bands,
                        band_rows=band_rows,
                        seed=seed,
                    ),
                }
                for document in batch.to_pylist()
                if document["key"] not in elsewhere
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema=SIGNATURES))
            progress.advance(batch.num_rows)
    progress.finish()


def band_hashes(blocks: Iterable[set[str]], *, bands: int, band_rows: int, seed: int) -> list[int]:
    """Return one 64-bit hash per band of the MinHash signature of a set of strings.

    Args:
        blocks: sets whose union is the set.
        bands: number of bands.
        band_rows: MinHash values of a band.
        seed: key of the permutations.

    Returns:
        The bands, none for an empty set: nothing is similar to it.
    """
    sketch = None
    for block in blocks:
        sketch = sketch or RMinHash(num_perm=bands * band_rows, seed=seed)
        sketch.update(list(block))
    if sketch is None:
        return []
    signature = np.asarray(sketch.digest(), dtype="<u4").reshape(bands, band_rows)
    return [
        int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "big")
        for row in signature
    ]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
