// Run types: each has its colour, in trace.css.

const KNOWN = new Set(["chain", "llm", "tool", "retriever", "embedding", "prompt", "parser"]);

/** @param {unknown} runType @returns {string} the class that colours it */
export function kindOf(runType) {
  return `kind-${typeof runType === "string" && KNOWN.has(runType) ? runType : "other"}`;
}
