"""Which attribute says what: the conventions of spans of language models, as tables.

Their sources, as they stood in 2026, the older spellings included:

- OpenTelemetry's semantic conventions of generative AI
  (https://opentelemetry.io/docs/specs/semconv/gen-ai/);
- OpenInference (https://arize-ai.github.io/openinference/spec/);
- OpenLLMetry (https://github.com/traceloop/openllmetry, opentelemetry-semantic-conventions-ai);
- LangSmith (https://docs.langchain.com/langsmith/trace-with-opentelemetry).

Where several attributes say the same thing, the first of its table that is there is believed.
"""

from collections.abc import Mapping, Sequence

CHAIN = "chain"
MODELS = frozenset({"llm", "embedding"})
"""The run types of calls of a model."""

RUN_TYPES: Sequence[tuple[str, Mapping[str, str]]] = (
    (
        "langsmith.span.kind",
        {
            **{each: each for each in ("chain", "llm", "tool", "retriever")},
            **{each: each for each in ("embedding", "prompt", "parser")},
        },
    ),
    (
        "openinference.span.kind",
        {
            "llm": "llm",
            "embedding": "embedding",
            "chain": "chain",
            "agent": "chain",
            "guardrail": "chain",
            "evaluator": "chain",
            "decision": "chain",
            "retriever": "retriever",
            "reranker": "retriever",
            "tool": "tool",
            "prompt": "prompt",
        },
    ),
    (
        "gen_ai.operation.name",
        {
            "chat": "llm",
            "completion": "llm",
            "text_completion": "llm",
            "generate_content": "llm",
            "embeddings": "embedding",
            "embedding": "embedding",
            "execute_tool": "tool",
            "retrieval": "retriever",
            "vector_db_retrieve": "retriever",
            "create_agent": "chain",
            "invoke_agent": "chain",
            "invoke_workflow": "chain",
            "execute_task": "chain",
            "chain": "chain",
        },
    ),
    (
        "traceloop.span.kind",
        {"workflow": "chain", "task": "chain", "agent": "chain", "tool": "tool"},
    ),
    *(
        (
            name,
            {"chat": "llm", "completion": "llm", "rerank": "retriever", "embedding": "embedding"},
        )
        for name in ("llm.request.type", "traceloop.llm.request.type")
    ),
)
"""Attributes that tell the run type by their value, in lower case. They are taken."""

SIGNS: Sequence[tuple[str, str]] = (
    ("gen_ai.tool.name", "tool"),
    ("llm.prompt_template.variables", "prompt"),
    ("gen_ai.request.model", "llm"),
    ("gen_ai.response.model", "llm"),
    ("llm.model_name", "llm"),
)
"""Attributes that are only there on spans of a type. They are left for others."""

NAMES = ("langsmith.trace.name", "traceloop.entity.name")
TOOL_NAME = "tool.name"
"""The name of a run, before that of the span; a tool's, of tools."""

MODEL = (
    "gen_ai.request.model",
    "llm.request.model_name",
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
    "gen_ai.response.model",
    "llm.response.model_name",
)
PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")

PROVIDERS: Mapping[str, str] = {
    "aws.bedrock": "amazon_bedrock",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google_genai",
    "gcp.gen_ai": "google_genai",
    "gemini": "google_genai",
    "gcp.vertex_ai": "google_vertexai",
    "vertex_ai": "google_vertexai",
    "mistral_ai": "mistralai",
    "x_ai": "xai",
}
"""Providers whose name in LangSmith's `ls_provider` is another."""

REQUEST: Mapping[str, tuple[str, str | None]] = {
    "gen_ai.request.temperature": ("temperature", "ls_temperature"),
    "gen_ai.request.max_tokens": ("max_tokens", "ls_max_tokens"),
    "gen_ai.request.stop_sequences": ("stop", "ls_stop"),
    "gen_ai.request.top_p": ("top_p", None),
    "gen_ai.request.top_k": ("top_k", None),
    "gen_ai.request.seed": ("seed", None),
    "gen_ai.request.frequency_penalty": ("frequency_penalty", None),
    "gen_ai.request.presence_penalty": ("presence_penalty", None),
    "gen_ai.request.choice.count": ("n", None),
    "gen_ai.request.encoding_formats": ("encoding_formats", None),
    "gen_ai.request.stream": ("stream", None),
    "llm.top_k": ("top_k", None),
    "llm.frequency_penalty": ("frequency_penalty", None),
    "llm.presence_penalty": ("presence_penalty", None),
    "llm.chat.stop_sequences": ("stop", None),
    "llm.is_streaming": ("stream", None),
}
"""Parameters of a call of a model: the name among `invocation_params`, and in the metadata."""

INVOCATION = ("llm.invocation_parameters", "embedding.invocation_parameters")
"""JSON of all parameters at once."""

TOOLS = ("gen_ai.tool.definitions", "tools")
FLAT_TOOLS = ("llm.tools", "llm.request.functions")
"""The tools that a model may call: as JSON, or flattened."""

METADATA: Mapping[str, str] = {
    "session.id": "session_id",
    "gen_ai.conversation.id": "conversation_id",
    "user.id": "user_id",
    "enduser.id": "user_id",
}
"""Attributes that have another name in the metadata; the first three of those tell the thread."""

PREFIXES = ("traceloop.association.properties", "langsmith.metadata")
"""What stands below is metadata; the later has the last word."""

WHOLE_METADATA = "metadata"
"""JSON of an object, all of it metadata."""

TAGS = ("langsmith.span.tags", "tag.tags")

PROJECT_ID, PROJECT_NAME = "langsmith.trace.session_id", "langsmith.trace.session_name"
RESOURCE_PROJECTS = ("openinference.project.name", "service.name")
NAMELESS = "unknown_service"
"""How a service is called by SDKs that were told no name; more may follow."""

MACHINE = (
    *("telemetry.", "process.", "host.", "os.", "container."),
    *("service.instance.", "langsmith.internal_provider"),
)
"""Attributes of a resource that tell where it runs, rather than what: `runtime`, not metadata."""

RUN_ID, PARENT_ID = "langsmith.span.id", "langsmith.span.parent_id"
TRACE_ID, DOTTED_ORDER = "langsmith.trace.id", "langsmith.span.dotted_order"
EXAMPLE_ID = "langsmith.reference_example_id"
IS_ROOT = "langsmith.is_root"
PARENT_SPAN = "langsmith.traceable_parent_otel_span_id"
"""A span further up that is sent, where the parent is not."""

SERIALIZED = "gen_ai.serialized"
ATTACHMENTS = "langsmith.attachments"
SDK = "langsmith"
"""The scope of spans that are runs of LangSmith's SDK."""

EXCEPTION = "exception"
FIRST_TOKENS = frozenset(
    {
        "new_token",
        "First Token Stream Event",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
    }
)
"""Events that tell when the first token came."""

FIRST_TOKEN_SECONDS = ("gen_ai.response.time_to_first_chunk", "gen_ai.latency.time_to_first_token")
"""Seconds from the start of a span to its first token."""
