"""What becomes of a span: every convention, by example."""

import json

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.graph.otlp.sending import OK, failed, run_id, span

pytestmark = pytest.mark.only_on("sqlite", reason="spans are mapped before a database is asked")


def test_a_bare_span_is_a_chain_of_the_same_name_and_times(run_of):
    run = run_of(span(0, name="step"))

    assert (run["name"], run["runType"], run["status"]) == ("step", "chain", "SUCCESS")
    assert (run["startTime"], run["endTime"]) == (
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T12:00:01.000000Z",
    )
    assert (run["id"], run["traceId"], run["parentRunId"]) == (run_id(0), run_id(0), None)
    assert run["metadata"]["OTEL_TRACE_ID"] == "0af7651916cd43dd8448eb211c80319c"
    assert run["metadata"]["OTEL_SPAN_ID"] == "b7ad6b7169200000"


@pytest.mark.parametrize(
    ("attributes", "run_type"),
    [
        ({"langsmith.span.kind": "LLM"}, "llm"),
        ({"langsmith.span.kind": "parser"}, "parser"),
        ({"langsmith.span.kind": "tool", "gen_ai.operation.name": "chat"}, "tool"),
        ({"openinference.span.kind": "LLM"}, "llm"),
        ({"openinference.span.kind": "AGENT"}, "chain"),
        ({"openinference.span.kind": "RERANKER"}, "retriever"),
        ({"openinference.span.kind": "EMBEDDING"}, "embedding"),
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "generate_content"}, "llm"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m"}, "chain"),
        ({"gen_ai.operation.name": "retrieval"}, "retriever"),
        ({"gen_ai.operation.name": "vector_db_retrieve"}, "retriever"),
        ({"gen_ai.operation.name": "something.new", "gen_ai.request.model": "m"}, "llm"),
        ({"traceloop.span.kind": "workflow"}, "chain"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"llm.request.type": "chat"}, "llm"),
        ({"llm.request.type": "rerank"}, "retriever"),
        ({"gen_ai.tool.name": "search"}, "tool"),
        ({"llm.prompt_template.variables": "{}"}, "prompt"),
        ({"langsmith.span.kind": 7}, "chain"),
    ],
)
def test_the_run_type_is_what_a_convention_says(run_of, attributes, run_type):
    assert run_of(span(0, attributes=attributes))["runType"] == run_type


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"langsmith.trace.name": "told", "traceloop.entity.name": "other"}, "told"),
        ({"traceloop.entity.name": "entity"}, "entity"),
        ({"openinference.span.kind": "TOOL", "tool.name": "search"}, "search"),
        ({"openinference.span.kind": "LLM", "tool.name": "search"}, "span 0"),
    ],
)
def test_the_name_is_that_of_the_span_unless_told(run_of, attributes, name):
    assert run_of(span(0, attributes=attributes))["name"] == name


def test_an_empty_name_is_unknown(run_of):
    assert run_of(span(0, name=""))["name"] == "unknown"


HELLO = {"role": "user", "content": "hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

INPUTS = {
    "json of an object": ({"gen_ai.prompt": '{"q": "hi", "n": 1.50}'}, {"q": "hi", "n": 1.5}),
    "plain text": ({"gen_ai.prompt": "hi"}, {"input": "hi"}),
    "broken json": ({"input.value": '{"q": '}, {"input": '{"q": '}),
    "json of a list": ({"input.value": "[1, 2]"}, {"input": [1, 2]}),
    "current convention": (
        {
            "gen_ai.system_instructions": '[{"type": "text", "content": "be brief"}]',
            "gen_ai.input.messages": '[{"role": "user", "parts": []}]',
        },
        {
            "messages": [
                {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
                {"role": "user", "parts": []},
            ]
        },
    ),
    "current convention, structured": (
        {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text"}]}]},
        {"messages": [{"role": "user", "parts": [{"type": "text"}]}]},
    ),
    "numbered": (
        {
            "gen_ai.prompt.10.role": "assistant",
            "gen_ai.prompt.10.tool_calls.0.id": "c1",
            "gen_ai.prompt.10.tool_calls.0.name": "f",
            "gen_ai.prompt.10.tool_calls.0.arguments": '{"a": 1}',
            "gen_ai.prompt.2.role": "user",
            "gen_ai.prompt.2.content": "hello",
        },
        {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL]}]},
    ),
    "numbered, in a message": (
        {"gen_ai.prompt.0.message.role": "user", "gen_ai.prompt.0.message.content": "hello"},
        {"messages": [HELLO]},
    ),
    "openinference": (
        {
            "input.value": "hello",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "image",
            "llm.input_messages.0.message.contents.0.message_content.image.image.url": "x:y",
            "llm.input_messages.1.message.role": "assistant",
            "llm.input_messages.1.message.tool_calls.0.tool_call.id": "c1",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "f",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments": '{"a": 1}',
        },
        {
            "messages": [
                {"role": "user", "contents": [{"type": "image", "image": {"url": "x:y"}}]},
                {"role": "assistant", "tool_calls": [CALL]},
            ]
        },
    ),
    "traceloop": ({"traceloop.entity.input": '{"inputs": {"a": 1}}'}, {"inputs": {"a": 1}}),
    "a tool's arguments": ({"gen_ai.tool.call.arguments": '{"a": 1}'}, {"a": 1}),
    "a search": ({"gen_ai.retrieval.query.text": "where"}, {"query": "where"}),
    "texts to embed": (
        {
            "embedding.embeddings.0.embedding.text": "a",
            "embedding.embeddings.1.embedding.text": "b",
        },
        {"texts": ["a", "b"]},
    ),
    "a reranker": (
        {"reranker.query": "q", "reranker.input_documents.0.document.content": "d"},
        {"query": "q", "documents": [{"page_content": "d", "metadata": {}}]},
    ),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_are_found_wherever_a_convention_puts_them(run_of, case):
    attributes, inputs = INPUTS[case]

    assert run_of(span(0, attributes=attributes))["inputs"] == inputs


OUTPUTS = {
    "json of an object": ({"gen_ai.completion": '{"a": {}}'}, {"a": {}}),
    "plain text": ({"output.value": "hi"}, {"output": "hi"}),
    "current convention": (
        {"gen_ai.output.messages": '[{"role": "assistant", "finish_reason": "stop"}]'},
        {"messages": [{"role": "assistant", "finish_reason": "stop"}]},
    ),
    "numbered": (
        {"gen_ai.completion.0.role": "user", "gen_ai.completion.0.content": "hello"},
        {"messages": [HELLO]},
    ),
    "openinference": (
        {
            "llm.output_messages.0.message.role": "user",
            "llm.output_messages.0.message.content": "hello",
        },
        {"messages": [HELLO]},
    ),
    "documents": (
        {
            "output.value": "[...]",
            "retrieval.documents.0.document.content": "text",
            "retrieval.documents.0.document.score": 0.5,
            "retrieval.documents.0.document.metadata": '{"page": 3}',
        },
        {"documents": [{"page_content": "text", "metadata": {"page": 3}, "score": 0.5}]},
    ),
    "vectors": (
        {"embedding.embeddings.0.embedding.vector": [0.5, 1.0]},
        {"embeddings": [[0.5, 1.0]]},
    ),
    "a tool's result": ({"gen_ai.tool.call.result": '{"a": 1}'}, {"a": 1}),
    "traceloop": ({"traceloop.entity.output": '"done"'}, {"output": '"done"'}),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_outputs_are_found_wherever_a_convention_puts_them(run_of, case):
    attributes, outputs = OUTPUTS[case]

    assert run_of(span(0, attributes=attributes))["outputs"] == outputs


def test_messages_may_be_events(run_of):
    run = run_of(
        span(
            0,
            events=[
                ("gen_ai.system.message", {"content": "be brief", "gen_ai.system": "openai"}),
                ("gen_ai.user.message", {"gen_ai.event.content": '{"role": "user", "a": 1}'}),
                ("gen_ai.choice", {"index": 0, "message": '{"content": "hi"}'}),
                ("gen_ai.choice", {"index": 1, "message.content": "ho"}),
            ],
        )
    )

    assert run["inputs"] == {
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "a": 1}]
    }
    assert run["outputs"] == {
        "choices": [
            {"index": 0, "message": {"content": "hi"}},
            {"index": 1, "message": {"role": "assistant", "content": "ho"}},
        ]
    }
    assert run["events"] is None


def test_attributes_may_come_late_in_events(run_of):
    run = run_of(
        span(
            0,
            events=[
                ("gen_ai.content.prompt", {"gen_ai.prompt": '{"q": 1}'}),
                (
                    "gen_ai.client.inference.operation.details",
                    {"gen_ai.output.messages": "[]", "gen_ai.operation.name": "chat"},
                ),
            ],
        )
    )

    assert (run["inputs"], run["outputs"]) == ({"q": 1}, {"messages": []})
    assert run["runType"] == "llm"


def test_what_a_vector_database_found_is_documents(run_of):
    run = run_of(
        span(0, events=[("db.query.result", {"db.query.result.document": "text", "id": "x"})])
    )

    assert run["outputs"] == {"documents": [{"page_content": "text", "metadata": {}, "id": "x"}]}


USAGE = {
    "gen_ai": {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 2,
    },
    "older gen_ai": {
        "gen_ai.usage.prompt_tokens": 10,
        "gen_ai.usage.completion_tokens": 5,
        "gen_ai.usage.cache_read_input_tokens": 4,
        "gen_ai.usage.reasoning_tokens": 2,
    },
    "openinference": {
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 5,
        "llm.token_count.total": 15,
        "llm.token_count.prompt_details.cache_read": 4,
        "llm.token_count.completion_details.reasoning": 2,
    },
    "langsmith": {
        "gen_ai.usage.input_tokens": 1,
        "langsmith.usage_metadata": json.dumps(
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "input_token_details": {"cache_read": 4},
                "output_token_details": {"reasoning": 2},
            }
        ),
    },
    "langsmith's sdk": {
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.total_tokens": 15,
        "gen_ai.usage.input_token_details": "{'cache_read': 4}",
        "gen_ai.usage.output_token_details": "{'reasoning': 2}",
    },
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_is_counted_however_it_is_spelled(run_of, case):
    model = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    run = run_of(span(0, attributes={**model, **USAGE[case]}))

    assert (run["promptTokens"], run["completionTokens"], run["totalTokens"]) == (10, 5, 15)
    assert run["promptTokenDetails"] == [{"kind": "cache_read", "tokens": 4}]
    assert run["completionTokenDetails"] == [{"kind": "reasoning", "tokens": 2}]
    # 6 of the prompt at 2.50 dollars a million, 4 from the cache at 1.25
    assert run["promptCost"] == "0.00002"


def test_usage_that_is_none_stays_an_attribute(run_of):
    run = run_of(
        span(
            0,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": -1,
                "gen_ai.usage.output_tokens": "many",
            },
        )
    )

    assert run["totalTokens"] is None
    assert run["metadata"]["gen_ai.usage.input_tokens"] == -1
    assert run["metadata"]["gen_ai.usage.output_tokens"] == "many"


def test_costs_that_are_sent_win(run_of):
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        "llm.token_count.prompt": 10,
        "llm.cost.total": 0.25,
    }

    assert run_of(span(0, attributes=attributes))["totalCost"] == "0.25"


@pytest.mark.parametrize(
    ("attributes", "model", "provider"),
    [
        (
            {"gen_ai.request.model": "m", "gen_ai.provider.name": "aws.bedrock"},
            "m",
            "amazon_bedrock",
        ),
        ({"gen_ai.response.model": "m", "gen_ai.provider.name": "OpenAI"}, "m", "openai"),
        ({"llm.model_name": "m", "llm.system": "openai", "llm.provider": "azure"}, "m", "azure"),
        ({"gen_ai.request.model": "m", "langsmith.metadata.ls_model_name": "n"}, "n", None),
    ],
)
def test_model_and_provider_have_langsmiths_names(run_of, attributes, model, provider):
    metadata = run_of(span(0, attributes={"langsmith.span.kind": "llm", **attributes}))["metadata"]

    assert (metadata["ls_model_name"], metadata.get("ls_provider")) == (model, provider)


def test_parameters_of_the_call_are_kept_where_the_sdk_has_them(run_of):
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ["a"],
        "llm.invocation_parameters": '{"logprobs": true}',
        "llm.tools.0.tool.json_schema": '{"type": "function"}',
    }
    run = run_of(span(0, attributes=attributes))

    assert run["extra"]["invocation_params"] == {
        "model": "m",
        "temperature": 0.5,
        "stop": ["a"],
        "logprobs": True,
        "tools": [{"type": "function"}],
    }
    assert run["metadata"]["ls_temperature"] == 0.5


@pytest.mark.parametrize(
    "attributes",
    [
        {"session.id": "t"},
        {"gen_ai.conversation.id": "t"},
        {"langsmith.metadata.thread_id": "t"},
        {"traceloop.association.properties.session_id": "t"},
        {"metadata": '{"thread_id": "t"}'},
    ],
)
def test_a_conversation_is_a_thread(run_of, ask, attributes):
    run_of(span(0, attributes=attributes))

    found = ask('{ runs(where: {threadId: {eq: "t"}}) { nodes { id } } }')
    assert found["runs"]["nodes"] == [{"id": run_id(0)}]


@pytest.mark.parametrize(
    ("header", "attributes", "resource", "project"),
    [
        (None, {}, {}, "default"),
        (None, {}, {"service.name": "shop"}, "shop"),
        (None, {}, {"service.name": "unknown_service:python"}, "default"),
        (None, {}, {"service.name": "shop", "openinference.project.name": "oi"}, "oi"),
        ("header", {}, {"service.name": "shop"}, "header"),
        ("header", {"langsmith.trace.session_name": "told"}, {"service.name": "shop"}, "told"),
        ("Caf\u00e9".encode(), {}, {}, "Caf\u00e9"),
    ],
)
def test_the_project_is_told_by_the_span_the_request_or_the_process(
    run_of, ask, header, attributes, resource, project
):
    headers = {} if header is None else {"Langsmith-Project": header}
    run_of(span(0, attributes=attributes), headers=headers, **resource)

    names = ask("{ projects { nodes { name } } }")["projects"]["nodes"]
    assert names == [{"name": project}]


def test_tags_are_lists_or_text_with_commas(run_of):
    run = run_of(span(0, attributes={"langsmith.span.tags": "a, b", "tag.tags": ["b", "c"]}))

    assert run["tags"] == ["a", "b", "c"]


TRACEBACK = 'Traceback ...\nValueError: "x"'

ERRORS = [
    ({"status": failed("no luck")}, "no luck"),
    ({"status": failed()}, "error"),
    ({"status": failed(), "attributes": {"error.type": "timeout"}}, "timeout"),
    (
        {
            "status": failed("ignored"),
            "events": [
                (
                    "exception",
                    {
                        "exception.type": "ValueError",
                        "exception.message": "x",
                        "exception.stacktrace": TRACEBACK,
                    },
                )
            ],
        },
        f"ValueError: x\n\n{TRACEBACK}",
    ),
    ({"events": [("exception", {"exception.message": "x"})]}, "x"),
    ({"status": Status(code=OK), "events": [("exception", {"exception.message": "x"})]}, None),
]


@pytest.mark.parametrize(("told", "error"), ERRORS)
def test_an_error_is_told_by_the_status_or_an_exception(run_of, told, error):
    run = run_of(span(0, **told))

    assert (run["error"], run["status"]) == (error, "SUCCESS" if error is None else "ERROR")


@pytest.mark.parametrize(
    "told",
    [
        {"events": [("new_token", {})]},
        {"events": [("gen_ai.content.completion.chunk", {"n": 1})]},
        {"events": [("First Token Stream Event", {})]},
        {"attributes": {"gen_ai.response.time_to_first_chunk": 0.0}},
    ],
)
def test_the_first_token_has_its_time(run_of, told):
    assert run_of(span(0, **told))["firstTokenTime"] == "2026-01-01T12:00:00.000000Z"


def test_a_span_without_an_end_is_pending(run_of):
    run = run_of(span(0, end_time_unix_nano=0))

    assert (run["endTime"], run["status"]) == (None, "PENDING")


def test_nothing_that_was_sent_is_lost(run_of):
    made = span(
        0,
        kind=3,
        attributes={"http.method": "GET", "long": "x" * 300, "list": [1, {"a": None}], "n": 2},
        events=[("retry", {"attempt": 1})],
    )
    made.links.add(trace_id=bytes(15) + b"\1", span_id=bytes(7) + b"\2")
    run = run_of(made, **{"deployment.environment": "test", "process.pid": 1})

    assert run["metadata"] == {
        "deployment.environment": "test",
        "http.method": "GET",
        "n": 2,
        "OTEL_TRACE_ID": "0af7651916cd43dd8448eb211c80319c",
        "OTEL_SPAN_ID": "b7ad6b7169200000",
    }
    assert run["extra"]["runtime"] == {"process.pid": 1}
    assert run["extra"]["otel"] == {
        "scope": {"name": "tests"},
        "kind": "client",
        "links": [{"trace_id": "0" * 31 + "1", "span_id": "0" * 15 + "2"}],
        "attributes": {"long": "x" * 300, "list": [1, {"a": None}]},
    }
    assert run["events"] == [
        {"name": "retry", "time": "2026-01-01T12:00:00+00:00", "kwargs": {"attempt": 1}}
    ]


def test_numbers_of_a_list_may_be_anything(run_of):
    attributes = {
        "gen_ai.prompt.999999999999.content": "last",
        "gen_ai.prompt.007.content": "first",
        "gen_ai.prompt.x.content": "named",
        "gen_ai.prompt.007": "whole",
        "gen_ai.prompt." + ".".join("abcdefghijklmnopqrstuvwxyz" * 9): "deep",
    }

    assert run_of(span(0, attributes=attributes))["inputs"]["messages"]


def test_what_json_can_not_hold_is_mended(run_of):
    run = run_of(
        span(0, name="a\0b", attributes={"input.value": "\0", "x": float("nan"), "s": "\0"})
    )

    assert (run["name"], run["inputs"]) == ("a\ufffdb", {"input": "\ufffd"})
    assert (run["metadata"]["x"], run["metadata"]["s"]) == ("NaN", "\ufffd")


def test_files_are_attachments(run_of, ask):
    files = [{"name": "a.txt", "content": "aGVsbG8=", "mime_type": "text/plain"}]
    run_of(span(0, attributes={"langsmith.attachments": json.dumps(files)}))

    found = ask("{ runs(first: 1) { nodes { attachments { name mimeType size } } } }")
    assert found["runs"]["nodes"][0]["attachments"] == [
        {"name": "a.txt", "mimeType": "text/plain", "size": 5}
    ]


def test_payloads_that_are_not_taken_are_no_metadata(run_of):
    attributes = {
        "input.value": "hi",
        "traceloop.entity.input": "ho",
        "gen_ai.task.input": "ho",
        "input.mime_type": "text/plain",
    }
    run = run_of(span(0, attributes=attributes), **{"service.instance.id": "one"})

    assert run["inputs"] == {"input": "ho"}
    assert run["metadata"].keys() == {"OTEL_TRACE_ID", "OTEL_SPAN_ID"}
    assert run["extra"]["otel"]["attributes"] == {
        "input.value": "hi",
        "input.mime_type": "text/plain",
    }
    assert run["extra"]["runtime"] == {"service.instance.id": "one"}
