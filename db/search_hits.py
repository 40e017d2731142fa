"""Where a search has found a run: the field, a piece of its text, and what matched in it.

Worked out in Python from what the run holds, by the words that are indexed, so that it says the
same over every database.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from db.filters import All, AnyOf, Test, Where
from db.rows import Derived, Row
from db.search import Search, Term
from db.words import Word, places_of, texts_of

SNIPPET = 200
"""About how many characters a snippet has."""

_LEAD = 40
"""Characters before the first match."""

_COLUMNS = ("name", "error", "inputs", "outputs", "extra")

_MOST_MATCHES = 200
"""Of a field; what comes later is not looked at."""


class TextRange(NamedTuple):
    """From a character to before another."""

    start: int
    end: int


class SearchHit(NamedTuple):
    """The field in which most of a search was found, and the piece of it that shows most."""

    field: str
    snippet: str
    highlights: list[TextRange]


class _Match(NamedTuple):
    start: int
    end: int
    term: Term


@dataclass(frozen=True, slots=True)
class HitOfSearch(Derived):
    """A question: where the search of the list that a run stands in has found it."""

    def made_for(self, listing: Any) -> Callable[..., SearchHit | None]:
        """Return what makes the answer for rows of a list, of its columns."""
        rows = getattr(listing, "rows", listing)
        return partial(hit, searched(rows.where) if rows is not None else ())

    def value(self) -> SearchHit | None:
        """Return the answer; the columns are loaded."""
        return hit(self.row.shape.searches, *[self.row.ready(column) for column in self.columns])


def hit_of(run: Row) -> HitOfSearch:
    """Ask where a run was found."""
    return HitOfSearch(run, _COLUMNS, None)


def searched(where: Where) -> tuple[Search, ...]:
    """Return what a filter searches for in a run itself, be it one choice of several."""
    match where:
        case Test(clause="search"):
            return (where.value,)
        case All() | AnyOf():
            found: tuple[Search, ...] = ()
            for part in where.parts:
                found += searched(part)
            return found
        case _:
            return ()


def hit(
    searches: Sequence[Search],
    name: str,
    error: str | None,
    inputs: bytes | None,
    outputs: bytes | None,
    extra: bytes | None,
) -> SearchHit | None:
    """Return where most terms of searches are found; None where none is."""
    terms = list(dict.fromkeys(term for search in searches for term in search.terms))
    if not terms:
        return None
    best: tuple[int, str, str, list[_Match]] | None = None
    for at, text in texts_of(name, error, inputs, outputs, extra).items():
        matches = _matches(terms, list(places_of(text)))
        count = len({match.term for match in matches})
        if count > (best[0] if best else 0):
            best = count, at, text, matches
            if count == len(terms):
                break
    return None if best is None else _shown(*best[1:])


def _matches(terms: Sequence[Term], words: Sequence[Word]) -> list[_Match]:
    """Return where terms stand in a text, first things first."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        places.setdefault(word.text, []).append(at)
    found: list[_Match] = []
    for term in terms:
        for at in _places(term, words, places):
            found.append(_Match(words[at].start, words[at + len(term.words) - 1].end, term))
            if len(found) >= _MOST_MATCHES:
                break
    return sorted(found, key=lambda match: (match.start, match.end))


def _places(term: Term, words: Sequence[Word], places: dict[str, list[int]]) -> Iterator[int]:
    """Yield the places of the first words of a term's matches."""
    *before, last = term.words
    if not before and term.prefix:
        yield from (at for at, word in enumerate(words) if word.text.startswith(last))
        return
    for at in places.get(term.words[0], ()):
        row = words[at : at + len(term.words)]
        if len(row) == len(term.words) and [word.text for word in row[:-1]] == before:
            text = row[-1].text
            if text == last or (term.prefix and text.startswith(last)):
                yield at


def _shown(field: str, text: str, matches: list[_Match]) -> SearchHit:
    """Return the piece of a text in which most different terms match."""
    first = max(matches, key=lambda match: (len(_terms_near(match, matches)), -match.start))
    begin = _word_start(text, max(0, first.start - _LEAD), first.start)
    end = min(len(text), max(begin + SNIPPET, first.end))
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    shift = len(before) - begin
    inside = [match for match in matches if begin <= match.start and match.end <= end]
    ranges: list[TextRange] = []
    for match in inside:
        start = match.start + shift
        if ranges and start < ranges[-1].end:
            ranges[-1] = TextRange(ranges[-1].start, max(ranges[-1].end, match.end + shift))
        else:
            ranges.append(TextRange(start, match.end + shift))
    return SearchHit(field, before + text[begin:end] + after, ranges)


def _terms_near(first: _Match, matches: Sequence[_Match]) -> set[Term]:
    end = first.start + SNIPPET - _LEAD
    return {match.term for match in matches if first.start <= match.start and match.end <= end}


def _word_start(text: str, begin: int, latest: int) -> int:
    """Return where the next word begins, for a piece that should not begin inside one."""
    if begin == 0 or text[begin - 1].isspace():
        return begin
    spaces = (at + 1 for at in range(begin, latest) if text[at].isspace())
    return next(spaces, latest)
