"""A retrieval chain that answers employees from the company's handbook, streamed word by word."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

from graph.demo.models import GPT_MINI, chat, message
from graph.demo.telling import Json, StepError, Trace

PROJECT = "handbook-rag"
PROMPT = "Answer from these passages only; say so when they do not tell.\n\n{context}"
TIMEOUT = """TimeoutError()Traceback (most recent call last):

  File "handbook/index.py", line 41, in search
    async with asyncio.timeout(10):

TimeoutError: the vector store did not answer within 10 s"""

PASSAGES = {
    "leave": (
        ("handbook/leave.md#carry-over", "Up to five days of leave move to the next year. They "
         "lapse on 31 March, unless illness kept you from taking them."),
        ("handbook/leave.md#notice", "Ask for leave of more than three days at least two weeks "
         "ahead, in the calendar, not by mail."),
        ("handbook/leave.md#parental", "Parental leave: tell your lead and the people team seven "
         "weeks before. Your access stays open, your notifications do not."),
    ),
    "travel": (
        ("handbook/travel.md#trains", "Trains first. Flights under 700 km need a reason. First "
         "class is fine from four hours on."),
        ("handbook/travel.md#meals", "28 EUR a day abroad and at home, without receipts; more with "
         "receipts and a guest."),
        ("handbook/travel.md#hotels", "Hotels up to 140 EUR a night, 190 EUR in Paris, London and "
         "Zurich. Book through the portal, it pays by itself."),
    ),
    "access": (
        ("handbook/it/vpn.md", "The VPN needs the device certificate. Renew it every 90 days: "
         "Settings, Company, Renew. Then restart the client."),
        ("handbook/it/keys.md", "Lost a security key? Call the desk at once (line 7), they block "
         "it within five minutes. A new one takes a day."),
        ("handbook/it/laptops.md", "Laptops are replaced after 42 months, or when the battery "
         "holds less than 70 %."),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """A question, the part of the handbook that answers it, and the answer."""

    text: str
    about: str
    answer: str
    score: float | None = None
    failure: str | None = None


QUESTIONS = (
    Question("How many days of leave can I carry over?", "leave",
             "Five. They lapse on 31 March, unless you were ill and could not take them.", 1),
    Question("Can I fly from Berlin to Munich?", "travel",
             "Only with a reason: it is under 700 km, so the train comes first.", 0.8),
    Question("VPN says: certificate expired. What now?", "access",
             "Renew the device certificate under Settings, Company, Renew, then restart the "
             "client. It has to be renewed every 90 days.", 1),
    Question("What may a hotel in Zurich cost?", "travel", "Up to 190 EUR a night.", 1),
    Question("I lost my security key on the train!", "access",
             "Call the desk at once (line 7). They block it within five minutes; a new one takes "
             "a day.", 1),
    Question("Do I need receipts for meals?", "travel", "", failure=TIMEOUT),
    Question("When do I have to announce parental leave?", "leave",
             "Seven weeks before it begins, to your lead and the people team.", 0.9),
    Question("Is there a gym subsidy?", "leave",
             "The passages I was given do not tell anything about a gym subsidy.", 0.2),
    Question("My battery is at 65 %, do I get a new laptop?", "access",
             "Yes: below 70 % the laptop is replaced, even before 42 months.", 1),
    Question("Wie lange im Voraus muss ich Urlaub beantragen?", "leave",
             "Mehr als drei Tage Urlaub mindestens zwei Wochen vorher, im Kalender.", 0.9),
    Question("First class to Vienna, 4 h 20 min?", "travel", "Yes, from four hours on.", 1),
    Question("Who do I tell when I am ill during my leave?", "leave",
             "The passages say that illness keeps your days from lapsing, not whom to tell.", 0.4),
)  # fmt: skip


def ask(trace: Trace, asked: Question) -> None:
    """Tell one question through the chain."""
    chain = trace.run(
        "HandbookChain", inputs={"question": asked.text}, tags=("rag", "production"), env="prod"
    )
    with suppress(StepError), chain as root:
        context = _gather(trace, asked)
        root.outputs = {"answer": _answer(trace, asked, context)}
    if asked.score is not None:
        trace.judge(trace.runs[0], "groundedness", asked.score, source="model")


def _gather(trace: Trace, asked: Question) -> str:
    asks = {"question": asked.text}
    with trace.run("RunnableParallel<context,question>", inputs=asks, tags=("seq:step:1",)) as both:
        documents = _retrieve(trace, asked)
        with trace.run("format_documents", inputs={"documents": len(documents)}) as formatting:
            text = "\n\n".join(document["page_content"] for document in documents)
            formatting.outputs = {"output": text}
        both.outputs = {"context": text, "question": asked.text}
    return text


def _retrieve(trace: Trace, asked: Question) -> Sequence[Json]:
    with trace.run(
        "VectorStoreRetriever",
        "retriever",
        inputs={"query": asked.text},
        tags=("map:key:context", "Qdrant"),
        ls_retriever_name="vectorstore",
        k=3,
    ) as found:
        _embed(trace, asked.text)
        trace.take(10 if asked.failure else 0.04)
        if asked.failure:
            raise StepError(asked.failure)
        documents = [
            {"type": "Document", "page_content": text, "metadata": {"source": source}}
            for source, text in PASSAGES[asked.about]
        ]
        found.outputs = {"documents": documents}
    return documents


def _embed(trace: Trace, text: str) -> None:
    model = {"ls_provider": "openai", "ls_model_name": "text-embedding-3-small"}
    with trace.run("OpenAIEmbeddings", "embedding", inputs={"texts": [text]}, **model) as embedded:
        trace.take(0.09)
        digest = blake2b(text.encode(), digest_size=8).digest()
        embedded.outputs = {"vectors": [[round(byte / 127.5 - 1, 4) for byte in digest]]}


def _answer(trace: Trace, asked: Question, context: str) -> str:
    prompt = message("system", PROMPT.format(context=context))
    messages = [prompt, message("human", asked.text)]
    told = {"question": asked.text, "context": context}
    with trace.run("ChatPromptTemplate", "prompt", inputs=told, tags=("seq:step:2",)) as filled:
        filled.outputs = {"messages": messages}
    reply = chat(trace, GPT_MINI, messages, asked.answer, streamed=True, cached=True)
    with trace.run("StrOutputParser", "parser", inputs=reply, tags=("seq:step:4",)) as parsed:
        parsed.outputs = {"output": reply["content"]}
    return reply["content"]
