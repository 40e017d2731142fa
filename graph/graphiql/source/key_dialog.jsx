// Asks for an API key once the server has refused a request for want of one.
import { useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { key } from "./key.js";

export function KeyDialog() {
  const { introspect } = useGraphiQLActions();
  const wanted = useSyncExternalStore(key.subscribe, key.isWanted);
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    if (wanted && !dialog.current?.open) dialog.current?.showModal();
  }, [wanted]);

  function taken(event) {
    key.set(new FormData(event.target).get("key").trim());
    introspect();
  }

  return (
    <dialog ref={dialog} className="rungraph-key" aria-labelledby="rungraph-key">
      <form method="dialog" onSubmit={taken}>
        <h2 id="rungraph-key">This server wants an API key</h2>
        <p>It is kept until this browser tab is closed. An administrator makes one with rungraph key create.</p>
        <input name="key" type="password" autoComplete="off" autoFocus aria-label="API key" />
        <button type="submit">Use it</button>
      </form>
    </dialog>
  );
}
