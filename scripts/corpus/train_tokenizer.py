"""Trains a WordPiece tokenizer on the training split.

In: the shards of all sources and the splits. Out: `tokenizer.json` (loads with `tokenizers`) and
`tokenizer_config.json`, with which `transformers.AutoTokenizer` loads the folder. Case, accents
and Hangul syllables are kept as they are. The same texts give the same file in every process.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import write_json, write_text
from scripts.common.wordpiece import SPECIAL_TOKENS, load_wordpiece
from scripts.corpus.documents import all_shard_files, training_texts

_CONTINUATION = "##"
_CHARACTERS_SHARE = 3  # single characters take at most two thirds of the vocabulary, in two forms


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

    def texts() -> Iterator[str]:
        return training_texts(
            shards, splits, documents=training_documents, batch_documents=batch_documents
        )

    alphabet = frequent_characters(texts(), vocabulary // _CHARACTERS_SHARE)
    if not alphabet:
        raise InputError("no text in the training split to train a tokenizer on; add documents")
    trained = train(texts(), vocabulary, alphabet)
    write_text(tokenizer, trained.to_str(pretty=True))
    load_wordpiece(tokenizer)
    write_json(tokenizer_config, transformers_config())


def frequent_characters(texts: Iterable[str], number: int) -> list[str]:
    """Return the most frequent characters that are not white space; ties go by code point."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [character for character, _ in ranked if not character.isspace()][:number]


def train(texts: Iterable[str], vocabulary: int, alphabet: Sequence[str]) -> Tokenizer:
    """Return a WordPiece tokenizer trained on `texts`.

    The library numbers continuation characters in the order of a randomly keyed hash table, and
    its choice among equally frequent pairs follows the numbers. Numbering them beforehand, as
    special tokens of the training only, makes the vocabulary the same in every process.

    Args:
        texts: the texts.
        vocabulary: number of pieces.
        alphabet: single characters that are pieces, alone and as continuations.
    """
    characters = sorted(alphabet)
    trainer = WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=[
            *SPECIAL_TOKENS.values(),
            *(_CONTINUATION + character for character in characters),
        ],
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        continuing_subword_prefix=_CONTINUATION,
        show_progress=False,
    )
    learner = _form(models.WordPiece(unk_token=SPECIAL_TOKENS["unk"]))
    learner.train_from_iterator(texts, trainer)
    tokenizer = _form(models.WordPiece(learner.get_vocab(), unk_token=SPECIAL_TOKENS["unk"]))
    tokenizer.decoder = decoders.WordPiece(prefix=_CONTINUATION)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS.values()))
    cls, sep = SPECIAL_TOKENS["cls"], SPECIAL_TOKENS["sep"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return tokenizer


def _form(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def transformers_config() -> dict[str, object]:
    """Return the content of `tokenizer_config.json`."""
    tokens = {f"{role}_token": token for role, token in SPECIAL_TOKENS.items()}
    return {"tokenizer_class": "PreTrainedTokenizerFast", **tokens}


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
