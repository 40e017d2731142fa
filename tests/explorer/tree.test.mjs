import assert from "node:assert/strict";
import { test } from "node:test";
import { forest, moment } from "../../graph/graphiql/source/trace/tree.js";

const at = (seconds) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const found = (key, run = {}, within = null) => ({ key, within, run: { id: key, ...run } });
const drawn = ({ nodes }) => nodes.map(({ key, depth }) => "-".repeat(depth) + key).join(" ");

test("nested runs stand under the runs around them", () => {
  assert.equal(drawn(forest([found("a"), found("b", {}, "a"), found("c", {}, "b"), found("d", {}, "a")])), "a -b --c -d");
});

test("flat runs stand under the parent they name, in whatever order they come", () => {
  const runs = [found("c", { parentRunId: "b" }), found("b", { parentRunId: "a" }), found("a", { parentRunId: null })];
  assert.equal(drawn(forest(runs)), "a -b --c");
});

test("flat runs stand under the nearest run of their dotted order that is there", () => {
  const order = (...ids) => ids.map((id) => `20260101T000000000000Z${id}`).join(".");
  const runs = [found("a", { dottedOrder: order("a") }), found("c", { dottedOrder: order("a", "b", "c") })];
  assert.equal(drawn(forest(runs)), "a -c");
});

test("descendants that name no parent stand under the run that lists them", () => {
  assert.equal(drawn(forest([found("a"), found("b", {}, "a"), found("c", { parentRunId: "b" }, "a")])), "a -b --c");
});

test("children stand in the order in which they began", () => {
  const runs = [found("a"), found("late", { startTime: at(2) }, "a"), found("early", { startTime: at(1) }, "a")];
  assert.equal(drawn(forest(runs)), "a -early -late");
});

test("runs that are each other's parents are all drawn, once", () => {
  const runs = [found("a", { parentRunId: "b" }), found("b", { parentRunId: "a" }), found("c", { parentRunId: "c" })];
  assert.deepEqual(new Set(drawn(forest(runs)).replaceAll("-", "").split(" ")), new Set(["a", "b", "c"]));
});

test("each trace begins at 0, and the longest gives the extent", () => {
  const runs = [
    found("a", { traceId: "1", startTime: at(0), endTime: at(4) }),
    found("b", { traceId: "2", startTime: at(100), endTime: at(101) }),
    found("c", { traceId: "2", startTime: at(100.5), latency: 0.25 }),
  ];
  const { nodes, extent } = forest(runs);
  assert.deepEqual(nodes.map(({ starts, took }) => [starts, took]), [[0, 4000], [0, 1000], [500, 250]]);
  assert.equal(extent, 4000);
});

test("a run that has not ended is pending and takes nothing yet", () => {
  const { nodes } = forest([found("a", { startTime: at(0), endTime: null, status: "PENDING" }), found("b", { startTime: at(1), endTime: at(2) }, "a")]);
  assert.deepEqual(nodes.map(({ pending, took }) => [pending, took]), [[true, null], [false, 1000]]);
});

test("a run that ends before it began takes no time", () => {
  assert.equal(forest([found("a", { startTime: at(2), endTime: at(1) })]).nodes[0].took, 0);
});

test("without moments there is a tree without times", () => {
  const { nodes, extent, timed } = forest([found("a", { runType: "llm" }), found("b", { runType: "llm" }, "a")]);
  assert.deepEqual([nodes[0].starts, extent, timed], [null, 0, false]);
});

test("a parent knows how many runs stand below it", () => {
  const { nodes } = forest([found("a"), found("b", {}, "a"), found("c", {}, "b")]);
  assert.deepEqual(nodes.map(({ below }) => below), [2, 1, 0]);
});

test("a chain of 20,000 runs is no problem, nor are as many siblings", () => {
  const chain = Array.from({ length: 20000 }, (_, n) => found(`${n}`, { parentRunId: `${n - 1}` }));
  const wide = [found("a"), ...Array.from({ length: 20000 }, (_, n) => found(`w${n}`, {}, "a"))];
  assert.equal(forest(chain).nodes.at(-1).depth, 19999);
  assert.equal(forest(wide).roots[0].below, 20000);
});

test("moments keep their microseconds, and their zones", () => {
  assert.equal(moment("1970-01-01T00:00:01.000250Z"), 1000.25);
  assert.equal(moment("1970-01-01T01:00:00+01:00"), 0);
  assert.equal(moment("1970-01-01T00:00:00"), 0);
  for (const none of [null, undefined, 3, "", "soon"]) assert.equal(moment(none), null);
});
