"""How a story calls a language model, in the form that LangChain's chat models are traced in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graph.demo.telling import Json, Run, StepError, Trace

CHARACTERS_PER_TOKEN = 4
CLASSES = {"human": "HumanMessage", "ai": "AIMessage", "system": "SystemMessage"}


@dataclass(frozen=True)
class Model:
    """A language model as it is traced."""

    name: str
    provider: str
    traced_as: str
    tokens_per_second: float


GPT = Model("gpt-4o", "openai", "ChatOpenAI", 70)
GPT_MINI = Model("gpt-4o-mini", "openai", "ChatOpenAI", 110)
CLAUDE = Model("claude-sonnet-4-5", "anthropic", "ChatAnthropic", 65)


@dataclass(frozen=True)
class Call:
    """A model's wish to have a tool called."""

    id: str
    name: str
    args: Json


def message(kind: str, content: str, **more: Any) -> Json:
    """Return a message as a chain's inputs and outputs show it."""
    return {"type": kind, "content": content, **more}


def chat(
    trace: Trace,
    model: Model,
    messages: Sequence[Json],
    answer: str,
    *,
    calls: Sequence[Call] = (),
    streamed: bool = False,
    cached: bool = False,
    failure: str | None = None,
) -> Json:
    """Tell a call of a model; return its message, or raise `failure`."""
    asked = {"messages": [[_constructed(one) for one in messages]]}
    with trace.run(
        model.traced_as,
        "llm",
        inputs=asked,
        tags=("seq:step:1",),
        ls_provider=model.provider,
        ls_model_name=model.name,
        ls_model_type="chat",
        ls_temperature=0.2,
    ) as told:
        told.params = {"model": model.name, "temperature": 0.2, "stream": streamed}
        told.serialized = {"lc": 1, "type": "constructor", "id": ["langchain", model.traced_as]}
        trace.take(0.35)
        if failure is not None:
            raise StepError(failure)
        usage = _usage(messages, answer, calls, cached=cached)
        if streamed:
            _stream(trace, told, answer)
        trace.take(usage["output_tokens"] / model.tokens_per_second / (4 if streamed else 1))
        reply = message("ai", answer, tool_calls=[_wish(call) for call in calls])
        told.outputs = _result(reply, {"usage_metadata": usage, "response_metadata": told.params})
        told.metadata["usage_metadata"] = usage
    return reply


def _result(reply: Json, about: Json) -> Json:
    kept = _constructed({**reply, **about})
    generation = {"text": reply["content"], "type": "ChatGeneration", "message": kept}
    return {"generations": [[generation]], "llm_output": None, "type": "LLMResult"}


def _stream(trace: Trace, told: Run, answer: str) -> None:
    for word in answer.split(" ")[:24]:
        trace.take(0.02)
        token = {"token": f"{word} "}
        told.events.append({"name": "new_token", "time": trace.now.isoformat(), "kwargs": token})


def _usage(
    messages: Sequence[Json], answer: str, calls: Sequence[Call], *, cached: bool
) -> dict[str, Any]:
    prompt = sum(12 + len(one["content"]) // CHARACTERS_PER_TOKEN for one in messages) + 180
    completion = 4 + len(answer) // CHARACTERS_PER_TOKEN + 22 * len(calls)
    return {
        "input_tokens": prompt,
        "output_tokens": completion,
        "total_tokens": prompt + completion,
        "input_token_details": {"cache_read": 128 if cached else 0},
        "output_token_details": {"reasoning": 0},
    }


def _constructed(told: Json) -> Json:
    kind = CLASSES.get(told["type"], "ToolMessage")
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", kind],
        "kwargs": dict(told),
    }


def _wish(call: Call) -> Json:
    return {"id": call.id, "name": call.name, "args": call.args, "type": "tool_call"}
