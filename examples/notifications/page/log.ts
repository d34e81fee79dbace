import { element, find, showState, stateText, transport } from "./dom.ts";
import { subscribe, type LogEventSubscription } from "./log_event.ts";

/** The number of lines that the page keeps. */
const MAX_LINES = 500;

type Level = "info" | "warning" | "failure";

const list = find("#log");
let lines = 0;

function append(row: HTMLLIElement): void {
  find("#no-lines").hidden = true;
  list.append(row);
  while (list.children.length > MAX_LINES) list.firstElementChild?.remove();
  if (find<HTMLInputElement>("#follow").checked) list.scrollTop = list.scrollHeight;
}

function showCount(): void {
  find("#count").textContent = `${lines} ${lines === 1 ? "line" : "lines"} received`;
}

function lineHandler(level: Level): (text: string) => void {
  return (text) => {
    lines += 1;
    showCount();
    const row = element("li", level, element("span", "text", text));
    // The colour is not the only sign of the level.
    if (level !== "info") row.append(element("span", "level", level));
    append(row);
  };
}

/** Follows the lines of a level and above. */
function follow(level: string): LogEventSubscription {
  let wasOpen = false;
  return subscribe(
    `/log?level=${encodeURIComponent(level)}`,
    { message: lineHandler("info"), warning: lineHandler("warning"), failure: lineHandler("failure") },
    {
      transport,
      onGap({ missed, reason }) {
        const why = reason === "unknown_id" ? "the server was restarted" : "they are no longer retained";
        append(element("li", "gap", `${missed ?? "Some"} lines are missing here: ${why}.`));
      },
      onState(state) {
        showState(find("#log-state"), state, stateText(state, wasOpen));
        wasOpen ||= state === "open";
      },
    },
  );
}

/** Shows the end of the log, filtered by the selected level. */
export function showLog(): void {
  find("#curl").textContent = `curl -N ${location.origin}/log`;
  const level = find<HTMLSelectElement>("#level");
  let subscription = follow(level.value);
  level.addEventListener("change", () => {
    subscription.close();
    list.replaceChildren();
    lines = 0;
    showCount();
    find("#no-lines").hidden = false;
    find("#no-lines").textContent = level.value === "info" ? "No lines yet" : "No lines of this level yet";
    subscription = follow(level.value);
  });
}
