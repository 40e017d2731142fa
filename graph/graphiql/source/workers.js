// Where the editors find their workers: files of the bundle, named when it is made.
/* global WORKERS */
globalThis.MonacoEnvironment = {
  getWorker: (_, label) =>
    new Worker(new URL(WORKERS[label] ?? WORKERS.editor, import.meta.url), { name: label }),
};
