// The runs of the answer that is shown, kept up with it; read only while the pane is open.
import { useGraphiQL } from "@graphiql/react";
import { useEffect, useMemo, useState } from "react";
import { gathered, isChange, runsIn } from "./runs.js";
import { forest } from "./tree.js";

/** @type {{found: import("./runs.js").Found[], live: boolean}} */
const NOTHING = { found: [], live: false };

/** @param {typeof NOTHING} before @param {string} text what the answer's editor shows */
function read(before, text) {
  if (!text) return NOTHING;
  try {
    const answer = JSON.parse(text);
    const live = isChange(answer);
    const found = runsIn(answer);
    return { live, found: live && before.live ? gathered(before.found, found) : found };
  } catch {
    return NOTHING; // a message, not an answer
  }
}

export function useRuns() {
  const editor = useGraphiQL((state) => state.responseEditor);
  const [answer, setAnswer] = useState(NOTHING);
  useEffect(() => {
    if (!editor) return undefined;
    const readIt = () => {
      const text = editor.getValue();
      setAnswer((before) => read(before, text));
    };
    readIt();
    const listening = editor.onDidChangeModelContent(readIt);
    return () => listening.dispose();
  }, [editor]);
  return useMemo(() => ({ ...forest(answer.found), live: answer.live }), [answer]);
}
