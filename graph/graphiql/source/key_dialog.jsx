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

  /** @param {React.FormEvent<HTMLFormElement>} event */
  function taken({ currentTarget: form }) {
    key.set(String(new FormData(form).get("key")).trim());
    form.reset();
    introspect();
  }

  return (
    <dialog ref={dialog} className="graphiql-container rungraph-key" aria-labelledby="rungraph-key">
      <form method="dialog" onSubmit={taken}>
        <h2 id="rungraph-key">{key.get() ? "This key was refused" : "This server wants an API key"}</h2>
        <p>
          It is kept until this browser tab is closed. Whoever runs the server makes one with <code>rungraph key create</code>.
        </p>
        <input name="key" type="password" autoComplete="off" autoFocus required aria-label="API key" />
        <button type="submit">Use it</button>
      </form>
    </dialog>
  );
}
