// How the page asks: over HTTP, and for subscriptions over a socket at the same address.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";
import { key } from "./key.js";
import { sentNow } from "./sent_now.js";

const url = location.origin + location.pathname;
let given = {}; // the headers of the request that is being sent

/** @returns {Record<string, string>} */
function headersWithKey() {
  const named = Object.keys(given).some((name) => /^(x-api-key|authorization)$/i.test(name));
  const kept = key.get();
  return kept && !named ? { ...given, "x-api-key": kept } : given;
}

/** @type {typeof fetch} */
async function sent(address, options) {
  const answer = await fetch(address, { ...options, headers: { ...options.headers, ...headersWithKey() } });
  if (answer.status === 401) key.want();
  return answer;
}

const socket = createClient({
  url: url.replace(/^http/, "ws"),
  connectionParams: headersWithKey,
  shouldRetry: () => true,
});

const plain = createGraphiQLFetcher({ url, fetch: sent, wsClient: socket });

/** @type {import("@graphiql/toolkit").Fetcher} */
export function fetcher(request, options) {
  given = options?.headers ?? {};
  const { documentAST, operationName } = sentNow(request);
  return plain({ ...request, operationName }, { ...options, documentAST });
}
