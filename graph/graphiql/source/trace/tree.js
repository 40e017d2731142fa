// Puts runs that were found under their parents, and in time. Knows nothing of the page.

/**
 * @typedef {object} Node
 * @property {string} key
 * @property {import("./runs.js").Run} run
 * @property {Node | null} parent
 * @property {Node[]} children
 * @property {number} depth
 * @property {number} below how many runs stand below
 * @property {number | null} starts milliseconds since its trace began; null when that is not known
 * @property {number | null} took milliseconds; null while unfinished, and when that is not known
 * @property {boolean} pending
 */

/**
 * @typedef {object} Forest
 * @property {Node[]} roots
 * @property {Node[]} nodes each before those below it
 * @property {number} extent milliseconds that the longest trace takes
 * @property {boolean} timed whether ends are known of any
 */

/** How far beyond what is known the time of a trace reaches that has not ended. */
const YET_TO_COME = 1.1;

/** @param {unknown} text an RFC 3339 moment @returns {number | null} milliseconds, microseconds kept */
export function moment(text) {
  if (typeof text !== "string") return null;
  const [, head, fraction = "", zone = "Z"] = /^([^.Z+]*[^.Z+-])(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const whole = head ? Date.parse(head + zone) : NaN;
  return Number.isNaN(whole) ? null : whole + Number(`0.${fraction || 0}`) * 1000;
}

/** @param {string} dotted the ids in a dotted order, root first */
function idsOf(dotted) {
  return dotted.split(".").map((part) => part.slice(part.indexOf("Z") + 1));
}

/** @param {Node} node @param {Map<string, Node>} nodes @param {string | null} within @returns {Node | null} */
function parentOf(node, nodes, within) {
  const { parentRunId, dottedOrder } = node.run;
  const above = typeof dottedOrder === "string" ? idsOf(dottedOrder).slice(0, -1).reverse() : [];
  const keys = [parentRunId, ...above, within]; // what the run says of itself comes first
  const found = keys.find((key) => key && key !== node.key && nodes.has(key));
  return found ? (nodes.get(found) ?? null) : null;
}

/** @param {Node[]} siblings */
function inTime(siblings) {
  const order = siblings.map((node, at) => ({ node, at, time: moment(node.run.startTime) ?? Infinity }));
  order.sort((a, b) => (a.time === b.time ? a.at - b.at : a.time - b.time));
  return order.map(({ node }) => node);
}

/** @param {Node} root @param {Set<Node>} seen @returns {Node[]} it and all below it, in order */
function settle(root, seen) {
  const order = [];
  const waiting = [root];
  while (waiting.length) {
    const node = /** @type {Node} */ (waiting.pop());
    seen.add(node);
    order.push(node);
    node.depth = node.parent ? node.parent.depth + 1 : 0;
    node.children = inTime(node.children).filter((child) => !seen.has(child));
    for (const child of [...node.children].reverse()) waiting.push(child);
  }
  for (const { parent, below } of [...order].reverse()) if (parent) parent.below += 1 + below;
  return order;
}

/** @param {Node} root @returns {string} what runs that share a beginning have in common */
function traceOf({ run, key }) {
  return run.traceId ?? (typeof run.dottedOrder === "string" ? idsOf(run.dottedOrder)[0] : key);
}

/** @param {Node} node @returns {number | null} when it ended, if that is known */
function endOf({ run }) {
  const start = moment(run.startTime);
  const end = moment(run.endTime);
  if (end !== null || start === null) return end;
  return typeof run.latency === "number" ? start + run.latency * 1000 : null;
}

/** @param {Node[]} nodes of one trace @returns {number} how long it took */
function time(nodes) {
  const starts = nodes.map(({ run }) => moment(run.startTime));
  const ends = nodes.map(endOf);
  const began = starts.reduce((least, start) => Math.min(least, start ?? Infinity), Infinity);
  const ended = [...starts, ...ends].reduce((most, end) => Math.max(most ?? 0, end ?? 0), 0) ?? 0;
  nodes.forEach((node, at) => {
    const start = starts[at];
    node.starts = start === null ? null : start - began;
    node.took = start === null || ends[at] === null ? null : Math.max(0, ends[at] - start);
    node.pending = node.run.status ? node.run.status === "PENDING" : node.run.endTime === null;
  });
  if (!Number.isFinite(began)) return 0;
  const known = Math.max(0, ended - began);
  return nodes.some(({ pending }) => pending) ? known * YET_TO_COME : known;
}

/**
 * Build the trees of runs. Each trace begins at 0, so that traces of different days compare.
 * @param {import("./runs.js").Found[]} found
 * @returns {Forest}
 */
export function forest(found) {
  const all = new Map(found.map(({ key, run }) => [key, node(key, run)]));
  for (const { key, within } of found) {
    const here = /** @type {Node} */ (all.get(key));
    here.parent = parentOf(here, all, within);
    here.parent?.children.push(here);
  }
  const seen = new Set();
  const trees = [];
  const open = [...all.values()];
  for (const root of [...open.filter(({ parent }) => !parent), ...open]) {
    if (seen.has(root)) continue;
    root.parent = null; // the second time round: runs that are each other's parents
    trees.push(settle(root, seen));
  }
  const traces = grouped(trees);
  const extents = [...traces.values()].map((parts) => time(parts.flat()));
  const nodes = trees.flat();
  return {
    roots: trees.map(([root]) => root),
    nodes,
    extent: extents.reduce((most, extent) => Math.max(most, extent), 0),
    timed: nodes.some(({ took }) => took !== null),
  };
}

/** @param {Node[][]} trees */
function grouped(trees) {
  const groups = new Map();
  for (const tree of trees) {
    const name = traceOf(tree[0]);
    if (groups.has(name)) groups.get(name).push(tree);
    else groups.set(name, [tree]);
  }
  return groups;
}

/** @param {string} key @param {import("./runs.js").Run} run @returns {Node} */
function node(key, run) {
  return { key, run, parent: null, children: [], depth: 0, below: 0, starts: null, took: null, pending: false };
}
