"""From the account of a run to the columns of its rows."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from db.derive import (
    Extra,
    extra_of,
    first_token_time,
    manifest_of,
    model_of,
    pairs_of,
    seconds_between,
    status_of,
    tags_of,
    thread_of,
)
from db.dotted import depth_of, parent_id_of
from db.measures import Usage, as_total, columns
from db.merge import Account, packed
from db.totals import LLM, Tally
from db.usage import given_usage, llm_usage

UNNAMED = "unnamed"
"""The name of a run that tells none."""

RUN_TYPE = "chain"
"""The type of a run that tells none."""

_AS_TOLD = ("end_time", "error", "reference_example_id", "tags", "app_path", "in_dataset")
_PAYLOADS = ("inputs", "outputs", "extra", "events", "serialized", "usage")


class Reading(NamedTuple):
    """An account with what was read from its JSON."""

    account: Account
    extra: Extra
    model: str | None
    thread: str | None
    tally: Tally


def read(account: Account) -> Reading:
    """Read what an account's run used, and the rest of its JSON."""
    values = account.values
    extra = extra_of(values.get("extra"))
    model = model_of(extra, values.get("inputs"))
    is_llm = values.get("run_type") == LLM
    tally = Tally(
        account.trace_id,
        account.id,
        values["dotted_order"],
        is_llm,
        _usage(values, extra, model) if is_llm else given_usage(values.get("usage")),
        account.stored,
    )
    return Reading(account, extra, model, thread_of(extra.metadata), tally)


def run_columns(reading: Reading) -> dict[str, Any]:
    """Return the columns of `run`."""
    account, _, model, thread, tally = reading
    values = account.values
    start, end = values["start_time"], values.get("end_time")
    first_token = first_token_time(values.get("events"))
    dotted = values["dotted_order"]
    own = columns("own", tally.own)
    total = columns("total", tally.total) if tally.total != tally.own else as_total(own)
    return {
        **{name: values.get(name) for name in _AS_TOLD},
        "trace_id": account.trace_id,
        "id": account.id,
        "session_id": values["session_id"],
        "parent_run_id": parent_id_of(dotted),
        "dotted_order": dotted,
        "depth": depth_of(dotted),
        "name": values.get("name") or UNNAMED,
        "run_type": values.get("run_type") or RUN_TYPE,
        "status": status_of(values.get("error"), end),
        "start_time": start,
        "latency": seconds_between(start, end),
        "first_token_time": first_token,
        "time_to_first_token": seconds_between(start, first_token),
        "model": model,
        "thread_id": thread,
        "manifest_id": values.get("manifest_id") or manifest_of(values.get("serialized")),
        "llm_descendants": tally.llm_descendants,
        **own,
        **total,
    }


def payload_columns(account: Account) -> dict[str, Any]:
    """Return the columns of `run_payload`."""
    values = account.values
    return {
        **{name: values.get(name) for name in _PAYLOADS},
        "trace_id": account.trace_id,
        "id": account.id,
        "ranks": packed(account.weights),
    }


def tags_in(values: Mapping[str, Any]) -> set[str]:
    """Return the tags in an account's values, as they are indexed."""
    tags = values.get("tags")
    return tags_of(orjson.loads(tags)) if tags is not None else set()


def pairs_in(values: Mapping[str, Any], extra: Extra | None = None) -> dict[str, str]:
    """Return the metadata in an account's values, as they are indexed."""
    return pairs_of((extra or extra_of(values.get("extra"))).metadata)


def _usage(values: Mapping[str, Any], extra: Extra, model: str | None) -> Usage:
    return llm_usage(values.get("usage"), values.get("outputs"), extra.metadata, model)
