import assert from "node:assert/strict";
import { test } from "node:test";
import { KEPT, gathered, isChange, runsIn } from "../../graph/graphiql/source/trace/runs.js";

const keys = (answer) => runsIn(answer).map(({ key }) => key);
const within = (answer) => Object.fromEntries(runsIn(answer).map((found) => [found.key, found.within]));

test("runs are found wherever they stand in an answer, in its order", () => {
  const answer = {
    data: {
      run: { id: "a", runType: "chain", childRuns: [{ id: "b", name: "b", startTime: "2026-01-01T00:00:00Z" }] },
      projects: { nodes: [{ id: "p", name: "p", runs: { edges: [{ node: { id: "c", dottedOrder: "x" } }] } }] },
    },
  };
  assert.deepEqual(within(answer), { a: null, b: "a", c: null });
});

test("what is no run is not taken for one", () => {
  const startTime = "2026-01-01T00:00:00Z";
  const answer = { data: { trace: { traceId: "t", startTime }, thread: { threadId: "t", startTime }, f: { id: "f", key: "k" } } };
  assert.deepEqual(keys(answer), []);
});

test("nothing inside payloads is a run", () => {
  const inner = { id: "x", name: "x", runType: "tool", startTime: "2026-01-01T00:00:00Z" };
  const run = { id: "a", runType: "chain", inputs: inner, outputs: [inner], metadata: { inner }, extra: inner, events: [inner] };
  assert.deepEqual(keys({ data: { run } }), ["a"]);
});

test("parents named on the way are not drawn below their children", () => {
  const run = { id: "b", runType: "llm", parentRun: { id: "a", runType: "chain" }, parentRuns: [{ id: "a", runType: "chain" }] };
  assert.deepEqual(keys({ data: { run } }), ["b"]);
});

test("a run that an answer shows twice is one run with all that was said of it", () => {
  const answer = {
    data: { trace: { rootRun: { id: "a", runType: "chain", model: "m" }, runs: { nodes: [{ id: "a", name: "n", runType: "chain" }] } } },
  };
  assert.deepEqual(runsIn(answer), [{ key: "a", within: null, run: { id: "a", name: "n", runType: "chain", model: "m" } }]);
});

test("the trace of a run is beside it, not below", () => {
  const run = { id: "a", runType: "chain", trace: { runs: { nodes: [{ id: "b", runType: "llm" }] } } };
  assert.deepEqual(within({ data: { run } }), { a: null, b: null });
});

test("a run without an id goes by its place", () => {
  assert.deepEqual(keys({ data: { runs: { nodes: [{ runType: "llm" }, { runType: "llm" }] } } }), ["data.runs.nodes.0", "data.runs.nodes.1"]);
});

test("errors, nulls and texts hold no runs", () => {
  for (const answer of [null, undefined, {}, { data: null }, { errors: [] }, "text", 1, { data: { runs: null } }]) assert.deepEqual(keys(answer), []);
});

test("events of a subscription gather, each run once, as it is now", () => {
  const event = (id, status) => runsIn({ data: { runChanges: { kind: "UPDATED", run: { id, runType: "llm", status } } } });
  const all = [event("a", "PENDING"), event("b", "PENDING"), event("a", "SUCCESS")].reduce(gathered, []);
  assert.deepEqual(all.map(({ run }) => [run.id, run.status]), [["a", "SUCCESS"], ["b", "PENDING"]]);
});

test("a subscription keeps the latest runs only", () => {
  const before = Array.from({ length: KEPT }, (_, at) => ({ key: `${at}`, run: {}, within: null }));
  const after = gathered(before, [{ key: "new", run: {}, within: null }]);
  assert.equal(after.length, KEPT);
  assert.equal(after.at(-1).key, "new");
});

test("an event of a subscription is told from an answer", () => {
  assert.equal(isChange({ data: { runChanges: { kind: "CREATED", run: null } } }), true);
  assert.equal(isChange({ data: { runs: { nodes: [] } } }), false);
  assert.equal(isChange({ data: null }), false);
});
