// The tabs the page opens with, and the one for a run that the address names.

const STEP = `fragment step on Run {
  id
  name
  runType
  status
  startTime
  endTime
  totalTokens
  totalCost
  error
}`;

const NEWEST = `# The newest traces: what they took and cost. The waterfall beside shows each of them.
query Newest {
  runs(first: 20, where: { isRoot: true }) {
    totalCount
    nodes {
      ...step
      inputsPreview(maxBytes: 120) { text }
      childRuns { ...step }
    }
    pageInfo { hasNextPage endCursor }
  }
}

${STEP}`;

const TREE = `# The newest trace as a tree. A click on a run in the waterfall shows what went in and out.
query Tree {
  runs(first: 1, where: { isRoot: true }) {
    nodes {
      ...step
      childRuns { ...step childRuns { ...step childRuns { ...step
        childRuns { ...step childRuns { ...step childRuns { ...step } } }
      } } }
    }
  }
}

${STEP}`;

const ERRORS = `# What failed since yesterday, where in its trace, and what went in.
query Errors($since: DateTime) {
  runs(first: 50, where: { status: { eq: ERROR }, startTime: { gte: $since } }) {
    totalCount
    nodes {
      ...step
      project { name }
      parentRuns { name }
      inputsPreview { text }
    }
  }
}

${STEP}`;

const COSTS = `# Tokens and cost by model, day by day.
query Costs($since: DateTime) {
  runStats(
    groupBy: [{ field: MODEL }]
    interval: DAY
    where: { runType: { eq: "llm" }, startTime: { gte: $since } }
  ) {
    key { value }
    bucket
    stats {
      runCount
      promptTokens
      completionTokens
      totalCost
      latency { p50 p95 }
    }
  }
}`;

const LIVE = `# Runs as they arrive: start this, trace something, and watch the waterfall grow.
subscription Live {
  runChanges {
    kind
    runId
    run { ...step parentRunId traceId }
  }
}

${STEP}`;

const ONE_RUN = `# The run of this address, and its whole trace.
query Run($id: ID!, $traceId: ID!) {
  run(id: $id, traceId: $traceId) {
    ...step
    model
    inputs
    outputs
    tags
    metadata
  }
  trace(traceId: $traceId) {
    runCount
    runs(first: 1000) {
      nodes { ...step parentRunId }
    }
  }
}

${STEP}`;

const ID = /^[0-9a-f-]{32,36}$/i;
const DAY = 24 * 60 * 60 * 1000;

/** How far back the tabs look that look back. */
const BACK = new Map([[ERRORS, DAY], [COSTS, 7 * DAY]]);

/** @param {string} query @param {number} now */
function since(query, now) {
  const back = BACK.get(query);
  return back && JSON.stringify({ since: new Date(now - back).toISOString() }, null, 2);
}

/**
 * The tabs of a first visit.
 * @param {number} now milliseconds since 1970
 */
export function firstTabs(now) {
  return [NEWEST, TREE, ERRORS, COSTS, LIVE].map((query) => ({ query, variables: since(query, now) }));
}

/**
 * The tab for the run that an address names, as Run.url does: ?run=ID&trace=ID.
 * @param {string} search
 */
export function tabOf(search) {
  const asked = new URLSearchParams(search);
  const id = asked.get("run") ?? "";
  const traceId = asked.get("trace") ?? id;
  if (!ID.test(id) || !ID.test(traceId)) return null;
  return { id, query: ONE_RUN, variables: JSON.stringify({ id, traceId }, null, 2) };
}

/**
 * What the browser keeps of the tabs, with "since" moved on where nobody has edited the query.
 * @param {{query: string | null, variables: string | null}[]} tabs @param {number} now
 */
export function movedOn(tabs, now) {
  return tabs.map((tab) => {
    const untouched = /^\{\s*"since": "[^"]*"\s*\}$/.test(tab.variables ?? "");
    const variables = tab.query && untouched ? since(tab.query, now) : undefined;
    return variables ? { ...tab, variables } : tab;
  });
}
