"""The events of a span: what becomes a run's events, when its first token came, its error."""

from collections.abc import Iterator
from typing import Any

from db.strict import clean, json_text
from graph.otlp import conventions
from graph.otlp.attributes import Attributes
from graph.otlp.payloads import TOLD
from graph.otlp.spans import Event, Outcome, Span, moment

_NANOSECONDS = 10**9
_MOST_SECONDS = 10**6

NEW_TOKEN = "new_token"  # noqa: S105 - an event's name
"""The event by which LangSmith knows the first token."""


def events_of(span: Span, attributes: Attributes) -> str | None:
    """Return the events as JSON text; None if there are none but what is told elsewhere."""
    told = [*_first_token(span, attributes), *_others(span)]
    return json_text("events", told) if told else None


def _others(span: Span) -> Iterator[dict[str, Any]]:
    copied = {conventions.EXCEPTION} if span.scope.name == conventions.SDK else frozenset[str]()
    for event in span.events:
        if event.name not in TOLD and event.name not in copied:
            yield _event(event.name, event.time or span.start, event.attributes)


def _first_token(span: Span, attributes: Attributes) -> Iterator[dict[str, Any]]:
    times = [each.time for each in span.events if each.name in conventions.FIRST_TOKENS]
    told = (attributes.look(name) for name in conventions.FIRST_TOKEN_SECONDS)
    times += [
        span.start + int(seconds * _NANOSECONDS)
        for seconds in told
        if type(seconds) in {int, float} and 0 <= seconds <= _MOST_SECONDS
    ]
    if times:
        yield _event(NEW_TOKEN, min(times), {})


def _event(name: str, time: int, attributes: Any) -> dict[str, Any]:
    told = {"name": name, "time": moment(time).isoformat()}
    return {**told, "kwargs": attributes} if attributes else told


def error_of(span: Span) -> str | None:
    """Return what went wrong: of the last exception, of the status; None of a span that went well.

    An exception is an error unless the status says that all is well.
    """
    thrown = [event for event in span.events if event.name == conventions.EXCEPTION]
    if span.outcome == Outcome.OK or (span.outcome == Outcome.UNSET and not thrown):
        return None
    text = _exception(thrown[-1], span) if thrown else ""
    kind = span.attributes.get("error.type")
    return clean(text or span.message or (kind if isinstance(kind, str) else "") or "error")


def _exception(event: Event, span: Span) -> str:
    kind, message, trace = (
        str(event.attributes.get(f"exception.{part}") or "")
        for part in ("type", "message", "stacktrace")
    )
    if span.scope.name == conventions.SDK:
        return message  # the SDK's whole error, in an exception made for it
    first = ": ".join(filter(None, (kind, message)))
    return "\n\n".join(filter(None, (first, trace)))
