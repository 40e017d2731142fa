import assert from "node:assert/strict";
import { test } from "node:test";
import { ROW_HEIGHT, barOf, marks, rowsOf, scrolledTo, seen } from "../../graph/graphiql/source/trace/layout.js";
import { forest } from "../../graph/graphiql/source/trace/tree.js";

const found = (key, within = null) => ({ key, within, run: { id: key } });
const roots = () => forest([found("a"), found("b", "a"), found("c", "b"), found("d", "a"), found("e")]).roots;
const shown = (folded = []) => rowsOf(roots(), new Set(folded)).map(({ node }) => node.key).join("");

test("all rows are shown, and none below a folded one", () => {
  assert.equal(shown(), "abcde");
  assert.equal(shown(["b"]), "abde");
  assert.equal(shown(["a", "b"]), "ae");
});

test("a row knows its place among its siblings, and whether anything is below", () => {
  const rows = rowsOf(roots(), new Set(["b"]));
  assert.deepEqual(rows.map(({ at, place, of, folded }) => [at, place, of, folded]), [
    [0, 1, 2, false], [1, 1, 2, true], [2, 2, 2, null], [3, 2, 2, null],
  ]);
});

test("of many rows those in view are drawn, and a few around them", () => {
  const { first, last } = seen(1000 * ROW_HEIGHT, 20 * ROW_HEIGHT, 5000);
  assert.ok(first <= 1000 && first > 950 && last >= 1020 && last < 1070);
  assert.deepEqual(seen(0, 100, 2), { first: 0, last: 2 });
  assert.deepEqual(seen(9e6, 100, 3), { first: 3, last: 3 });
});

test("a row comes into view by the shortest way", () => {
  const height = 10 * ROW_HEIGHT;
  assert.equal(scrolledTo(5, 0, height), null);
  assert.equal(scrolledTo(10, 0, height), ROW_HEIGHT);
  assert.equal(scrolledTo(2, 5 * ROW_HEIGHT, height), 2 * ROW_HEIGHT);
});

test("bars stand where their run stands in time", () => {
  assert.deepEqual(barOf({ starts: 250, took: 500, pending: false }, 1000), { left: 0.25, width: 0.5, open: false });
  assert.deepEqual(barOf({ starts: 250, took: null, pending: true }, 1000), { left: 0.25, width: 0.75, open: true });
  assert.deepEqual(barOf({ starts: 0, took: 0, pending: false }, 0), { left: 0, width: 0, open: false });
  assert.equal(barOf({ starts: null, took: null, pending: false }, 1000), null);
});

test("marks are round, few, and reach over the whole time", () => {
  assert.deepEqual(marks(8150, 5), [0, 2000, 4000, 6000, 8000]);
  assert.deepEqual(marks(90_000, 5), [0, 30_000, 60_000, 90_000]);
  assert.deepEqual(marks(0, 5), [0]);
  for (const extent of [0.004, 0.7, 13, 999, 61_000, 4e6, 1e8, 3e9, 1e12]) {
    const all = marks(extent, 5);
    assert.ok(all.length <= 6 && all.length >= 2 && all.at(-1) <= extent, `${extent}: ${all}`);
  }
});
