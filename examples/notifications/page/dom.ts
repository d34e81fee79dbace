/** The first element that matches, within the page or a part of it. It must exist. */
export function find<E extends Element = HTMLElement>(selector: string, parent: ParentNode = document): E {
  const found = parent.querySelector<E>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

/** An element with a class and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** Shows the state of a stream: a data attribute for the style, and a text. */
export function showState(pill: HTMLElement, state: string, text: string): void {
  pill.dataset["state"] = state;
  if (pill.textContent !== text) pill.textContent = text;
}

/** The text for each state of a subscription. */
export function stateText(state: "connecting" | "open" | "closed", wasOpen: boolean): string {
  if (state === "open") return "Live";
  if (state === "closed") return "Ended";
  return wasOpen ? "Reconnecting" : "Connecting";
}

export const clockTime = (at: number): string => new Date(at).toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });

/** What requests the streams: `?transport=fetch` in the URL of the page replaces the default, an `EventSource`. */
export const transport = new URLSearchParams(location.search).get("transport") === "fetch" ? "fetch" : "eventsource";
