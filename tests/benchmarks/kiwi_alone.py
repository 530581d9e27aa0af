"""Kiwi and nothing else on the documents that need an analysis: what scoring is measured against.

python -m tests.benchmarks.kiwi_alone --shard FILE --keys FILE --workers 2
"""

from pathlib import Path

import pyarrow.parquet as pq
import tyro
from kiwipiepy import Kiwi


def main(shard: Path, keys: Path, *, workers: int = 2) -> None:
    """Analyse the documents whose keys are listed and print how many tokens they have.

    Args:
        shard: documents with key and text.
        keys: keys of the documents to analyse, one a line.
        workers: Kiwi's threads.
    """
    wanted = {int(line) for line in keys.read_text().split()}
    table = pq.read_table(shard, columns=["key", "text"])
    texts = [
        text
        for key, text in zip(table["key"].to_pylist(), table["text"].to_pylist(), strict=True)
        if key in wanted
    ]
    print(sum(len(tokens) for tokens in Kiwi(num_workers=workers).tokenize(iter(texts))))


if __name__ == "__main__":
    tyro.cli(main)
