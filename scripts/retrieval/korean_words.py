"""Korean words that carry the particle which agrees with their last sound."""

_PARTICLES = {
    form: pair
    for pair in (("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("으로", "로"))
    for form in pair
}
_DIGITS_WITH_CONSONANT = "013678"  # 영 일 삼 육 칠 팔
_DIGITS_WITH_RIEUL = "178"
_SYLLABLES = ("가", "힣")
_RIEUL = 8


class Word(str):
    """A string whose format specification is a particle: `{place:을}` gives 한강을 or 제주를."""

    def __format__(self, particle: str) -> str:
        return with_particle(self, particle) if particle else str(self)


def with_particle(word: str, particle: str) -> str:
    """Append the form of a particle that agrees with the end of a word.

    Args:
        word: ends in a Hangul syllable or a digit.
        particle: either form of one of 은/는, 이/가, 을/를, 과/와, 으로/로.

    Raises:
        KeyError: the particle is none of these.
    """
    after_consonant, after_vowel = _PARTICLES[particle]
    last = word[-1]
    if _SYLLABLES[0] <= last <= _SYLLABLES[1]:
        final = (ord(last) - ord(_SYLLABLES[0])) % 28
        consonant, rieul = final > 0, final == _RIEUL
    else:
        consonant, rieul = last in _DIGITS_WITH_CONSONANT, last in _DIGITS_WITH_RIEUL
    if after_vowel == "로" and rieul:
        consonant = False
    return word + (after_consonant if consonant else after_vowel)
