"""A shop's support agent: a LangGraph graph that talks in threads and calls tools."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

from graph.demo.conversations import Conversation, Tool, Turn
from graph.demo.models import GPT, GPT_MINI, Call, chat, message
from graph.demo.telling import Json, Run, StepError, StillRunning, Trace

PROJECT = "support-agent"
FIRST_STEP = 3
SYSTEM = (
    "You are the support agent of Fjord & Fell, a shop for outdoor gear. Look things up before you "
    "answer, never promise what a tool has not confirmed, and ask a colleague before you refund "
    "more than 100 EUR. Answer in the customer's language, in at most five sentences."
)


def turn(trace: Trace, talk: Conversation, told: Turn) -> None:
    """Tell one turn of a conversation as the run of a LangGraph agent."""
    asked = message("human", told.question)
    about = {"thread_id": talk.thread, "user_id": talk.customer, "topic": told.topic}
    agent = trace.run(
        "Support Agent", inputs={"messages": [asked]}, tags=("production", "v12"), **about
    )
    with suppress(StepError, StillRunning), agent as root:
        _guard(trace, told)
        _load_customer(trace, talk)
        root.outputs = {"messages": [asked, *_loop(trace, told, [asked])]}
    _judge(trace, trace.runs[0], told)


def _guard(trace: Trace, told: Turn) -> None:
    with _node(trace, "guard", 1) as node:
        prompt = message("system", "Name the topic of the message in one word, or say `refuse`.")
        reply = chat(trace, GPT_MINI, [prompt, message("human", told.question)], told.topic)
        node.outputs = {"topic": reply["content"]}


def _load_customer(trace: Trace, talk: Conversation) -> None:
    with _node(trace, "load_customer", 2) as node:
        card = {"id": talk.customer, "since": "2021", "orders": 7, "language": "en"}
        _use(trace, Tool("get_customer", {"id": talk.customer}, card, 0.05))
        node.outputs = {"customer": card}


def _loop(trace: Trace, told: Turn, messages: list[Json]) -> list[Json]:
    said: list[Json] = []
    step = FIRST_STEP
    for at, tool in enumerate(told.tools):
        call = Call(f"call_{at}", tool.name, tool.args)
        said.append(_model(trace, step, [*messages, *said], "", [call]))
        try:
            said.append(_tools(trace, step + 1, call, tool))
        except StepError as problem:
            if not str(problem).startswith("GraphInterrupt"):
                raise
            return said  # LangGraph waits for a colleague, and its own run succeeds
        step += 2
    return [*said, _model(trace, step, [*messages, *said], told.answer, [])]


def _model(
    trace: Trace, step: int, messages: Sequence[Json], answer: str, calls: list[Call]
) -> Json:
    with _node(trace, "call_model", step) as node:
        asked = [message("system", SYSTEM), *messages]
        cached = step > FIRST_STEP
        reply = chat(trace, GPT, asked, answer, calls=calls, streamed=not calls, cached=cached)
        with trace.run("should_continue", inputs={"messages": len(asked)}) as route:
            route.outputs = {"output": "tools" if calls else "__end__"}
        node.outputs = {"messages": [reply]}
    return reply


def _tools(trace: Trace, step: int, call: Call, tool: Tool) -> Json:
    with _node(trace, "tools", step) as node:
        content = json.dumps(_use(trace, tool), ensure_ascii=False)
        reply = message("tool", content, name=tool.name, tool_call_id=call.id, status="success")
        node.outputs = {"messages": [reply]}
    return reply


def _use(trace: Trace, tool: Tool) -> Any:
    with trace.run(tool.name, "tool", inputs=dict(tool.args), tags=("seq:step:1",)) as used:
        trace.take(tool.seconds)
        if tool.hangs:
            raise StillRunning
        if tool.failure is not None:
            raise StepError(tool.failure)
        used.outputs = {"output": tool.result}
    return tool.result


def _node(trace: Trace, name: str, step: int) -> AbstractContextManager[Run]:
    return trace.run(
        name,
        inputs={"step": step},
        tags=(f"graph:step:{step}",),
        langgraph_node=name,
        langgraph_step=step,
        langgraph_path=["__pregel_pull", name],
    )


def _judge(trace: Trace, root: Run, told: Turn) -> None:
    if told.score is not None:
        trace.judge(root, "thumbs", told.score, comment=told.comment, source="app")
    if told.answer:
        polite = 0.9 + trace.random.randrange(10) / 100
        trace.judge(root, "politeness", polite, source="model")
        trace.judge(root, "resolved", value="yes" if told.score else "no", source="model")
