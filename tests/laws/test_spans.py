"""Laws of spans: any order, any repetition, any requests; and no attribute breaks a request."""

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.otlp import conventions, json_spans, payloads, protobuf, usage
from graph.otlp.routes import read
from tests.graph.otlp.sending import body, failed, json_body, span
from tests.laws.test_ingest_order import differing
from tests.telling import OpenBook

NAMES = sorted(
    {
        *(name for name, _ in conventions.RUN_TYPES),
        *(name for name, _ in conventions.SIGNS),
        *(name for name, *_ in (*payloads.INPUTS, *payloads.OUTPUTS)),
        *(f"{name}.{rest}" for name, *_ in payloads.INPUTS for rest in ("0.role", "1.a.b", "x")),
        *(f"{name}.0.tool_calls.0.name" for name, *_ in payloads.OUTPUTS),
        *("retrieval.documents.0.document.metadata", "llm.tools.0.tool.json_schema"),
        *(*conventions.NAMES, *conventions.MODEL, *conventions.PROVIDER, *conventions.TAGS),
        *(*conventions.REQUEST, *conventions.INVOCATION, *conventions.TOOLS),
        *(*conventions.METADATA, *conventions.FIRST_TOKEN_SECONDS, conventions.WHOLE_METADATA),
        *(f"{prefix}.a" for prefix in conventions.PREFIXES),
        *(value for name, value in vars(conventions).items() if name.endswith(("_ID", "_NAME"))),
        *(conventions.IS_ROOT, conventions.PARENT_SPAN, conventions.ATTACHMENTS),
        *(*usage.COUNTS, *usage.COSTS, *usage.KINDS, *usage.DETAILS, usage.WHOLE),
        *("gen_ai.system_instructions", "reranker.query", "error.type", "gen_ai.serialized.name"),
    }
)
EVENTS = sorted({*payloads.TOLD, *conventions.FIRST_TOKENS, "exception", "other"})

texts = st.sampled_from(
    (
        *("", "a", "llm", "AGENT", "1", "{}", "[]", "null", "\0", "{", '{"a": {"b": [1]}}'),
        *('[{"role": "user"}]', '["a", 1]', '{"name": 1, "content": 2}', "{'a': 1}", "a,b"),
        *('{"input_tokens": 1, "input_token_details": {"audio": 2}}', '{"output_tokens": "x"}'),
        *('[{"name": "f", "content": "aGk="}]', '{"n": 123456789012345678901234567890}'),
        *('{"message": {"content": 1}}', "[" * 600 + "]" * 600, '{"a":' * 300 + "1" + "}" * 300),
        "0192f4a0-0000-7000-8000-000000000001",
    )
)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts
values = st.recursive(
    scalars | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("role", "a", "0", "")), inner, max_size=3)
    ),
    max_leaves=6,
)
attributes = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
events = st.lists(st.tuples(st.sampled_from(EVENTS), attributes), max_size=3)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=attributes, more=events, resource=attributes)
def test_no_attribute_breaks_a_request(told: Any, more: Any, resource: Any):
    made = span(1, attributes=told, events=more)
    made.status.CopyFrom(failed())
    decoded = protobuf.spans_of(body(made, span(2), **resource))
    found = read(decoded, None, 0)

    assert len(found.batch.runs) + len(found.refused) == 2
    assert found.batch.runs[-1].name == "span 2"
    assert all(refusal.code == "INVALID_SPAN" for refusal in found.refused)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=attributes, more=events)
def test_json_reads_as_protobuf_does(told: Any, more: Any):
    made = span(1, attributes=told, events=more)
    one = read(protobuf.spans_of(body(made)), None, 0)
    other = read(json_spans.spans_of(json_body(made)), None, 0)

    assert [as_told(run) for run in one.batch.runs] == [as_told(run) for run in other.batch.runs]
    assert one.refused == other.refused


def as_told(run: Any) -> dict[str, Any]:
    return dataclasses.asdict(run)


stories = st.lists(
    st.builds(
        lambda number, parent, kind, tokens, thread, ends: span(
            number,
            parent % number if number else None,
            attributes={
                "gen_ai.operation.name": kind,
                "gen_ai.usage.input_tokens": tokens,
                "gen_ai.request.model": "gpt-4o",
                **({"session.id": "t"} if thread else {}),
            },
            **({} if ends else {"end_time_unix_nano": 0}),
        ),
        st.integers(0, 6),
        st.integers(0, 6),
        st.sampled_from(("chat", "invoke_agent", "execute_tool")),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda made: made.span_id,
)


def check_law(open_book: OpenBook, data: st.DataObject) -> None:
    told = data.draw(stories)
    ways = []
    for _ in range(2):
        order = data.draw(
            st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=4))])
        )
        with open_book() as book:
            while order:
                size = data.draw(st.integers(1, 4))
                some, order = order[:size], order[size:]
                book.fold(read(protobuf.spans_of(body(*some)), "p", 0).batch)
            ways.append(book.everything())
    assert differing(*ways) == []
    assert len(ways[0]["run"]) + len(ways[0]["parked"]) == len(told)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spans_in_any_order_and_requests_end_in_the_same_rows(
    open_book: OpenBook, data: st.DataObject
):
    check_law(open_book, data)


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_spans_in_any_order_and_requests_end_in_the_same_rows_many_times(
    open_book: OpenBook, data: st.DataObject
):
    check_law(open_book, data)
