// The plugin as GraphiQL takes it: a title, an icon, and what its pane shows.
import { Trace } from "./trace.jsx";

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" aria-hidden="true">
      <path d="M3 5h11M7 10h12M7 15h6M13 20h8" />
    </svg>
  );
}

/** @type {import("@graphiql/react").GraphiQLPlugin} */
export const TRACE_PLUGIN = { title: "Trace", icon: Icon, content: Trace };
