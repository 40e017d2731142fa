import assert from "node:assert/strict";
import { test } from "node:test";
import { openedBefore, ready } from "../../graph/graphiql/source/storage.js";
import { firstTabs, movedOn, tabOf } from "../../graph/graphiql/source/tabs.js";

const NOW = Date.UTC(2026, 5, 2);
const DAY = 24 * 60 * 60 * 1000;
const RUN = "019a1b2c-0000-7000-8000-000000000001";
const TRACE = "019a1b2c-0000-7000-8000-000000000000";

function kept(entries = {}) {
  const all = new Map(Object.entries(entries));
  return { getItem: (name) => all.get(name) ?? null, setItem: (name, text) => all.set(name, text), removeItem: (name) => all.delete(name) };
}

test("a first visit opens five tabs, each with a name of its own", () => {
  const names = firstTabs(NOW).map(({ query }) => /(?:query|subscription) (\w+)/.exec(query)[1]);
  assert.deepEqual(names, ["Newest", "Tree", "Errors", "Costs", "Live"]);
});

test("the address of a run opens it and its trace", () => {
  const tab = tabOf(`?run=${RUN}&trace=${TRACE}`);
  assert.deepEqual(JSON.parse(tab.variables), { id: RUN, traceId: TRACE });
  assert.deepEqual(JSON.parse(tabOf(`?run=${RUN}`).variables), { id: RUN, traceId: RUN });
});

test("an address that names no run, or none that can be, opens nothing", () => {
  for (const search of ["", "?run=", "?trace=x", "?run=%22%7D", `?run=${RUN}&trace=x`]) assert.equal(tabOf(search), null);
});

test("the last day is the last day at every visit, unless somebody has changed it", () => {
  const tabs = firstTabs(NOW);
  const later = movedOn(tabs, NOW + DAY);
  assert.equal(JSON.parse(later[2].variables).since, new Date(NOW).toISOString());
  const edited = { ...tabs[2], variables: '{"since": "2020-01-01T00:00:00Z", "more": 1}' };
  const other = { query: "{ a }", variables: tabs[2].variables };
  assert.deepEqual(movedOn([edited, other], NOW + DAY), [edited, other]);
});

test("what the browser keeps is moved on before GraphiQL reads it", () => {
  const tabs = firstTabs(NOW);
  const storage = kept({ "graphiql:tabState": JSON.stringify({ activeTabIndex: 2, tabs }), "graphiql:variables": tabs[2].variables });
  ready(storage, { now: NOW + DAY });
  const [, , errors] = JSON.parse(storage.getItem("graphiql:tabState")).tabs;
  assert.equal(storage.getItem("graphiql:variables"), errors.variables);
  assert.equal(JSON.parse(errors.variables).since, new Date(NOW).toISOString());
});

test("what can not be read is dropped", () => {
  const storage = kept({ "graphiql:tabState": "{" });
  ready(storage, { now: NOW });
  assert.equal(storage.getItem("graphiql:tabState"), null);
});

test("the waterfall opens for a run of the address, and else stays as it was left", () => {
  const storage = kept({ "graphiql:visiblePlugin": "" });
  ready(storage, { now: NOW });
  assert.equal(storage.getItem("graphiql:visiblePlugin"), "");
  assert.equal(openedBefore(storage), true);
  ready(storage, { now: NOW, show: "Trace" });
  assert.equal(storage.getItem("graphiql:visiblePlugin"), "Trace");
  assert.equal(openedBefore(kept()), false);
});
