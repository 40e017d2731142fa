// GraphiQL with what Rungraph adds: its tabs, the explorer, the waterfall, a place for the key.
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { fetcher } from "./fetcher.js";
import { KeyDialog } from "./key_dialog.jsx";
import { Opening } from "./opening.jsx";
import { openedBefore, ready } from "./storage.js";
import { firstTabs, tabOf } from "./tabs.js";
import { TRACE_PLUGIN } from "./trace/plugin.jsx";

const asked = tabOf(location.search);
const first = !openedBefore(localStorage);
ready(localStorage, { now: Date.now(), show: asked ? TRACE_PLUGIN.title : undefined });
const plugins = [TRACE_PLUGIN, explorerPlugin({ showAttribution: false }), HISTORY_PLUGIN];
const tabs = [...(asked ? [asked] : []), ...firstTabs(Date.now())].map(({ query, variables }) => ({ query, variables }));

export function Page() {
  return (
    <GraphiQL
      fetcher={fetcher}
      plugins={plugins}
      visiblePlugin={first ? TRACE_PLUGIN : undefined}
      defaultTabs={tabs}
      initialQuery={asked?.query}
      initialVariables={asked?.variables}
      defaultQuery=""
      inputValueDeprecation
      schemaDescription
      shouldPersistHeaders={false}
    >
      <GraphiQL.Logo>
        <span className="rungraph-logo">Rungraph</span>
      </GraphiQL.Logo>
      <Opening run={first || Boolean(asked)} />
      <KeyDialog />
    </GraphiQL>
  );
}
