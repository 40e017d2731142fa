// The pane: a heading, the waterfall, and under it what went into the chosen run and came out.
import { useMemo, useState } from "react";
import { tabOf } from "../tabs.js";
import { Details } from "./details.jsx";
import "./trace.css";
import { useRuns } from "./use_runs.js";
import { Waterfall } from "./waterfall.jsx";

const WIDE = "rungraph-wide"; // a class of the body: page.css hides the query's editor for it

function Nothing() {
  return (
    <div className="trace-nothing">
      <p>No runs in this answer.</p>
      <p>
        Select <code>id name runType startTime endTime</code> of runs, nested in <code>childRuns</code> or flat with{" "}
        <code>parentRunId</code>, and they are drawn here. <code>totalTokens</code>, <code>totalCost</code>,{" "}
        <code>status</code> and <code>error</code> are shown too.
      </p>
      <p>Nothing traced yet? Have a program that uses LangSmith's SDK, LangChain or LangGraph send its runs here:</p>
      <pre>{`export LANGSMITH_TRACING=true\nexport LANGSMITH_ENDPOINT=${location.origin}\nexport LANGSMITH_API_KEY=any-value`}</pre>
    </div>
  );
}

/** @param {{roots: any[], nodes: any[], live: boolean}} runs */
function told({ roots, nodes, live }) {
  const failed = nodes.filter(({ run }) => run.error || run.status === "ERROR").length;
  const count = (number, word) => `${number.toLocaleString("en-US")} ${word}${number === 1 ? "" : "s"}`;
  const trees = roots.length > 1 && roots.length < nodes.length ? ` in ${count(roots.length, "tree")}` : "";
  return [count(nodes.length, "run") + trees, failed ? `${failed} failed` : "", live ? "live" : ""].filter(Boolean).join(" · ");
}

export function Trace() {
  const runs = useRuns();
  const [folded, setFolded] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const [open, setOpen] = useState(() => tabOf(location.search)?.id ?? null); // the run of the address, at first
  const [wide, setWide] = useState(() => document.body.classList.contains(WIDE));
  const parents = useMemo(() => runs.nodes.filter(({ children }) => children.length).map(({ key }) => key), [runs]);
  const chosen = runs.nodes.find(({ key }) => key === open);
  const allFolded = parents.length > 0 && parents.every((key) => folded.has(key));

  function widen() {
    document.body.classList.toggle(WIDE, !wide);
    setWide(!wide);
  }

  return (
    <section className="trace" aria-label="Trace">
      <header className="trace-head">
        <h2>Trace</h2>
        <span className="trace-told" role="status">{runs.nodes.length ? told(runs) : ""}</span>
        {parents.length > 0 && (
          <button type="button" onClick={() => setFolded(new Set(allFolded ? [] : parents))}>
            {allFolded ? "Unfold all" : "Fold all"}
          </button>
        )}
        <button type="button" aria-pressed={wide} onClick={widen}>
          {wide ? "Show query" : "Hide query"}
        </button>
      </header>
      {runs.nodes.length === 0 ? (
        <Nothing />
      ) : (
        <Waterfall runs={runs} folded={folded} onFold={setFolded} open={open} onOpen={setOpen} />
      )}
      {chosen && <Details key={chosen.key} node={chosen} onClose={() => setOpen(null)} />}
    </section>
  );
}
