"""What a span says of tokens and costs, in the names of the SDK's `Run`.

Numbers that are none are left where they are, among the attributes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from db.strict import json_text
from graph.ingest import readers
from graph.otlp.attributes import Attributes, as_object, counts_in

WHOLE = "langsmith.usage_metadata"
"""Tells everything at once, and outranks all others."""

COUNTS: Mapping[str, str] = {
    "gen_ai.usage.input_tokens": "prompt_tokens",
    "gen_ai.usage.prompt_tokens": "prompt_tokens",
    "llm.token_count.prompt": "prompt_tokens",
    "llm.usage.prompt_tokens": "prompt_tokens",
    "gen_ai.usage.output_tokens": "completion_tokens",
    "gen_ai.usage.completion_tokens": "completion_tokens",
    "llm.token_count.completion": "completion_tokens",
    "llm.usage.completion_tokens": "completion_tokens",
    "gen_ai.usage.total_tokens": "total_tokens",
    "llm.token_count.total": "total_tokens",
    "llm.usage.total_tokens": "total_tokens",
}

COSTS: Mapping[str, str] = {
    "llm.cost.prompt": "prompt_cost",
    "llm.cost.completion": "completion_cost",
    "llm.cost.total": "total_cost",
    "gen_ai.usage.cost": "total_cost",
}

_PROMPT, _COMPLETION = "prompt_token_details", "completion_token_details"

KINDS: Mapping[str, tuple[str, str]] = {
    "gen_ai.usage.cache_read.input_tokens": (_PROMPT, "cache_read"),
    "gen_ai.usage.cache_read_input_tokens": (_PROMPT, "cache_read"),
    "llm.token_count.prompt_details.cache_read": (_PROMPT, "cache_read"),
    "gen_ai.usage.cache_creation.input_tokens": (_PROMPT, "cache_creation"),
    "gen_ai.usage.cache_creation_input_tokens": (_PROMPT, "cache_creation"),
    "llm.token_count.prompt_details.cache_write": (_PROMPT, "cache_creation"),
    "llm.token_count.prompt_details.audio": (_PROMPT, "audio"),
    "gen_ai.usage.reasoning.output_tokens": (_COMPLETION, "reasoning"),
    "gen_ai.usage.reasoning_tokens": (_COMPLETION, "reasoning"),
    "gen_ai.usage.details.reasoning_tokens": (_COMPLETION, "reasoning"),
    "llm.usage.reasoning_tokens": (_COMPLETION, "reasoning"),
    "llm.token_count.completion_details.reasoning": (_COMPLETION, "reasoning"),
    "llm.token_count.completion_details.audio": (_COMPLETION, "audio"),
}
"""One kind of tokens each."""

DETAILS: Mapping[str, str] = {
    "gen_ai.usage.input_token_details": _PROMPT,
    "gen_ai.usage.output_token_details": _COMPLETION,
}
"""All kinds at once; LangSmith's SDK writes them as Python prints a dict."""

FIELDS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "input_tokens": ("prompt_tokens", readers.tokens),
    "output_tokens": ("completion_tokens", readers.tokens),
    "total_tokens": ("total_tokens", readers.tokens),
    "input_token_details": (_PROMPT, readers.token_details),
    "output_token_details": (_COMPLETION, readers.token_details),
    "input_cost": ("prompt_cost", readers.cost),
    "output_cost": ("completion_cost", readers.cost),
    "total_cost": ("total_cost", readers.cost),
    "input_cost_details": ("prompt_cost_details", readers.cost_details),
    "output_cost_details": ("completion_cost_details", readers.cost_details),
}
"""The fields of a usage_metadata."""


def usage_of(attributes: Attributes) -> str | None:
    """Take what tells usage; return it as JSON text, None if nothing does."""
    found = _counted(attributes)
    whole: dict[str, Any] = {}
    for name, value in as_object(attributes.look(WHOLE)).items():
        if name in FIELDS and value is not None:
            field, read = FIELDS[name]
            _read(whole, field, value, read)
    if whole:
        attributes.take(WHOLE)
        found = whole
    return json_text("usage", found) if found else None


def _counted(attributes: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table, read in ((COUNTS, readers.tokens), (COSTS, readers.cost)):
        for name, field in table.items():
            value = attributes.look(name)
            if value is not None and _read(found, field, value, read):
                attributes.take(name)
    for name, (field, kind) in KINDS.items():
        value = attributes.look(name)
        if value is not None and _read(found.setdefault(field, {}), kind, value, readers.tokens):
            attributes.take(name)
    for name, field in DETAILS.items():
        if counts := counts_in(attributes.look(name)):
            attributes.take(name)
            found[field] = {**counts, **found.get(field, {})}
    return {field: value for field, value in found.items() if value not in ({}, None)}


def _read(found: dict[str, Any], field: str, value: Any, read: Callable[[object], Any]) -> bool:
    """Keep the first value of a field, if it can be read; say whether it could."""
    try:
        told = read(value)
    except (ValueError, OverflowError):  # infinity is a number
        return False
    found.setdefault(field, value if read in _EXACT else told)
    return True


_EXACT = (readers.cost, readers.cost_details)
"""What is kept as it was sent: its reading is a Decimal, which JSON has not."""
