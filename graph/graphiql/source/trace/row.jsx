// One run: its name where it belongs in the tree, its bar where it belongs in time, its figures.
import { memo } from "react";
import { kindOf } from "./kinds.js";
import { ROW_HEIGHT, barOf } from "./layout.js";
import { cost, duration, tokens } from "./words.js";

const INDENT = 14;
const DEEPEST = 12; // deeper runs stand no further right, or their names would have no room

const THINNEST = 2; // pixels: the shortest run is seen, too

/** @param {import("./tree.js").Node} node what a screen reader says of it */
function spoken({ run, took, pending }) {
  const time = took === null ? (pending ? "not ended" : "") : duration(took);
  const failed = run.error || run.status === "ERROR" ? "failed" : "";
  const used = [tokens(run.totalTokens) && `${tokens(run.totalTokens)} tokens`, cost(run.totalCost)];
  return [run.name ?? run.id ?? "run", run.runType, failed, time, ...used].filter(Boolean).join(", ");
}

/** @param {{node: import("./tree.js").Node, extent: number}} given */
function Bar({ node, extent }) {
  const bar = barOf(node, extent);
  if (!bar) return <div className="trace-time" />;
  const { run, took, pending } = node;
  const text = took !== null ? duration(took) : pending ? "running" : "";
  const end = bar.left + bar.width;
  const place = end < 0.75 ? { left: `${end * 100}%` } : { right: `${(1 - bar.left) * 100}%` };
  const inside = end >= 0.75 && bar.left < 0.25;
  return (
    <div className="trace-time">
      <span
        className={["trace-bar", kindOf(run.runType), bar.open && "open"].filter(Boolean).join(" ")}
        style={{ left: `min(${bar.left * 100}%, 100% - ${THINNEST}px)`, width: `max(${bar.width * 100}%, ${THINNEST}px)` }}
      />
      <span className={inside ? "trace-took inside" : "trace-took"} style={inside ? { left: `${bar.left * 100}%` } : place}>
        {text}
      </span>
    </div>
  );
}

/** Drawn again only when something of it changes: rows that stay in view cost nothing while scrolling.
 * @param {{row: import("./layout.js").Row, id: string, extent: number, current: boolean, open: boolean,
 *   onMove: (move: import("./moves.js").Move) => void}} given */
export const Row = memo(function Row({ row, id, extent, current, open, onMove }) {
  const { node, at, folded } = row;
  const { run, key } = node;
  const failed = run.error || run.status === "ERROR";
  const classes = ["trace-row", current && "current", open && "open", failed && "failed"];

  /** @param {React.MouseEvent} event */
  function turned(event) {
    event.stopPropagation();
    onMove({ to: at, ...(folded ? { unfold: [key] } : { fold: [key] }) });
  }

  return (
    <div
      id={id} role="treeitem" aria-label={spoken(node)} aria-level={node.depth + 1} aria-posinset={row.place}
      aria-setsize={row.of} aria-expanded={folded === null ? undefined : !folded} aria-selected={open}
      className={classes.filter(Boolean).join(" ")} style={{ top: at * ROW_HEIGHT, height: ROW_HEIGHT }}
      onClick={() => onMove({ to: at, open: true })}
    >
      <div className="trace-name" style={{ paddingLeft: Math.min(node.depth, DEEPEST) * INDENT }} title={String(run.name ?? key)}>
        <span className={`trace-turn ${folded === null ? "" : folded ? "closed" : "opened"}`} onClick={folded === null ? undefined : turned} />
        <span className={`trace-kind ${kindOf(run.runType)}`} title={run.runType} />
        <span className="trace-text">{run.name ?? run.id ?? key}</span>
        {folded && <span className="trace-below">+{node.below}</span>}
        {failed && <span className="trace-failed" title={String(run.error ?? "failed").slice(0, 500)}>!</span>}
      </div>
      <Bar node={node} extent={extent} />
      <span className="trace-figure trace-tokens">{tokens(run.totalTokens)}</span>
      <span className="trace-figure trace-cost">{cost(run.totalCost)}</span>
    </div>
  );
});
