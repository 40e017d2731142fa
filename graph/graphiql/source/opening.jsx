// Asks the first question for the visitor: a page that opens with an answer explains itself.
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef } from "react";

/** @param {{run: boolean}} wanted */
export function Opening({ run: wanted }) {
  const { run } = useGraphiQLActions();
  const ready = useGraphiQL((state) => Boolean(state.schema && state.queryEditor && state.responseEditor && state.documentAST));
  const done = useRef(!wanted);
  useEffect(() => {
    if (done.current || !ready) return;
    done.current = true;
    run();
  }, [ready, run]);
  return null;
}
