"""Makes the linear model's features: TF-IDF of character n-grams.

In: the folder of serialized splits. Out: a folder with the vocabulary (vocabulary.json,
idf.safetensors), learned from the training split alone, and a CSR matrix for each split
(train.safetensors, …) in its order of rows. Method: `scripts/classification/text_features.py`.
"""

import logging
from pathlib import Path

from scripts.common.entry import entry

_logger = logging.getLogger(__name__)


def run(
    parquet: Path,
    features: Path,
    *,
    ngram_min: int,
    ngram_max: int,
    max_features: int,
    min_count: int,
) -> None:
    """Make the features of every split.

    Args:
        parquet: folder with train.parquet, validation.parquet and test.parquet.
        features: folder to write.
        ngram_min: characters of the shortest n-gram.
        ngram_max: characters of the longest n-gram.
        max_features: number of n-grams to keep, the most frequent ones.
        min_count: training texts in which an n-gram must stand.
    """
    from scripts.classification.examples import read_examples
    from scripts.classification.tables import SPLIT_NAMES, TRAIN
    from scripts.classification.text_features import learn_vocabulary, write_features
    from scripts.common.errors import ConfigError
    from scripts.common.files import atomic_folder

    if not 1 <= ngram_min <= ngram_max:
        raise ConfigError(
            f"n-grams of {ngram_min} to {ngram_max} characters; give 1 ≤ ngram_min ≤ ngram_max"
        )
    with atomic_folder(features) as folder:
        vocabulary, matrix = learn_vocabulary(
            read_examples(parquet, TRAIN).texts(),
            ngram_min=ngram_min,
            ngram_max=ngram_max,
            max_features=max_features,
            min_count=min_count,
        )
        vocabulary.write(folder)
        for split in SPLIT_NAMES:
            if split != TRAIN:
                matrix = vocabulary.features(read_examples(parquet, split).texts())
            write_features(folder / f"{split}.safetensors", matrix)
            empty = int((matrix.indptr[1:] == matrix.indptr[:-1]).sum())
            _logger.info(
                "%s: %d rows, %d n-grams, %d values, %d rows without any",
                split,
                *matrix.shape,
                matrix.nnz,
                empty,
            )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
