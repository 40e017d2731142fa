// What GraphiQL keeps in the browser between visits, where this page has to know of it.
import { movedOn } from "./tabs.js";

const TABS = "graphiql:tabState";
const VARIABLES = "graphiql:variables";
const PLUGIN = "graphiql:visiblePlugin";
const PLUGIN_WIDTH = "graphiql:docExplorerFlex";

/** @param {Storage} storage */
export function openedBefore(storage) {
  return storage.getItem(PLUGIN) !== null;
}

/**
 * Prepare what is kept before GraphiQL reads it.
 * @param {Storage} storage @param {{now: number, show?: string}} visit milliseconds since 1970; the
 * title of the plugin that this visit is for
 */
export function ready(storage, { now, show }) {
  if (show) storage.setItem(PLUGIN, show);
  if (storage.getItem(PLUGIN_WIDTH) === null) storage.setItem(PLUGIN_WIDTH, "0.75");
  try {
    const state = JSON.parse(storage.getItem(TABS) ?? "null");
    if (!Array.isArray(state?.tabs)) return;
    const tabs = movedOn(state.tabs, now);
    const active = state.tabs[state.activeTabIndex];
    if (active && storage.getItem(VARIABLES) === active.variables)
      storage.setItem(VARIABLES, tabs[state.activeTabIndex].variables ?? "");
    storage.setItem(TABS, JSON.stringify({ ...state, tabs }));
  } catch {
    storage.removeItem(TABS); // GraphiQL can not read it either
  }
}
