"""A run's own usage, read from what it carried. Whatever has not the right shape is not there."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import orjson

from db.measures import Usage, add, rounded
from db.prices import costs_of, price_of

JsonObject = Mapping[str, Any]

TOKENS_OF_ONE_RUN = 10**15
DOLLARS_OF_ONE_RUN = 1_000_000
"""What is beyond these is no measurement, and its sums would not fit their columns."""

_NUMBERS = frozenset((int, float, str))
"""What a cost may be in JSON."""

_GIVEN = {
    "prompt_tokens": "prompt_tokens",
    "completion_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "promptTokens": "prompt_token_details",
    "completionTokens": "completion_token_details",
    "prompt_cost": "prompt_cost",
    "completion_cost": "completion_cost",
    "total_cost": "total_cost",
    "promptCost": "prompt_cost_details",
    "completionCost": "completion_cost_details",
}
_METADATA = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "total_tokens": "total_tokens",
    "promptTokens": "input_token_details",
    "completionTokens": "output_token_details",
    "prompt_cost": "input_cost",
    "completion_cost": "output_cost",
    "total_cost": "total_cost",
    "promptCost": "input_cost_details",
    "completionCost": "output_cost_details",
}
"""Which key of a source holds what: of fields given with a run, and of a usage_metadata."""


def given_usage(given: str | None) -> Usage:
    """Return the usage given with the run itself, in the names of the SDK's `Run`."""
    told = decoded(given)
    return {**_tokens(told, _GIVEN), **_costs(told, _GIVEN)}


def llm_usage(
    given: str | None, outputs: str | None, metadata: JsonObject, model: str | None
) -> Usage:
    """Return the usage of a language model's run: the first source that tells, then prices."""
    tokens: Usage = {}
    costs: Usage = {}
    told: JsonObject = {}
    if outputs is not None and ('"usage_metadata"' in outputs or '"token_usage"' in outputs):
        told = decoded(outputs)
    for source, names in (
        (decoded(given), _GIVEN),
        (as_object(told.get("usage_metadata")), _METADATA),
        (as_object(metadata.get("usage_metadata")), _METADATA),
    ):
        if not source:
            continue
        tokens = tokens or _tokens(source, names)
        costs = costs or _costs(source, names)
    tokens = tokens or _generated(told)
    if tokens and not costs and model is not None:
        provider = metadata.get("ls_provider")
        price = price_of(provider if isinstance(provider, str) else None, model)
        costs = costs_of(tokens, price) if price is not None else {}
    return {**tokens, **costs}


def decoded(text: str | None) -> JsonObject:
    """Return the object that a JSON text holds; an empty one if it holds anything else."""
    if text is None:
        return {}
    try:
        return as_object(orjson.loads(text))
    except orjson.JSONDecodeError:
        return {}


def as_object(value: Any) -> JsonObject:
    """Return a decoded JSON value if it is an object, else an empty one."""
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def _generated(outputs: JsonObject) -> Usage:
    """Return what LangChain's outputs tell: the sum of their messages', else of the whole call."""
    tokens: Usage = {}
    for message in _messages(outputs.get("generations")):
        kwargs = as_object(message.get("kwargs"))
        add(tokens, _tokens(as_object(kwargs.get("usage_metadata")), _METADATA))
    call = as_object(outputs.get("llm_output"))
    return tokens or _tokens(as_object(call.get("token_usage")), _GIVEN)


def _messages(generations: Any) -> Iterator[JsonObject]:
    for prompt in as_list(generations):
        for generation in as_list(prompt):
            yield as_object(as_object(generation).get("message"))


def as_list(value: Any) -> list[Any]:
    """Return a decoded JSON value if it is an array, else an empty one."""
    return cast(list[Any], value) if isinstance(value, list) else []


def _tokens(source: JsonObject, names: Mapping[str, str]) -> Usage:
    tokens: Usage = {}
    for side in ("prompt", "completion"):
        count = _count(source.get(names[f"{side}_tokens"]))
        if count is None:
            continue
        tokens[f"{side}_tokens"] = count
        for kind, value in as_object(source.get(names[f"{side}Tokens"])).items():
            part = _count(value)
            if part is not None:
                tokens[f"{side}Tokens", kind] = part
    total = _count(source.get(names["total_tokens"]))
    if total is not None:
        tokens["total_tokens"] = total
    elif tokens:
        tokens["total_tokens"] = _both(tokens, "tokens")
    return tokens


def _costs(source: JsonObject, names: Mapping[str, str]) -> Usage:
    costs: Usage = {}
    for side in ("prompt", "completion"):
        cost = _dollars(source.get(names[f"{side}_cost"]))
        if cost is None:
            continue
        costs[f"{side}_cost"] = cost
        for kind, value in as_object(source.get(names[f"{side}Cost"])).items():
            part = _dollars(value)
            if part is not None:
                costs[f"{side}Cost", kind] = part
    total = _dollars(source.get(names["total_cost"]))
    if total is not None:
        costs["total_cost"] = total
    elif costs:
        costs["total_cost"] = _both(costs, "cost")
    return costs


def _both(usage: Usage, unit: str) -> int | Decimal:
    prompt, completion = usage.get(f"prompt_{unit}", 0), usage.get(f"completion_{unit}", 0)
    return prompt + completion  # type: ignore[operator]


def _count(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        return None
    return value if 0 <= value <= TOKENS_OF_ONE_RUN else None


def _dollars(value: Any) -> Decimal | None:
    if type(value) not in _NUMBERS:
        return None
    try:
        cost = Decimal(str(value))
    except InvalidOperation:
        return None
    return abs(rounded(cost)) if cost.is_finite() and 0 <= cost <= DOLLARS_OF_ONE_RUN else None
