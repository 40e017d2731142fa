// What keys do in the tree, after the tree view pattern of the ARIA authoring practices.

/** @typedef {import("./layout.js").Row} Row */
/** @typedef {{to?: number, fold?: string[], unfold?: string[], open?: boolean, close?: boolean}} Move */

/** @type {Record<string, (rows: Row[], at: number, page: number) => Move>} */
const KEYS = {
  ArrowDown: (rows, at) => ({ to: Math.min(rows.length - 1, at + 1) }),
  ArrowUp: (_, at) => ({ to: Math.max(0, at - 1) }),
  PageDown: (rows, at, page) => ({ to: Math.min(rows.length - 1, at + page) }),
  PageUp: (_, at, page) => ({ to: Math.max(0, at - page) }),
  Home: () => ({ to: 0 }),
  End: (rows) => ({ to: rows.length - 1 }),
  ArrowRight(rows, at) {
    const { folded, node } = rows[at];
    if (folded) return { unfold: [node.key] };
    return folded === false ? { to: at + 1 } : {};
  },
  ArrowLeft(rows, at) {
    const { folded, node } = rows[at];
    if (folded === false) return { fold: [node.key] };
    const parent = rows.findLastIndex((row, above) => above < at && row.node === node.parent);
    return parent < 0 ? {} : { to: parent };
  },
  "*": (rows, at) => ({ unfold: siblingsOf(rows, at).map(({ key }) => key) }),
  Enter: () => ({ open: true }),
  " ": () => ({ open: true }),
  Escape: () => ({ close: true }),
};

/** @param {Row[]} rows @param {number} at */
function siblingsOf(rows, at) {
  const { parent } = rows[at].node;
  return rows.map(({ node }) => node).filter((node) => node.parent === parent && node.children.length);
}

/**
 * What a key does; null when it does nothing here.
 * @param {string} key @param {Row[]} rows @param {number} at @param {number} page how many rows are in view
 * @returns {Move | null}
 */
export function moved(key, rows, at, page) {
  const move = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
  return move && rows[at] ? move(rows, at, Math.max(1, page)) : null;
}
