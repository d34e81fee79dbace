/**
 * Reads an event stream with the global `EventSource`, reports its events, and returns the source.
 * Chromium runs the text of this function in a page: it may use only `EventSource` and `report` from outside of it.
 */
export function record(url, types, options) {
  const source = new EventSource(url, options);
  for (const type of ["message", ...types]) {
    source.addEventListener(type, ({ type, data, lastEventId }) => report({ type, data, lastEventId }));
  }
  source.addEventListener("open", () => report("open"));
  source.addEventListener("error", () => report({ error: ["connecting", "open", "closed"][source.readyState] }));
  return source;
}
