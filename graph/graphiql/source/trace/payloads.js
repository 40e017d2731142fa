// Asks for what went into a run and came out, once somebody wants to see it.

import { fetcherReturnToPromise } from "@graphiql/toolkit";

/** So many bytes of each are shown at first: the most that a preview may have. */
const GLANCE = 65536;

const GLIMPSE = `query Payloads($id: ID!, $traceId: ID, $bytes: Int!) {
  run(id: $id, traceId: $traceId) {
    model
    status
    error
    traceId
    promptTokens
    completionTokens
    totalCost
    timeToFirstToken
    inputsPreview(maxBytes: $bytes) { text truncated bytes }
    outputsPreview(maxBytes: $bytes) { text truncated bytes }
  }
}`;

/** @type {Record<string, string>} */
const WHOLE = {
  inputs: "query Inputs($id: ID!, $traceId: ID) { run(id: $id, traceId: $traceId) { value: inputs } }",
  outputs: "query Outputs($id: ID!, $traceId: ID) { run(id: $id, traceId: $traceId) { value: outputs } }",
};

/** @typedef {(query: string, variables: object) => Promise<any>} Ask */

/**
 * @param {import("@graphiql/toolkit").Fetcher} fetcher @param {object | undefined} headers
 * @returns {Ask} which gives the run that was asked for, and throws what the server says against it
 */
export function asking(fetcher, headers) {
  return async (query, variables) => {
    const answer = await fetcherReturnToPromise(fetcher({ query, variables }, { headers }));
    if (answer.errors?.length) throw new Error(answer.errors.map(({ message }) => message).join("\n"));
    if (!answer.data?.run) throw new Error("This run is not there any more.");
    return answer.data.run;
  };
}

/** @param {Ask} ask @param {{id: string, traceId?: string}} run */
export function glimpse(ask, { id, traceId }) {
  return ask(GLIMPSE, { id, traceId, bytes: GLANCE });
}

/** @param {Ask} ask @param {{id: string, traceId?: string}} run @param {string} which @returns {Promise<string>} */
export async function whole(ask, { id, traceId }, which) {
  const { value } = await ask(WHOLE[which], { id, traceId });
  return JSON.stringify(value, null, 2);
}

/** @param {{text: string, truncated: boolean}} preview JSON text, laid out if all of it is there */
export function laidOut({ text, truncated }) {
  if (truncated) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
