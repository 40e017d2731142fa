// Finds the runs in an answer, wherever they stand in it. Knows nothing of the page.

/**
 * A run as an answer shows it: what was selected, under its own name.
 * @typedef {Record<string, any>} Run
 */

/**
 * @typedef {object} Found
 * @property {string} key the run's id, else its place in the answer
 * @property {Run} run
 * @property {string | null} within the key of the run around it
 */

/** Fields that hold what users sent: nothing in there is a run. */
const PAYLOADS = new Set(["inputs", "outputs", "extra", "metadata", "events", "serialized"]);

/** Fields that lead upwards: what stands there is shown where it stands itself. */
const UPWARDS = new Set(["parentRun", "parentRuns"]);

/** Fields of a run that lead to runs which need not be below it. */
const ASIDE = new Set(["trace", "project"]);

/** @param {any} value */
function isRun(value) {
  return (
    "runType" in value ||
    "dottedOrder" in value ||
    "childRuns" in value ||
    ("startTime" in value && ("name" in value || "id" in value))
  );
}

/**
 * All runs of an answer, each once, in the order in which they stand there.
 * @param {any} answer
 * @returns {Found[]}
 */
export function runsIn(answer) {
  /** @type {Map<string, Found>} */
  const found = new Map();

  /** @param {any} value @param {string} place @param {string | null} within */
  function walk(value, place, within) {
    if (value === null || typeof value !== "object") return;
    if (Array.isArray(value)) {
      value.forEach((item, at) => walk(item, `${place}.${at}`, within));
      return;
    }
    const key = isRun(value) ? add(value, place, within) : null;
    for (const [name, inner] of Object.entries(value)) {
      if (PAYLOADS.has(name) || UPWARDS.has(name)) continue;
      walk(inner, `${place}.${name}`, ASIDE.has(name) ? null : (key ?? within));
    }
  }

  /** @param {Run} run @param {string} place @param {string | null} within */
  function add(run, place, within) {
    const key = typeof run.id === "string" ? run.id : place;
    const known = found.get(key);
    if (known) {
      known.run = { ...known.run, ...run };
      known.within ??= within === key ? null : within;
    } else found.set(key, { key, run, within });
    return key;
  }

  walk(answer?.data, "data", null);
  return [...found.values()];
}

/** How many runs of a subscription are kept, the latest. */
export const KEPT = 5000;

/**
 * The runs of a subscription so far: those before and what its latest event brings.
 * @param {Found[]} before @param {Found[]} latest
 * @returns {Found[]}
 */
export function gathered(before, latest) {
  const all = new Map(before.map((found) => [found.key, found]));
  for (const found of latest) {
    const known = all.get(found.key);
    all.set(found.key, known ? { ...found, run: { ...known.run, ...found.run } } : found);
  }
  return [...all.values()].slice(-KEPT);
}

/**
 * Say whether an answer is one event of a stream of changes.
 * @param {any} answer
 */
export function isChange(answer) {
  const values = Object.values(answer?.data ?? {});
  return values.length === 1 && values[0] !== null && typeof values[0] === "object" && "kind" in values[0];
}
