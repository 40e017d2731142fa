"""Which field of the schema stands behind each field of LangSmith's runs, and how it is spelled.

The first generation of the API names fields as `langsmith.schemas.Run` does, the second in capitals
(`langsmith.types.RunSelectField`). An alias gives each selection its name on the wire; `make`
turns the schema's value into the wire's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Make = Callable[[Any], Any]

_PREVIEW = 300


@dataclass(frozen=True, slots=True)
class Field:
    """A field on the wire: what is selected for it, and what is made of that."""

    selection: str
    make: Make | None = None


def selection_of(fields: Mapping[str, Field]) -> str:
    """Return the GraphQL selection that answers with fields under their names on the wire."""
    return " ".join(f"{name}: {field.selection}" for name, field in fields.items())


def made(fields: Mapping[str, Field], runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return runs as the wire has them."""
    makers = [(name, field.make) for name, field in fields.items() if field.make is not None]
    shaped = list(runs)
    for run in shaped:
        for name, make in makers:
            run[name] = make(run[name])
    return shaped


def feedback_stats(stats: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Return sums of feedback by their keys."""
    return {each["key"]: {**each, "values": _values(each["values"])} for each in stats or ()}


def _values(counts: list[dict[str, Any]] | None) -> dict[str, int]:
    return {each["value"]: each["n"] for each in counts or ()}


def _or_zero(value: int | None) -> int:
    return value or 0


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _by_kind(details: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    return None if details is None else {each["kind"]: each["amount"] for each in details}


def _raw(details: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    by_kind = _by_kind(details)
    return None if by_kind is None else {"raw": by_kind}


def _raw_costs(details: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    by_kind = _by_kind(details)
    return None if by_kind is None else {"raw": {k: float(cost) for k, cost in by_kind.items()}}


def _stored_files(attachments: list[dict[str, str]] | None) -> dict[str, Any] | None:
    if attachments is None:
        return None
    return {
        f"attachment.{each['name']}": {
            "presigned_url": each["url"],
            "s3_url": each["url"],
            "mime_type": each["mimeType"],
        }
        for each in attachments
    }


def _preview(found: dict[str, str] | None) -> str | None:
    return None if found is None else found["text"]


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:_PREVIEW]


def _nothing(_: Any) -> None:
    return None


def _upper(text: str) -> str:
    return text.upper()


def _lower(text: str) -> str:
    return text.lower()


_FILES = "attachments { name url mimeType }"
FEEDBACK_STATS = "feedbackStats { key n avg min max stdev values { value n } }"
_TOKENS = "{ kind amount: tokens }"
_COSTS = "{ kind amount: cost }"

V1: Mapping[str, Field] = {
    "id": Field("id"),
    "name": Field("name"),
    "run_type": Field("runType"),
    "start_time": Field("startTime"),
    "end_time": Field("endTime"),
    "extra": Field("extra"),
    "error": Field("error"),
    "serialized": Field("serialized"),
    "events": Field("events"),
    "inputs": Field("inputs"),
    "outputs": Field("outputs"),
    "reference_example_id": Field("referenceExampleId"),
    "parent_run_id": Field("parentRunId"),
    "tags": Field("tags"),
    "session_id": Field("sessionId"),
    "child_run_ids": Field("childRunIds"),
    "feedback_stats": Field(FEEDBACK_STATS, feedback_stats),
    "app_path": Field("appPath"),
    "manifest_id": Field("manifestId"),
    "status": Field("status", _lower),
    "prompt_tokens": Field("promptTokens", _or_zero),
    "completion_tokens": Field("completionTokens", _or_zero),
    "total_tokens": Field("totalTokens", _or_zero),
    "prompt_token_details": Field(f"promptTokenDetails {_TOKENS}", _by_kind),
    "completion_token_details": Field(f"completionTokenDetails {_TOKENS}", _by_kind),
    "first_token_time": Field("firstTokenTime"),
    "prompt_cost": Field("promptCost"),
    "completion_cost": Field("completionCost"),
    "total_cost": Field("totalCost"),
    "prompt_cost_details": Field(f"promptCostDetails {_COSTS}", _by_kind),
    "completion_cost_details": Field(f"completionCostDetails {_COSTS}", _by_kind),
    "parent_run_ids": Field("parentRunIds"),
    "trace_id": Field("traceId"),
    "dotted_order": Field("dottedOrder"),
    "in_dataset": Field("inDataset"),
    "thread_id": Field("threadId"),
    "s3_urls": Field(_FILES, _stored_files),
}
"""Fields of the first generation. Tokens are 0 where they are not known, as the SDK expects."""

V2: Mapping[str, Field] = {
    "id": Field("id"),
    "name": Field("name"),
    "run_type": Field("runType", _upper),
    "status": Field("status"),
    "start_time": Field("startTime"),
    "end_time": Field("endTime"),
    "latency_seconds": Field("latency"),
    "first_token_time": Field("firstTokenTime"),
    "error": Field("error"),
    "error_preview": Field("error", _cut),
    "extra": Field("extra"),
    "metadata": Field("metadata"),
    "events": Field("events"),
    "inputs": Field("inputs"),
    "inputs_preview": Field("inputsPreview { text }", _preview),
    "outputs": Field("outputs"),
    "outputs_preview": Field("outputsPreview { text }", _preview),
    "manifest": Field("serialized"),
    "parent_run_ids": Field("parentRunIds"),
    "project_id": Field("sessionId"),
    "trace_id": Field("traceId"),
    "thread_id": Field("threadId"),
    "dotted_order": Field("dottedOrder"),
    "is_root": Field("isRoot"),
    "reference_example_id": Field("referenceExampleId"),
    "total_tokens": Field("totalTokens"),
    "prompt_tokens": Field("promptTokens"),
    "completion_tokens": Field("completionTokens"),
    "total_cost": Field("totalCost", _number),
    "prompt_cost": Field("promptCost", _number),
    "completion_cost": Field("completionCost", _number),
    "prompt_token_details": Field(f"promptTokenDetails {_TOKENS}", _raw),
    "completion_token_details": Field(f"completionTokenDetails {_TOKENS}", _raw),
    "prompt_cost_details": Field(f"promptCostDetails {_COSTS}", _raw_costs),
    "completion_cost_details": Field(f"completionCostDetails {_COSTS}", _raw_costs),
    "tags": Field("tags"),
    "app_path": Field("appPath"),
    "attachments": Field(_FILES),
    "is_in_dataset": Field("inDataset"),
    "feedback_stats": Field(FEEDBACK_STATS, feedback_stats),
    **{
        name: Field("id", _nothing)
        for name in (
            *("reference_dataset_id", "price_model_id", "thread_evaluation_time"),
            *("last_queued_at", "share_url", "ls_user_id"),
        )
    },
}
"""Fields of the second generation; what is not stored here is null."""
