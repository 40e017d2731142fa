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
from db.measures import COLUMNS, Usage, stored
from db.merge import Account, packed
from db.totals import LLM, Tally
from db.usage import given_usage, llm_usage

UNNAMED = "unnamed"
"""The name of a run that tells none."""

RUN_TYPE = "chain"
"""The type of a run that tells none."""

_PAYLOADS = ("inputs", "outputs", "extra", "events", "serialized", "usage")

RUN_COLUMNS = (
    *("trace_id", "id", "session_id", "parent_run_id", "name", "run_type", "status"),
    *("start_time", "end_time", "first_token_time", "latency", "time_to_first_token"),
    *("depth", "dotted_order", "model", "thread_id", "reference_example_id", "manifest_id"),
    *("in_dataset", "app_path", "llm_descendants"),
    *COLUMNS["own"],
    *COLUMNS["total"],
    *("tags", "error"),
)
"""The columns of `run`, in the table's order."""


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


def run_row(reading: Reading) -> tuple[Any, ...]:
    """Return the values of `RUN_COLUMNS`."""
    account, _, model, thread, tally = reading
    values, told = account.values, account.values.get
    start, end, dotted = values["start_time"], told("end_time"), values["dotted_order"]
    first_token, error = first_token_time(told("events")), told("error")
    own = stored(tally.own)
    return (
        account.trace_id,
        account.id,
        values["session_id"],
        parent_id_of(dotted),
        told("name") or UNNAMED,
        told("run_type") or RUN_TYPE,
        status_of(error, end),
        start,
        end,
        first_token,
        seconds_between(start, end),
        seconds_between(start, first_token),
        depth_of(dotted),
        dotted,
        model,
        thread,
        told("reference_example_id"),
        told("manifest_id") or manifest_of(told("serialized")),
        told("in_dataset"),
        told("app_path"),
        tally.llm_descendants,
        *own,
        *(own if tally.total == tally.own else stored(tally.total)),
        told("tags"),
        error,
    )


def payload_row(account: Account) -> tuple[Any, ...]:
    """Return the values of `run_payload`, in the order of its columns."""
    told = account.values.get
    return (
        account.trace_id,
        account.id,
        *[told(name) for name in _PAYLOADS],
        packed(account.weights),
    )


def tags_in(values: Mapping[str, Any]) -> set[str]:
    """Return the tags in an account's values, as they are indexed."""
    tags = values.get("tags")
    return tags_of(orjson.loads(tags)) if tags is not None else set()


def pairs_in(values: Mapping[str, Any], extra: Extra | None = None) -> dict[str, str]:
    """Return the metadata in an account's values, as they are indexed."""
    return pairs_of((extra or extra_of(values.get("extra"))).metadata)


def _usage(values: Mapping[str, Any], extra: Extra, model: str | None) -> Usage:
    return llm_usage(values.get("usage"), values.get("outputs"), extra.metadata, model)
