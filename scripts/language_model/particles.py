"""Korean particles (josa): their characters behind a noun, and which of two forms a noun takes.

Several particles have one form after a consonant and another after a vowel (이/가, 은/는, 을/를);
으로/로 counts a final ㄹ as a vowel. So a visible particle tells how the masked noun ends.
"""

_FIRST_SYLLABLE, _LAST_SYLLABLE, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8

# (after a consonant, after a vowel)
_ALTERNATIONS = (
    ("이", "가"),
    ("은", "는"),
    ("을", "를"),
    ("과", "와"),
    ("아", "야"),
    ("이나", "나"),
    ("이랑", "랑"),
    ("이며", "며"),
    ("이여", "여"),
    ("이야", "야"),
    ("이란", "란"),
    ("이라", "라"),
    ("이라고", "라고"),
    ("이라도", "라도"),
    ("이라면", "라면"),
    ("이든지", "든지"),
)
_ALTERNATIONS_BUT_RIEUL = (
    ("으로", "로"),
    ("으로서", "로서"),
    ("으로써", "로써"),
    ("으로부터", "로부터"),
)
_AFTER_CONSONANT = frozenset(pair[0] for pair in _ALTERNATIONS)
_AFTER_VOWEL = frozenset(pair[1] for pair in _ALTERNATIONS)
_BUT_RIEUL_AFTER_CONSONANT = frozenset(pair[0] for pair in _ALTERNATIONS_BUT_RIEUL)
_BUT_RIEUL_AFTER_VOWEL = frozenset(pair[1] for pair in _ALTERNATIONS_BUT_RIEUL)

# Characters by Kiwi's tag of the particle.
_FORMS = {
    "JKS": ("이", "가", "께서", "에서", "서"),
    "JKC": ("이", "가"),
    "JKG": ("의",),
    "JKO": ("을", "를"),
    "JKB": (
        *("에", "에서", "에게", "에게서", "께", "한테", "한테서", "더러", "보고"),
        *("으로", "로", "으로서", "로서", "으로써", "로써", "으로부터", "로부터"),
        *("과", "와", "이랑", "랑", "하고", "보다", "처럼", "같이", "만큼"),
    ),
    "JKV": ("아", "야", "이여", "여", "이시여", "시여"),
    "JKQ": ("이라고", "라고", "고"),
    "JX": (
        *("은", "는", "도", "만", "까지", "부터", "마다", "조차", "마저", "밖에", "뿐", "대로"),
        *("이나", "나", "이란", "란", "이라도", "라도", "이야", "야", "이라면", "라면"),
        *("이든지", "든지", "요", "커녕", "치고", "인들"),
    ),
    "JC": ("과", "와", "이나", "나", "이랑", "랑", "하고", "이며", "며"),
}


def particle_characters(tag: str, behind: str) -> str:
    """Return the longest form of the particle with this tag that `behind` begins with.

    Args:
        tag: Kiwi's tag of the particle that follows a noun at once, "" where none does.
        behind: the text behind the noun.

    Returns:
        The form, "" where there is no particle or its form is contracted (에는 as 엔).
    """
    forms = (form for form in _FORMS.get(tag, ()) if behind.startswith(form))
    return max(forms, key=len, default="")


def final_consonant_fits(noun: str, particle: str) -> bool:
    """Tell whether a noun can stand before this form of a particle.

    Nouns that do not end in a Hangul syllable, and particles of one form, fit everything.
    """
    if not noun or not _FIRST_SYLLABLE <= ord(noun[-1]) <= _LAST_SYLLABLE:
        return True
    final = (ord(noun[-1]) - _FIRST_SYLLABLE) % _FINALS
    if particle in _AFTER_CONSONANT:
        return final != 0
    if particle in _AFTER_VOWEL:
        return final == 0
    if particle in _BUT_RIEUL_AFTER_CONSONANT:
        return final not in (0, _RIEUL)
    if particle in _BUT_RIEUL_AFTER_VOWEL:
        return final in (0, _RIEUL)
    return True
