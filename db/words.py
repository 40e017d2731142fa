"""The words of a run, as they are searched: what of its JSON counts, and how text becomes words.

All of it happens here, in Python, for what is stored and for what is asked, so that every database
finds the same. A word is a run of letters and digits, folded: without case and accents.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, cast

import orjson

LONGEST_WORD = 64
"""Characters; what is longer is as many words in a row."""

LONGEST_TEXTS: Mapping[str, int] = {
    "name": 1024,
    "error": 7168,
    "inputs": 24576,
    "outputs": 24576,
    "metadata": 8192,
}
"""How many characters of each field are searched, 64 Ki in all."""

_VECTOR = 32
"""More numbers than this in one list are an embedding, not words."""

_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f]")
"""Accents of the alphabets in which words are found without them."""

_SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese: each sign is a word, since nothing stands between words."""

_WORD = re.compile(f"[{_SINGLE}]|[^\\W_{_SINGLE}]{{1,{LONGEST_WORD}}}")
_ASCII_WORD = re.compile(f"[a-z0-9]{{1,{LONGEST_WORD}}}")
_LONG = 256
_BINARY = re.compile(rf"[A-Za-z0-9+/_=-]{{{_LONG},}}")
"""Files in base64 and the like."""


class Word(NamedTuple):
    """A folded word, and where it stands in the text: from, to."""

    text: str
    start: int
    end: int


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded, in order."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(unicodedata.normalize("NFC", text).translate(_FOLDED))


def places_of(text: str) -> Iterator[Word]:
    """Yield the words of a text in NFC, each with its place."""
    folded = text.translate(_FOLDED)
    at = None if len(folded) == len(text) else _origins(text)
    for found in _WORD.finditer(folded):
        start, end = found.span()
        yield Word(found[0], *((start, end) if at is None else (at[start], at[end - 1] + 1)))


def texts_of(name: str, error: str | None, inputs: Any, outputs: Any, extra: Any) -> dict[str, str]:
    """Return what is searched of each field, in NFC; of JSON (as its text) the values."""
    whole = _decoded(extra)
    metadata = cast("dict[str, Any]", whole).get("metadata") if isinstance(whole, dict) else None
    texts = {
        "name": name,
        "error": error or "",
        "inputs": _text_in(_decoded(inputs), LONGEST_TEXTS["inputs"]),
        "outputs": _text_in(_decoded(outputs), LONGEST_TEXTS["outputs"]),
        "metadata": _text_in(metadata, LONGEST_TEXTS["metadata"]),
    }
    return {field: _plain(text[: LONGEST_TEXTS[field]]) for field, text in texts.items()}


def _plain(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _decoded(stored: Any) -> Any:
    try:
        return None if stored is None else orjson.loads(stored)
    except orjson.JSONDecodeError:  # a tracer may send what is no JSON
        return None


def _text_in(value: Any, most: int) -> str:
    """Return the strings and numbers of a JSON value, one on a line, until there are enough."""
    texts: list[str] = []
    size = 0
    waiting: list[Any] = [value]
    while waiting and size <= most:
        item = waiting.pop()
        match item:
            case str():
                text = _BINARY.sub(" ", item[: 4 * most]) if len(item) >= _LONG else item
                texts.append(text)
                size += len(text) + 1
            case dict():
                waiting += reversed(cast("dict[str, Any]", item).values())
            case list():
                if not _is_vector(cast("list[Any]", item)):
                    waiting += reversed(cast("list[Any]", item))
            case bool() | None:
                pass
            case _:
                texts.append(str(item))
                size += len(texts[-1]) + 1
    return "\n".join(texts)


def _is_vector(items: list[Any]) -> bool:
    return len(items) > _VECTOR and all(type(item) in {int, float} for item in items)


@cache
def _folded(letter: str) -> str:
    apart = unicodedata.normalize("NFKD", letter)
    return unicodedata.normalize("NFKC", _MARKS.sub("", apart)).casefold()


class _Folded(dict[int, str]):
    """What each letter is folded to, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


_FOLDED = _Folded()


def _origins(text: str) -> list[int]:
    """Return for each folded letter the place of the letter it comes from."""
    return [at for at, letter in enumerate(text) for _ in _FOLDED[ord(letter)]]
