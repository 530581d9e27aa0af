"""Korean texts about cases: documents that report one, queries that ask for it.

A case is what a query and its answers share: two things of a topic, a name that few other texts
hold, and a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scripts.retrieval.korean_words import Word
from scripts.retrieval.topic_vocabulary import Topic

# Sentences of a document: lowest and highest number of an ordinary and of a long one.
_ORDINARY_SENTENCES = (3, 18)
_LONG_SENTENCES = (57, 72)
_LONG_SHARE = 0.06
# Every so many sentences one is about the case, the others are about its topic.
_ABOUT_CASE_EVERY = 4

_OPENINGS = (
    "{name:은} {first} 문제를 다루면서 {second:을} {number}번 {act}.",
    "{first:과} {second:이} 함께 언급된 {name} 보고서에는 {number}건이 담겼다.",
    "지난달 {name}에서 {number}명이 모여 {first:을} 놓고 {second} 이야기를 나눴다.",
    "{number}쪽짜리 자료에서 {name:은} {first:이} {second:으로} 이어진 과정을 설명했다.",
)
_ABOUT_CASE = (
    "{name} 쪽은 {first:을} 새로 {act}.",
    "{second:은} {name} 사람들이 가장 자주 꺼낸 말이었다.",
    "이때 {first:과} {word:이} 서로 영향을 주었다.",
    "{second:을} 두고 {word} 담당자가 여러 차례 의견을 냈다.",
)
_ABOUT_TOPIC = (
    "{word:은} 해마다 조금씩 달라졌다.",
    "담당자는 {word:을} 먼저 살피고 {other:을} 나중에 {act}.",
    "{word:과} {other:을} 함께 보아야 한다는 의견이 많았다.",
    "{other}에 관한 기록은 {word:으로} 정리되어 있다.",
    "여러 사람이 {word:을} 직접 {act}.",
    "{word:이} 부족할 때는 {other:을} 대신 쓰기도 한다.",
    "올해는 {word:을} {other:과} 나누어 {act}.",
    "{other:은} {word} 다음으로 관심이 컸다.",
)
_QUESTIONS = (
    "{first:과} {second:이} 어떻게 이어졌나",
    "{second:을} 다룬 {first} 이야기는 어디에 있나",
    "{first} 때문에 {second:이} 달라진 일을 알고 싶다",
    "{first:이} 궁금한데 {second} 쪽은 어땠나",
)
_NAME_IN_QUESTION = ("{name}에서 ", "{name} 관련하여 ", "{name:이} 말한 ")
_NUMBER_IN_QUESTION = (" ({number})", ", 숫자는 {number}")
# A query writes its own word of a pair, and holds the name and the number, with these chances.
_OWN_WORD, _WITH_NAME, _WITH_NUMBER = 0.7, 0.4, 0.2


@dataclass(frozen=True)
class Case:
    """What a query and its answers share.

    Attributes:
        topic: of all its texts.
        first: (word of documents, word of queries) of one thing.
        second: of the other thing.
        name: of a place or a body.
        number: as digits.
    """

    topic: Topic
    first: tuple[str, str]
    second: tuple[str, str]
    name: str
    number: str


def document_text(case: Case, rng: np.random.Generator) -> str:
    """Return a report on a case: 20 to 120 words, one in 16 of more than 300."""
    low, high = _LONG_SENTENCES if rng.random() < _LONG_SHARE else _ORDINARY_SENTENCES
    sentences = [_sentence(_OPENINGS, case, rng)]
    for place in range(1, int(rng.integers(low, high + 1))):
        about_case = place % _ABOUT_CASE_EVERY == 1
        sentences.append(_sentence(_ABOUT_CASE if about_case else _ABOUT_TOPIC, case, rng))
    return " ".join(sentences)


def query_text(case: Case, rng: np.random.Generator) -> str:
    """Return a question about a case, mostly in other words than its documents."""
    first, second = (pair[int(rng.random() < _OWN_WORD)] for pair in (case.first, case.second))
    template = _drawn(_QUESTIONS, rng)
    if rng.random() < _WITH_NAME:
        template = _drawn(_NAME_IN_QUESTION, rng) + template
    if rng.random() < _WITH_NUMBER:
        template += _drawn(_NUMBER_IN_QUESTION, rng)
    return template.format(
        first=Word(first), second=Word(second), name=Word(case.name), number=case.number
    )


def _sentence(templates: Sequence[str], case: Case, rng: np.random.Generator) -> str:
    word, other = rng.choice(len(case.topic.words), size=2, replace=False)
    return _drawn(templates, rng).format(
        first=Word(case.first[0]),
        second=Word(case.second[0]),
        name=Word(case.name),
        number=case.number,
        word=Word(case.topic.words[word]),
        other=Word(case.topic.words[other]),
        act=_drawn(case.topic.acts, rng),
    )


def _drawn(texts: Sequence[str], rng: np.random.Generator) -> str:
    return texts[int(rng.integers(len(texts)))]
