"""The explorer in a real browser, against a real server."""

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from graph.graphiql.serving import BUILT
from graph.schema import schema
from tests.explorer.chromium import PROGRAM, Browser, Page, browsing
from tests.servers import Server, serving
from tests.telling import NOON

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium: apt-get install chromium"),
    pytest.mark.skipif(
        not (BUILT / "index.html").exists(), reason="the explorer is not built: pip install -e ."
    ),
]

TREE = "[...document.querySelectorAll('.trace-text')].map((text) => text.textContent).join(' ')"
TOLD = "document.querySelector('.trace-told').textContent"
TRACE = """query Agent {
  runs(where: {name: {eq: "agent"}}) {
    nodes { ...step childRuns { ...step childRuns { ...step } } }
  }
}
fragment step on Run { id name runType status startTime endTime error }"""
MANY = """query Many($id: ID!) {
  run(id: $id) { ...step childRuns { ...step childRuns { ...step } } }
}
fragment step on Run { id name runType startTime endTime }"""


def run(number: int, name: str, parent: dict | None = None, start: float = 0, **more) -> dict:
    """A run on the wire; it takes a second."""
    id, began = str(UUID(int=number, version=4)), NOON + timedelta(seconds=start)
    segment = f"{began:%Y%m%dT%H%M%S%fZ}{id}"
    return {
        "id": id,
        "name": name,
        "run_type": "chain",
        "trace_id": parent["trace_id"] if parent else id,
        "parent_run_id": parent and parent["id"],
        "dotted_order": f"{parent['dotted_order']}.{segment}" if parent else segment,
        "start_time": began.isoformat(),
        "end_time": (began + timedelta(seconds=1)).isoformat(),
        "session_name": "project",
        "inputs": {"asked": f"what {name} was asked"},
        "outputs": {"answered": "x" * 70_000 if name == "long" else f"what {name} said"},
        **more,
    }


def trace() -> list[dict]:
    root = run(1, "agent", start=10)
    plan = run(2, "plan", root, 10)
    model = run(3, "model", plan, 10.1, run_type="llm")
    tool = run(4, "tool", root, 10.5, run_type="tool", error="TimeoutError('too slow')")
    return [root, plan, model, tool, run(5, "long", root, 11)]


def many() -> list[dict]:
    """5,000 runs below one, in a hundred groups."""
    runs = [run(10_000, "all")]
    for number in range(10_001, 10_101):
        group = run(number, f"group {number}", runs[0])
        steps = [run(number * 100 + step, f"step {step}", group) for step in range(49)]
        runs += [group, *steps]
    return runs


def send(server: Server, *runs: dict) -> None:
    body = {"post": runs, "patch": []}
    httpx.post(f"{server.url}/runs/batch", json=body, timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    url = f"sqlite:///{tmp_path_factory.mktemp('explorer') / 'runs.db'}"
    with serving("serve", url) as server:
        send(server, *trace())
        send(server, *many())
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(browser, server) -> Iterator[Page]:
    """The page of somebody who comes for the first time."""
    with browser.visit() as page:
        page.open(f"{server.url}/graphql")
        page.wait("document.querySelector('.trace-row')")
        yield page


@pytest.fixture
def agent(page) -> Page:
    """A page that shows one trace, its tree ready for keys."""
    page.ask(TRACE)
    page.wait(f"{TREE} === 'agent plan model tool long'")
    return page


def asked(page: Page, words: str) -> int:
    return sum(words in request.get("postData", "") for request in page.requests)


def test_the_page_opens_with_an_answer_and_its_waterfall_and_asks_nobody_else(page, server):
    assert page.wait(f"{TREE}.startsWith('agent plan tool long all group')")
    assert page.run(TOLD) == "105 runs in 2 trees · 1 failed"
    assert page.complaints == []
    schemes = ("data:", "blob:")
    elsewhere = [r["url"] for r in page.requests if not r["url"].startswith((server.url, *schemes))]
    assert elsewhere == []


def test_payloads_are_loaded_when_a_run_is_clicked_and_not_before(agent):
    assert asked(agent, "query Payloads") == 0

    agent.click(".trace-row:nth-child(3)")

    assert agent.wait("document.querySelector('.trace-details pre')?.textContent").startswith("{")
    details = agent.run("document.querySelector('.trace-details').textContent")
    assert "what model was asked" in details
    assert "what model said" in details
    assert asked(agent, "query Payloads") == 1


def test_an_error_is_marked_and_shown(agent):
    agent.click(".trace-row:nth-child(4)")

    assert "TimeoutError" in agent.wait("document.querySelector('.trace-error')?.textContent")
    assert agent.run("document.querySelectorAll('.trace-row.failed').length") == 1


def test_a_large_payload_is_cut_short_until_all_of_it_is_asked_for(agent):
    agent.click(".trace-row:nth-child(5)")
    agent.wait("document.querySelectorAll('.trace-details pre').length === 2")
    shown = "[...document.querySelectorAll('.trace-details pre')].at(-1).textContent.length"
    assert agent.run(shown) < 66_000

    agent.click(".trace-details h4 button")

    assert agent.wait(f"{shown} > 70000")


def test_keys_walk_the_tree(agent):
    agent.run("document.querySelector('.trace-rows').focus()")
    now = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"

    def stands(label: str, **states: str) -> None:
        agent.wait(f"{now}?.getAttribute('aria-label').startsWith('{label}')")
        for name, value in states.items():
            assert agent.wait(f"{now}.getAttribute('aria-{name}') === '{value}'")

    stands("agent, chain, 1 s", level="1", expanded="true")
    agent.key("ArrowDown")
    stands("plan", level="2", posinset="1", setsize="3")
    agent.key("ArrowLeft")
    stands("plan", expanded="false")
    assert agent.wait(f"{TREE} === 'agent plan tool long'")
    agent.key("ArrowRight")
    agent.key("ArrowRight")
    stands("model, llm", level="3")
    agent.key("End")
    stands("long")
    agent.key("Home")
    agent.key("Enter")
    stands("agent", selected="true")
    assert agent.wait("document.querySelector('.trace-details h3').textContent === 'agent'")
    agent.key("Escape")
    assert agent.wait("!document.querySelector('.trace-details')")


def test_five_thousand_runs_are_drawn_a_few_at_a_time(page, server):
    id = str(UUID(int=10_000, version=4))
    page.ask(MANY.replace("($id: ID!)", "").replace("$id", json.dumps(id)))

    assert page.wait(f"{TOLD} === '5,001 runs'")
    assert page.run("document.querySelectorAll('.trace-row').length") < 100
    page.run("document.querySelector('.trace-rows').focus()")
    page.key("End")
    last = "document.querySelector('.trace-row.current')?.getAttribute('aria-label')"
    assert page.wait(f"{last}?.startsWith('step 48') && {last}") == "step 48, chain, 1 s"
    assert page.run("document.querySelectorAll('.trace-row').length") < 100


def test_the_address_of_a_run_opens_it(server, page):
    id, root = (str(UUID(int=number, version=4)) for number in (4, 1))
    path = server.ask("query ($id: ID!) { run(id: $id) { appPath } }", id=id)["run"]["appPath"]
    assert path == f"/graphql?run={id}&trace={root}"

    page.open(server.url + path)

    assert page.wait(f"{TREE} === 'agent plan model tool long'")
    assert page.run("document.querySelector('.graphiql-tab-active button').textContent") == "Run"
    assert page.wait("document.querySelector('.trace-details h3').textContent === 'tool'")


def test_the_waterfall_is_dark_where_the_system_is(agent):
    colour = "getComputedStyle(document.querySelector('.trace')).getPropertyValue('--llm')"
    light = agent.run(colour)

    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    agent.tell("Emulation.setEmulatedMedia", features=features)

    assert agent.wait(f"{colour} !== '{light}'")


@pytest.mark.skipif(
    schema._schema.subscription_type is None, reason="this schema has no subscriptions"
)
def test_runs_gather_in_the_waterfall_as_they_arrive(page, server):
    page.ask("subscription { runChanges { kind runId run { id name runType parentRunId } } }")
    page.wait(f"{TREE} === ''")
    root = run(70, "live")
    send(server, root)
    for attempt in range(100):  # the socket may open after the first change
        if page.run(TREE):
            break
        send(server, {**root, "tags": [str(attempt)]})
        page.run("new Promise((done) => setTimeout(done, 100))")

    send(server, run(71, "step", root), run(72, "other step", root))

    assert page.wait(f"{TREE} === 'live step other step'")
    assert page.run(TOLD) == "3 runs · live"
