"""Training of a WordPiece tokenizer on texts: the same texts give the same one in every process.

Case, accents and Hangul syllables are kept as they are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer

from scripts.common.wordpiece import SPECIAL_TOKENS

_CONTINUATION = "##"
_CHARACTERS_SHARE = 3  # single characters take at most two thirds of the vocabulary, in two forms


def most_characters(vocabulary: int) -> int:
    """Return how many single characters a vocabulary of so many pieces holds at most."""
    return vocabulary // _CHARACTERS_SHARE


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
