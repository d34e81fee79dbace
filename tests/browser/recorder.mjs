/**
 * Reads an event stream with the `EventSource` at hand until it is closed, and reports what its user sees of it.
 * Chromium runs the text of this function in a page: it must not name anything outside itself but `EventSource`, `report`.
 */
export function record(url) {
  return new Promise((resolve) => {
    const source = new EventSource(url);
    const event = ({ type, data, lastEventId }) => report({ type, data, lastEventId });
    for (const type of ["message", "position", "note", "completed"]) source.addEventListener(type, event);
    source.addEventListener("open", () => report("open"));
    source.addEventListener("error", async () => {
      const state = ["connecting", "open", "closed"][source.readyState];
      await report({ error: state });
      if (state === "closed") resolve();
    });
  });
}
