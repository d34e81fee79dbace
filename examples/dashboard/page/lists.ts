import { element, setText, span } from "./dom.ts";

/** The number of process events that are shown. */
const PROCESS_ROWS = 9;

/** Percent from which a bar has the colour of a warning. */
const HIGH = 85;

/** Updates a bar of a list, and adds it if the list does not have it yet. */
export function setBar(list: HTMLElement, name: string, share: number, value: string): void {
  let row = [...list.children].find((row): row is HTMLElement => row instanceof HTMLElement && row.dataset["name"] === name);
  if (row === undefined) {
    list.querySelector(".empty")?.remove();
    row = document.createElement("li");
    row.dataset["name"] = name;
    row.title = name;
    row.append(span("name", name), span("value"), span("track"));
    row.querySelector(".track")?.append(span("fill"));
    list.append(row);
  }
  const fill = row.querySelector<HTMLElement>(".fill");
  const number = row.querySelector(".value");
  if (fill === null || number === null) return;
  fill.style.width = `${Math.min(100, share).toFixed(1)}%`;
  fill.classList.toggle("high", share >= HIGH);
  number.textContent = value;
}

let processEvents = 0;

/** Adds a process event, the newest first. */
export function addProcess(what: "started" | "exited", name: string, detail: string): void {
  const list = element("processes");
  list.querySelector(".empty")?.remove();
  const row = document.createElement("li");
  row.className = what;
  row.append(span("what", what), span("who", name), span("detail", detail));
  list.prepend(row);
  while (list.children.length > PROCESS_ROWS) list.lastElementChild?.remove();
  processEvents += 1;
  setText("processes-now", `${processEvents} ${processEvents === 1 ? "event" : "events"}`);
}
