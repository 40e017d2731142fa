"""What is searched for: a short text, read strictly into terms that every database is asked alike.

    cat "exact phrase" pref* -without

All terms must be met. Nothing of the text reaches a database but folded words.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from db.errors import InvalidError
from db.words import words_of

LONGEST_SEARCH = 1000
"""Characters of a search."""

MOST_TERMS = 32
MOST_WORDS = 64
"""Words of all terms together."""

SHORTEST_PREFIX = 2
"""Characters before a *: one alone begins too many words."""

_TERM = re.compile(r'(?P<minus>-(?=[^\s-]))?(?:"(?P<phrase>[^"]*)"(?P<star>\*)?|(?P<word>[^\s"]+))')
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Term:
    """Words in a row, the last of which may be a beginning only."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """All of `terms`, at least one, and none of `without`."""

    terms: tuple[Term, ...]
    without: tuple[Term, ...] = ()


@lru_cache(maxsize=1024)
def parse(text: str) -> Search:
    """Return what a text searches for. Raises InvalidError, which says what was wrong."""
    if len(text) > LONGEST_SEARCH:
        raise InvalidError(f"search has {len(text)} characters; at most {LONGEST_SEARCH}")
    terms: list[Term] = []
    without: list[Term] = []
    place = _space(text, 0)
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None:
            raise InvalidError(f"search: the quote at character {place + 1} is not closed")
        term = _term(found)
        if term.words:
            (without if found["minus"] else terms).append(term)
        place = _space(text, found.end())
    return _bounded(Search(tuple(terms), tuple(without)), text)


def _space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def _term(found: re.Match[str]) -> Term:
    """Return a term; without words where there is nothing but punctuation."""
    if found["phrase"] is not None:
        return _checked(found["phrase"], prefix=found["star"] is not None)
    word = found["word"]
    prefix = len(word) > 1 and word.endswith("*")
    bare = word[:-1] if prefix else word
    if "*" in bare and len(word) > 1:
        allowed = 'it ends a word (pref*), or is quoted ("2*3")'
        raise InvalidError(f"search: {word!r} has a * in a place where it means nothing; {allowed}")
    return _checked(bare, prefix=prefix)


def _checked(text: str, *, prefix: bool) -> Term:
    words = tuple(words_of(text))
    if prefix and words and len(words[-1]) < SHORTEST_PREFIX:
        least = f"at least {SHORTEST_PREFIX} letters or digits"
        raise InvalidError(f"search: {text + '*'!r} is too short a beginning; {least} before the *")
    return Term(words, prefix)


def _bounded(search: Search, text: str) -> Search:
    terms = (*search.terms, *search.without)
    count = sum(len(term.words) for term in terms)
    if not search.terms:
        rule = "at least one word that is not excluded by - is wanted"
        raise InvalidError(f"search is {text[:50]!r}; {rule}")
    if len(terms) > MOST_TERMS:
        raise InvalidError(f"search has {len(terms)} terms; at most {MOST_TERMS}")
    if count > MOST_WORDS:
        raise InvalidError(f"search has {count} words; at most {MOST_WORDS}")
    return search
