"""Trains a WordPiece tokenizer on the training split.

In: the shards of all sources and the splits. Out: `tokenizer.json` (loads with `tokenizers`) and
`tokenizer_config.json`, with which `transformers.AutoTokenizer` loads the folder. Case, accents
and Hangul syllables are kept as they are.
"""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import atomic_file, write_json
from scripts.corpus.documents import all_shard_files, training_texts
from scripts.corpus.wordpiece import SPECIAL_TOKENS, load_wordpiece


def run(
    documents: list[Path],
    manifests: list[Path],
    splits: Path,
    tokenizer: Path,
    tokenizer_config: Path,
    *,
    vocabulary: int,
    training_documents: int,
    batch_documents: int,
) -> None:
    """Train the tokenizer.

    Args:
        documents: folder of each source's shards, in source order.
        manifests: manifest of each source's shards, in the same order.
        splits: the split of every document.
        tokenizer: where `tokenizer.json` goes.
        tokenizer_config: where `tokenizer_config.json` goes.
        vocabulary: number of pieces at most.
        training_documents: number of documents at most, evenly over the sources.
        batch_documents: documents read at a time.
    """
    shards = all_shard_files(documents, manifests)
    texts = training_texts(
        shards, splits, documents=training_documents, batch_documents=batch_documents
    )
    trained = train(texts, vocabulary)
    with atomic_file(tokenizer) as partial:
        trained.save(str(partial))
    if load_wordpiece(tokenizer).tokenizer.get_vocab_size() <= len(SPECIAL_TOKENS):
        raise InputError("no text in the training split to train a tokenizer on; add documents")
    write_json(tokenizer_config, transformers_config())


def train(texts: object, vocabulary: int) -> Tokenizer:
    """Return a WordPiece tokenizer trained on an iterable of texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL_TOKENS["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL_TOKENS.values()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    cls, sep = SPECIAL_TOKENS["cls"], SPECIAL_TOKENS["sep"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return tokenizer


def transformers_config() -> dict[str, object]:
    """Return the content of `tokenizer_config.json`."""
    tokens = {f"{role}_token": token for role, token in SPECIAL_TOKENS.items()}
    return {"tokenizer_class": "PreTrainedTokenizerFast", **tokens}


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
