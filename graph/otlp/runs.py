"""Span -> run: pure.

A run's id is the span's with zeros before it, as LangSmith's SDKs work it out. So a span that is
sent again is the same run, and the id of a parent is known before it is there: the fold keeps a
child until its parent comes (db.placing), in whatever order and requests they arrive.
"""

from typing import Any
from uuid import UUID

from db.arrivals import AttachmentArrival, RunArrival
from db.dotted import check_place
from db.strict import clean, json_text
from graph.ingest import readers
from graph.ingest.problems import ItemProblem, shown
from graph.otlp import conventions, payloads
from graph.otlp.attachments import attachments_of
from graph.otlp.attributes import Attributes, as_list
from graph.otlp.events import error_of, events_of
from graph.otlp.extra import extra_of
from graph.otlp.spans import Scope, Span, moment, parent_of
from graph.otlp.usage import usage_of

NAMELESS = "unknown"
"""What an empty name stands for, says OTLP."""


def arrivals_of(span: Span, project: str | None) -> tuple[RunArrival, list[AttachmentArrival]]:
    """Return a span's run and files; `project` is what the request names. Raises ItemProblem."""
    attributes = Attributes({**_carried(span), **span.attributes})
    place = _place(attributes, span)
    run_type = _run_type(attributes)
    is_copy = span.scope.name == conventions.SDK and run_type not in conventions.MODELS
    usage = usage_of(attributes)
    files = attachments_of(attributes, place["id"])
    run = RunArrival(
        **place,
        post=True,
        name=_name(attributes, span, run_type),
        run_type=run_type,
        start_time=moment(span.start),
        end_time=moment(span.end) if span.end else None,
        error=error_of(span),
        events=events_of(span, attributes),
        inputs=payloads.payload(payloads.INPUTS, attributes, payloads.asked_by(span.events)),
        outputs=payloads.payload(payloads.OUTPUTS, attributes, payloads.answered_by(span.events)),
        usage=None if is_copy else usage,  # the SDK copies a model's usage to the chains above
        tags=_tags(attributes),
        reference_example_id=_uuid_or_none(attributes, conventions.EXAMPLE_ID),
        session_id=_uuid_or_none(attributes, conventions.PROJECT_ID),
        session_name=_project(attributes, span.scope, project),
        serialized=_serialized(attributes),
        extra=extra_of(span, attributes, run_type),  # the last: it keeps what the others leave
    )
    if fault := check_place(run):
        raise ItemProblem("INVALID_SPAN", f"span {shown(span.name)}: {fault}", run.id)
    return run, files


def run_id(span_id: str) -> UUID:
    """Return the id of the run that a span is."""
    return UUID(int=int(span_id, 16))


def _carried(span: Span) -> dict[str, Any]:
    """Return the attributes that events bring late."""
    found: dict[str, Any] = {}
    for event in span.events:
        if event.name in payloads.CARRIERS:
            found.update(event.attributes)
    return found


def _place(attributes: Attributes, span: Span) -> dict[str, Any]:
    """Return the id of the run and where it stands in its trace, as far as the span tells."""
    id = _uuid(attributes, span, conventions.RUN_ID) or run_id(span.span_id)
    trace = _uuid(attributes, span, conventions.TRACE_ID)
    dotted = attributes.take_text(conventions.DOTTED_ORDER)
    above = _parent(attributes, span)
    if dotted is not None:
        told = above if conventions.PARENT_ID in span.attributes else None
        return {"id": id, "trace_id": trace, "dotted_order": dotted, "parent_run_id": told}
    if above is None and trace not in {None, id}:
        above = trace  # the root of the trace that the span is to be put into
    return {"id": id, "trace_id": trace, "parent_run_id": above}


def _parent(attributes: Attributes, span: Span) -> UUID | None:
    told = _uuid(attributes, span, conventions.PARENT_ID)
    further = attributes.take_text(conventions.PARENT_SPAN)
    is_root = attributes.take(conventions.IS_ROOT) in (True, "true")
    if told is not None or is_root:
        return told
    above = further or parent_of(span)
    try:
        return run_id(above) if above is not None else None
    except ValueError:
        how = f"{conventions.PARENT_SPAN} is {shown(above)}; expected the id of a span"
        raise _fault(span, how) from None


def _run_type(attributes: Attributes) -> str:
    """Return the run type that the first attribute tells; those that could tell it are taken."""
    told = [
        known[value.lower()]
        for name, known in conventions.RUN_TYPES
        if isinstance(value := attributes.look(name), str)
        and value.lower() in known
        and attributes.take(name)
    ]
    if told:
        return told[0]
    signs = (kind for name, kind in conventions.SIGNS if attributes.look(name) is not None)
    return next(signs, conventions.CHAIN)


def _name(attributes: Attributes, span: Span, run_type: str) -> str:
    names = (*conventions.NAMES, *((conventions.TOOL_NAME,) if run_type == "tool" else ()))
    return clean(attributes.take_text(*names) or span.name or NAMELESS)


def _project(attributes: Attributes, scope: Scope, told: str | None) -> str | None:
    if named := attributes.take_text(conventions.PROJECT_NAME):
        return clean(named)
    if told:
        return clean(told)
    for name in conventions.RESOURCE_PROJECTS:
        value = scope.resource.get(name)
        if isinstance(value, str) and value and not value.startswith(conventions.NAMELESS):
            return clean(value)
    return None


def _tags(attributes: Attributes) -> tuple[str, ...] | None:
    found: list[str] = []
    for name in conventions.TAGS:
        value = attributes.take(name)
        sent: list[Any] = value.split(",") if isinstance(value, str) else as_list(value)
        found += [clean(readers.text_or_json(each)).strip() for each in sent]
    return tuple(dict.fromkeys(filter(None, found))) or None


def _serialized(attributes: Attributes) -> str | None:
    found = attributes.take_under(conventions.SERIALIZED)
    return json_text("serialized", found) if found else None


def _uuid(attributes: Attributes, span: Span, name: str) -> UUID | None:
    value = attributes.take(name)
    if value is None or value == "":
        return None
    try:
        return readers.uuid(value)
    except ValueError as allowed:
        raise _fault(span, f"{name} is {shown(value)}; expected {allowed}") from None


def _uuid_or_none(attributes: Attributes, name: str) -> UUID | None:
    """Take an id that says nothing of the place; what is none is left as it is."""
    try:
        id = readers.uuid(attributes.look(name))
    except ValueError:
        return None
    attributes.take(name)
    return id


def _fault(span: Span, how: str) -> ItemProblem:
    return ItemProblem("INVALID_SPAN", f"span {shown(span.name)}: {how}", run_id(span.span_id))
