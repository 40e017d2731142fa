// What went into one run and came out. It is loaded now that somebody looks, not before.
import { useGraphiQL } from "@graphiql/react";
import { useEffect, useMemo, useState } from "react";
import { kindOf } from "./kinds.js";
import { asking, glimpse, laidOut, whole } from "./payloads.js";
import { cost, duration, size, tokens } from "./words.js";

/** @param {string | undefined} text the editor of headers @returns {object | undefined} */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined; // GraphiQL says so itself when the query is run
  }
}

function useAsk() {
  const fetcher = useGraphiQL((state) => state.fetcher);
  const headers = useGraphiQL((state) => state.headerEditor);
  return useMemo(() => asking(fetcher, parsed(headers?.getValue())), [fetcher, headers]);
}

/** @param {{title: string, which: string, preview: any, load: (which: string) => Promise<string>}} given */
function Payload({ title, which, preview, load }) {
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState("");
  const cut = preview?.truncated && text === null;
  return (
    <section aria-label={title}>
      <h4>
        {title} <span>{preview ? size(preview.bytes) : "none"}</span>
        {cut && (
          <button type="button" onClick={() => load(which).then(setText, ({ message }) => setProblem(message))}>
            Cut short: load all
          </button>
        )}
      </h4>
      {problem && <p className="trace-problem">{problem}</p>}
      {preview && <pre tabIndex={0}>{text ?? laidOut(preview)}</pre>}
    </section>
  );
}

/** @param {{run: any, took: number | null}} given */
function Facts({ run, took }) {
  const facts = [
    run.runType,
    run.model,
    took === null ? "" : duration(took),
    typeof run.timeToFirstToken === "number" ? `first token after ${duration(run.timeToFirstToken * 1000)}` : "",
    tokens(run.promptTokens) && `${tokens(run.promptTokens)} tokens in`,
    tokens(run.completionTokens) && `${tokens(run.completionTokens)} out`,
    cost(run.totalCost),
  ];
  return <p className="trace-facts">{facts.filter(Boolean).join(" · ")}</p>;
}

/** @param {{node: import("./tree.js").Node, onClose: () => void}} given */
export function Details({ node, onClose }) {
  const { run, took } = node;
  const ask = useAsk();
  const [loaded, setLoaded] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(run.id ? "" : "Select id of this run to see what went in and out.");
  useEffect(() => {
    if (!run.id) return undefined;
    let wanted = true;
    glimpse(ask, run).then(
      (found) => wanted && setLoaded(found),
      ({ message }) => wanted && setProblem(message),
    );
    return () => {
      wanted = false;
    };
  }, [ask, run.id]);
  const all = { ...run, ...loaded };
  const load = (/** @type {string} */ which) => whole(ask, all, which);

  return (
    <aside className="trace-details" aria-label={`Run ${run.name ?? ""}`} aria-busy={!loaded && !problem}>
      <header>
        <span className={`trace-kind ${kindOf(run.runType)}`} />
        <h3>{run.name ?? run.id}</h3>
        {run.id && all.traceId && <a href={`?run=${run.id}&trace=${all.traceId}`}>Whole trace</a>}
        <button type="button" onClick={onClose} aria-label="Close" title="Close (Escape)">×</button>
      </header>
      <Facts run={all} took={took} />
      {all.error && <pre className="trace-error" tabIndex={0}>{all.error}</pre>}
      {problem && <p className="trace-problem">{problem}</p>}
      {loaded && <Payload title="Inputs" which="inputs" preview={loaded.inputsPreview} load={load} />}
      {loaded && <Payload title="Outputs" which="outputs" preview={loaded.outputsPreview} load={load} />}
      {!loaded && !problem && <p className="trace-facts">Loading…</p>}
    </aside>
  );
}
