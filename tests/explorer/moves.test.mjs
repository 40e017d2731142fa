import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../../graph/graphiql/source/trace/layout.js";
import { moved } from "../../graph/graphiql/source/trace/moves.js";
import { forest } from "../../graph/graphiql/source/trace/tree.js";

const found = (key, within = null) => ({ key, within, run: { id: key } });
const all = [found("a"), found("b", "a"), found("c", "b"), found("d", "a"), found("e")];
const rows = (...folded) => rowsOf(forest(all).roots, new Set(folded));

test("up and down go from row to row and stop at the ends", () => {
  assert.deepEqual(moved("ArrowDown", rows(), 0, 5), { to: 1 });
  assert.deepEqual(moved("ArrowUp", rows(), 0, 5), { to: 0 });
  assert.deepEqual(moved("ArrowDown", rows(), 4, 5), { to: 4 });
});

test("Home, End and pages go far", () => {
  assert.deepEqual(moved("End", rows(), 0, 2), { to: 4 });
  assert.deepEqual(moved("Home", rows(), 3, 2), { to: 0 });
  assert.deepEqual(moved("PageDown", rows(), 1, 2), { to: 3 });
  assert.deepEqual(moved("PageUp", rows(), 1, 2), { to: 0 });
});

test("right unfolds, then goes to the first child; on a leaf it does nothing", () => {
  assert.deepEqual(moved("ArrowRight", rows("a"), 0, 5), { unfold: ["a"] });
  assert.deepEqual(moved("ArrowRight", rows(), 0, 5), { to: 1 });
  assert.deepEqual(moved("ArrowRight", rows(), 2, 5), {});
});

test("left folds, then goes to the parent; on a root it does nothing", () => {
  assert.deepEqual(moved("ArrowLeft", rows(), 1, 5), { fold: ["b"] });
  assert.deepEqual(moved("ArrowLeft", rows("b"), 2, 5), { to: 0 });
  assert.deepEqual(moved("ArrowLeft", rows("b"), 1, 5), { to: 0 });
  assert.deepEqual(moved("ArrowLeft", rows(), 4, 5), {});
});

test("a star unfolds all siblings that have anything below", () => {
  assert.deepEqual(moved("*", rows("a"), 0, 5), { unfold: ["a"] });
});

test("Enter opens, Escape closes, other keys are left to the page", () => {
  assert.deepEqual(moved("Enter", rows(), 0, 5), { open: true });
  assert.deepEqual(moved("Escape", rows(), 0, 5), { close: true });
  assert.equal(moved("x", rows(), 0, 5), null);
  assert.equal(moved("toString", rows(), 0, 5), null);
  assert.equal(moved("ArrowDown", [], 0, 5), null);
});
