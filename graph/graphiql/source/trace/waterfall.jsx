// The rows with their bars. Only those in view are in the document, however many runs there are.
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { ROW_HEIGHT, marks, rowsOf, scrolledTo, seen } from "./layout.js";
import { moved } from "./moves.js";
import { Row } from "./row.jsx";
import { duration } from "./words.js";

/** The height of an element and how far it is scrolled. @param {React.RefObject<HTMLElement | null>} of */
function useScroll(of) {
  const [view, setView] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const box = /** @type {HTMLElement} */ (of.current);
    const look = () => setView({ top: box.scrollTop, height: box.clientHeight });
    look();
    const watching = new ResizeObserver(look);
    watching.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    return () => {
      watching.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, [of]);
  return view;
}

const LAST_MARK = 0.9; // of the width: beyond, there is no room for the words

/** @param {{extent: number, timed: boolean}} time */
function Axis({ extent, timed }) {
  const all = marks(extent, 5);
  const share = (/** @type {number} */ time) => `${(time / (extent || 1)) * 100}%`;
  return (
    <div className="trace-axis" aria-hidden="true">
      <span>Run</span>
      <div className="trace-marks">
        {timed && all.filter((at) => at <= extent * LAST_MARK).map((at) => (
          <span key={at} style={{ left: share(at), width: all[1] && share(all[1]) }}>{at ? duration(at) : "0"}</span>
        ))}
        {!timed && <span>select startTime and endTime for bars</span>}
      </div>
      <span className="trace-figure trace-tokens">Tokens</span>
      <span className="trace-figure trace-cost">Cost</span>
    </div>
  );
}

/** @param {ReadonlySet<string>} folded @param {import("./moves.js").Move} move */
function refolded(folded, { fold = [], unfold = [] }) {
  const after = new Set([...folded, ...fold]);
  for (const key of unfold) after.delete(key);
  return after;
}

/** @param {{runs: import("./tree.js").Forest, folded: ReadonlySet<string>, onFold: (folded: ReadonlySet<string>) => void,
 *   open: string | null, onOpen: (key: string | null) => void}} given */
export function Waterfall({ runs, folded, onFold, open, onOpen }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const name = useId();
  const view = useScroll(box);
  const rows = useMemo(() => rowsOf(runs.roots, folded), [runs, folded]);
  const [current, setCurrent] = useState(open);
  const found = rows.findIndex(({ node }) => node.key === current);
  const at = Math.max(0, found);
  const { first, last } = seen(view.top, view.height, rows.length);

  useEffect(() => {
    const top = found < 0 ? null : scrolledTo(found, box.current.scrollTop, box.current.clientHeight);
    if (top !== null) box.current.scrollTop = top;
  }, [found, open]); // what opens takes room

  /** @param {import("./moves.js").Move} move */
  function make(move) {
    if (move.fold || move.unfold) onFold(refolded(folded, move));
    if (move.close) onOpen(null);
    const { key } = rows[move.to ?? at].node;
    setCurrent(key);
    if (move.open) onOpen(open === key ? null : key);
  }

  /** @param {React.KeyboardEvent} event */
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moved(event.key, rows, at, Math.floor(view.height / ROW_HEIGHT) - 1);
    if (!move) return;
    event.preventDefault();
    make(move);
  }

  const latest = useRef(make);
  useEffect(() => {
    latest.current = make;
  });
  const onMove = useCallback((/** @type {import("./moves.js").Move} */ move) => latest.current(move), []);

  return (
    <div className="trace-waterfall">
      <Axis extent={runs.extent} timed={runs.timed} />
      <div
        ref={box} className="trace-rows" role="tree" aria-label="Runs" tabIndex={0}
        aria-activedescendant={at >= first && at < last ? `${name}${at}` : undefined} onKeyDown={pressed}
      >
        <div role="presentation" style={{ height: rows.length * ROW_HEIGHT }}>
          {rows.slice(first, last).map((row) => (
            <Row
              key={row.node.key} row={row} id={`${name}${row.at}`} extent={runs.extent}
              current={row.at === at} open={row.node.key === open} onMove={onMove}
            />
          ))}
        </div>
      </div>
    </div>
  );
}
