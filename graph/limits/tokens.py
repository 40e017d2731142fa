"""A look at a query's text before it is parsed: how many tokens, how deep its brackets."""

import re

from graph.limits.bounds import LimitError, Limits, passed

MOST_BRACKETS = 100
"""How deep brackets may stand in each other: the parser goes down with them."""

MOST_DIGITS = 1000
_NUMBERS = frozenset("-0123456789")

_TOKEN = re.compile(
    r'#[^\n\r]*|"""(?:\\"""|[\s\S])*?"""|("(?:[^"\\\n\r]|\\.)*"?'
    r"|[_A-Za-z][_0-9A-Za-z]*|-?[0-9][0-9.eE+-]*|\.\.\.|[$!@=:|&])|([\[{(])|([\]})])"
)
_BLOCK = '"'


def count_tokens(text: str, limits: Limits) -> int:
    """Return the number of tokens. Raises LimitError as soon as there are too many, or too deep."""
    if len(text) > limits.length:
        most = limits.length
        raise passed(
            "QUERY_TOO_LONG", "the query has", f"{len(text)} characters", most, "max_length"
        )
    count = depth = 0
    for found in _TOKEN.finditer(text):
        kind = found.lastindex
        if kind is None and text[found.start()] != _BLOCK:
            continue  # a comment
        count += 1
        if count > limits.tokens:
            given = f"more than {limits.tokens} tokens"
            raise passed("TOO_MANY_TOKENS", "the query has", given, limits.tokens, "max_tokens")
        if kind == 2:  # noqa: PLR2004 - an opening bracket
            depth += 1
            if depth > MOST_BRACKETS:
                msg = f"brackets are more than {MOST_BRACKETS} deep; at most {MOST_BRACKETS}"
                raise LimitError("TOO_DEEP", msg)
        elif kind is not None and kind > 2:  # noqa: PLR2004 - a closing one
            depth -= 1
        elif found.end() - found.start() > MOST_DIGITS and text[found.start()] in _NUMBERS:
            msg = f"a number has {found.end() - found.start()} digits; at most {MOST_DIGITS}"
            raise LimitError("NUMBER_TOO_LONG", msg)
    return count
