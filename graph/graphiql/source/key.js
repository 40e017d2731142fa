// The API key, where the server wants one: kept for this browser tab, sent with every request.

const NAME = "rungraph:key";
const listeners = new Set();
let wanted = false;

function tell() {
  for (const listener of listeners) listener();
}

export const key = {
  get: () => sessionStorage.getItem(NAME),
  /** @param {string} text */
  set(text) {
    if (text) sessionStorage.setItem(NAME, text);
    else sessionStorage.removeItem(NAME);
    wanted = false;
    tell();
  },
  /** Say that the server has refused a request for want of a key. */
  want() {
    wanted = true;
    tell();
  },
  isWanted: () => wanted,
  /** @param {() => void} listener */
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
