// What a query is, from its own text: GraphiQL learns that only a moment after a tab is changed or text is
// typed, and would send a subscription as a query, or the name of an operation that is not there.
import { Kind, parse } from "graphql";

/**
 * @param {{query: string, operationName?: string | null}} request
 * @returns {{documentAST?: import("graphql").DocumentNode, operationName?: string}}
 */
export function sentNow({ query, operationName }) {
  let documentAST;
  try {
    documentAST = parse(query);
  } catch {
    return {}; // the server says what is wrong with it
  }
  const names = documentAST.definitions
    .filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
    .map((operation) => operation.name?.value);
  const name = names.length === 1 ? names[0] : names.find((known) => known === operationName);
  return { documentAST, operationName: name };
}
