// What is seen of a forest of runs, and where. Knows nothing of the page.

/** @typedef {import("./tree.js").Node} Node */

/** @typedef {{node: Node, at: number, place: number, of: number, folded: boolean | null}} Row
 * at: its number among the rows; place, of: among its siblings; folded: null where nothing is below. */

/** @typedef {{left: number, width: number, open: boolean}} Bar shares of the whole width; open: not ended */

export const ROW_HEIGHT = 26;
const BEYOND = 12; // rows drawn above and below what is seen, for quick scrolling

/**
 * The rows that are not folded away, top to bottom.
 * @param {Node[]} roots @param {ReadonlySet<string>} folded
 * @returns {Row[]}
 */
export function rowsOf(roots, folded) {
  /** @type {Row[]} */
  const rows = [];
  const levels = [{ siblings: roots, place: 0 }]; // a stack: runs may nest deeper than calls can
  while (levels.length) {
    const level = levels[levels.length - 1];
    const node = level.siblings[level.place];
    if (!node) {
      levels.pop();
      continue;
    }
    level.place += 1;
    const closed = node.children.length ? folded.has(node.key) : null;
    rows.push({ node, at: rows.length, place: level.place, of: level.siblings.length, folded: closed });
    if (closed === false) levels.push({ siblings: node.children, place: 0 });
  }
  return rows;
}

/**
 * The rows to draw for what is scrolled into view: first, and one past the last.
 * @param {number} top @param {number} height @param {number} count
 */
export function seen(top, height, count) {
  const first = Math.floor(top / ROW_HEIGHT) - BEYOND;
  const last = Math.ceil((top + height) / ROW_HEIGHT) + BEYOND;
  return { first: Math.max(0, Math.min(first, count)), last: Math.max(0, Math.min(last, count)) };
}

/**
 * Where to scroll so that a row is in view; null when it is.
 * @param {number} at @param {number} top @param {number} height
 */
export function scrolledTo(at, top, height) {
  const [above, below] = [at * ROW_HEIGHT, (at + 1) * ROW_HEIGHT];
  if (above < top) return above;
  return below > top + height ? below - height : null;
}

/**
 * The bar of a run; null when its start is not known.
 * @param {Node} node @param {number} extent
 * @returns {Bar | null}
 */
export function barOf({ starts, took, pending }, extent) {
  if (starts === null) return null;
  const whole = extent || 1;
  const left = Math.min(1, starts / whole);
  const open = took === null && pending;
  return { left, width: open ? 1 - left : Math.min(1 - left, (took ?? 0) / whole), open };
}

/** Steps between marks: of a minute and less, then what clocks use, then decimal days. */
const STEPS = [1, 2, 5].flatMap((digit) => [0.001, 0.01, 0.1, 1, 10, 100, 1000].map((of) => digit * of));
const LONG = [10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400].map((seconds) => seconds * 1000);

/**
 * Marks of the time axis in milliseconds, round ones, `most` of them or fewer.
 * @param {number} extent @param {number} most
 */
export function marks(extent, most) {
  if (!(extent > 0) || most < 1) return [0];
  const steps = [...STEPS, ...LONG].sort((a, b) => a - b);
  const step = steps.find((size) => extent / size < most) ?? Math.ceil(extent / most / 864e5) * 864e5;
  return Array.from({ length: Math.floor(extent / step) + 1 }, (_, at) => at * step);
}
