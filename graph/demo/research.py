"""A research agent: plans, searches side by side, reads, writes in a subgraph, is reviewed."""

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime

from graph.demo.models import CLAUDE, GPT_MINI, Call, chat, message
from graph.demo.telling import Json, Run, StepError, Trace

PROJECT = "research-agent"
PLANNER = "Break the question into searches that do not overlap. At most four."
WRITER = "Write a brief of two pages for buyers of outdoor gear. Every claim names its source."
REVIEW = "GraphInterrupt((Interrupt(value='Send this brief to the buyers?', id='b1f2c09d'),))"


@dataclass(frozen=True)
class Topic:
    """A question, what was searched for, and what each search found worth reading."""

    question: str
    finds: tuple[tuple[str, str, str], ...]
    brief: str
    reviewed: bool


TOPICS = (
    Topic(
        "Which PFAS-free coatings keep rain jackets dry for more than a season?",
        (
            ("PFAS-free DWR durability test", "outdoor-lab.example/dwr-2026",
             "After 20 washes, wax coatings kept 60 % of their repellency, silicones 72 %."),
            ("silicone DWR breathability", "textile-journal.example/8812",
             "Silicone finishes cost 8 to 11 % of breathability."),
            ("EU PFAS restriction apparel date", "regulation-watch.example/pfas-apparel",
             "The restriction covers apparel from October 2026, with stock sold until 2027."),
            ("rewaxing jackets customer acceptance", "retail-notes.example/rewax",
             "Two thirds of buyers rewax once if the sachet comes with the jacket."),
        ),
        "Silicone finishes hold best (72 % after 20 washes) and cost about a tenth of the "
        "breathability; wax is cheaper and is renewed at home when a sachet is in the box.",
        reviewed=True,
    ),
    Topic(
        "How did demand for rental tents change, and what do renters complain about?",
        (
            ("tent rental market growth", "camp-stats.example/rental",
             "Rental days grew by 31 % within two years, mostly for festivals and families."),
            ("tent rental complaints", "review-mine.example/rent-tents",
             "Missing pegs (38 %), damp inner tents (27 %) and late parcels (19 %)."),
            ("tent drying logistics cost", "warehouse.example/drying",
             "Drying and checking costs 6.40 EUR for each return, half of it handling."),
            ("rental pricing outdoor gear", "price-lab.example/outdoor",
             "Weekend prices settle at 11 to 14 % of the retail price."),
        ),
        "Rental grew by a third. Complaints are about completeness and dampness, not about tents: "
        "a peg count and a drying step answer two thirds of them.",
        reviewed=False,
    ),
    Topic(
        "Are solid-fuel stoves coming back on long-distance trails?",
        (
            ("solid fuel stove thru-hiker survey", "trail-survey.example/2026",
             "Solid fuel rose from 4 to 9 %, canister stoves fell to 61 %."),
            ("fire ban solid fuel stoves", "parks.example/fire-bans",
             "Eleven of fourteen parks count solid fuel as an open fire in dry months."),
            ("hexamine availability", "supply.example/hexamine",
             "Deliveries take nine weeks since two plants closed."),
            ("canister recycling shops", "circular.example/canisters",
             "Shops that take canisters back sell 17 % more of them."),
        ),
        "A little, and fire bans cap it. Taking canisters back helps more than new stoves.",
        reviewed=True,
    ),
)  # fmt: skip


def study(trace: Trace, topic: Topic) -> None:
    """Tell the whole study of a topic."""
    asked = {"question": topic.question, "audience": "buyers"}
    with trace.run(
        "Research Agent", inputs=asked, tags=("batch", "deep"), thread_id=f"study-{trace.new_id()}"
    ) as root:
        _plan(trace, topic)
        notes = _side_by_side(trace, topic)
        root.outputs = {"brief": _write(trace, topic, notes), "sources": len(notes)}
        _review(trace, topic)
    trace.judge(root, "citations", 1.0 if topic.reviewed else 0.75, source="model")


def _plan(trace: Trace, topic: Topic) -> None:
    with _node(trace, "plan", 1) as node:
        calls = [Call(f"s{at}", "search", {"query": one[0]}) for at, one in enumerate(topic.finds)]
        asked = [message("system", PLANNER), message("human", topic.question)]
        chat(trace, CLAUDE, asked, "Four searches, one for each side of it.", calls=calls)
        node.outputs = {"searches": [query for query, _, _ in topic.finds]}


def _side_by_side(trace: Trace, topic: Topic) -> list[Json]:
    notes: list[Json] = []
    began, ended = trace.now, list[datetime]()
    for find in topic.finds:
        trace.now = began
        notes.append(_investigate(trace, topic, *find))
        ended.append(trace.now)
    trace.now = max(ended)
    return notes


def _investigate(trace: Trace, topic: Topic, query: str, source: str, found: str) -> Json:
    with _node(trace, "investigate", 2) as node:
        with trace.run("search", "tool", inputs={"query": query, "results": 5}) as search:
            trace.take(0.8)
            search.outputs = {"results": [{"url": f"https://{source}", "snippet": found[:60]}]}
        page = f"{found} " + "The method and the numbers are in the appendix. " * 12
        with trace.run("read_page", "tool", inputs={"url": f"https://{source}"}) as reading:
            trace.take(1.2)
            reading.outputs = {"text": page, "status": 200}
        asked = [message("system", "Keep what answers the question."), message("human", page)]
        note = {"source": source, "note": chat(trace, GPT_MINI, asked, found)["content"]}
        with trace.run("grade", inputs={"question": topic.question, "note": found}) as grade:
            verdict = [message("human", f"Is this of use? {found}")]
            chat(trace, GPT_MINI, verdict, "yes", cached=True)
            grade.outputs = {"useful": True}
        node.outputs = {"notes": [note]}
    return note


def _write(trace: Trace, topic: Topic, notes: list[Json]) -> str:
    with _node(trace, "write", 3) as node:
        with trace.run("writer_subgraph", inputs={"notes": notes}) as subgraph:
            draft = topic.brief.split(". ")[0]
            for step, (name, text) in enumerate((("draft", draft), ("revise", topic.brief)), 1):
                with _node(trace, name, step) as part:
                    asked = [message("system", WRITER), *(_noted(note) for note in notes)]
                    chat(trace, CLAUDE, asked, text, streamed=True, cached=step > 1)
                    part.outputs = {"text": text}
            subgraph.outputs = {"brief": topic.brief}
        node.outputs = {"brief": topic.brief}
    return topic.brief


def _review(trace: Trace, topic: Topic) -> None:
    node = _node(trace, "human_review", 4)
    with suppress(StepError), node as review:  # LangGraph waits here, and its own run succeeds
        if not topic.reviewed:
            raise StepError(REVIEW)
        review.outputs = {"approved": True}


def _noted(note: Json) -> Json:
    return message("human", f"{note['source']}: {note['note']}")


def _node(trace: Trace, name: str, step: int) -> AbstractContextManager[Run]:
    return trace.run(
        name,
        inputs={"step": step},
        tags=(f"graph:step:{step}",),
        langgraph_node=name,
        langgraph_step=step,
    )
