/**
 * Reads an event stream with the `EventSource` at hand, and reports what its user sees of it; gives the source.
 * Chromium runs the text of this function in a page: it must not name anything outside itself but `EventSource`, `report`.
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
