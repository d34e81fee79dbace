import { item, part } from "./dom.ts";
import { subscribe, type LogEventSubscription } from "./log_event.ts";

/** How many lines the page keeps. */
const LINES = 500;

const list = part("#log");
let lines = 0;

function add(level: string, text: string): void {
  list.append(item(level, text));
  while (list.children.length > LINES) list.firstElementChild?.remove();
  if (part<HTMLInputElement>("#follow").checked) list.scrollTop = list.scrollHeight;
}

function line(level: "info" | "warning" | "failure"): (text: string) => void {
  return (text) => {
    lines += 1;
    part("#count").textContent = `${lines} lines`;
    add(level, text);
  };
}

/** Follows the log from a level on, until it is told to stop. */
function follow(level: string): LogEventSubscription {
  return subscribe(
    `/log?level=${encodeURIComponent(level)}`,
    {
      message: line("info"),
      warning: line("warning"),
      failure: line("failure"),
    },
    {
      onGap: ({ missed, reason }) =>
        add("gap", `${missed ?? "Some"} lines are missing here: ${reason === "unknown_id" ? "the server was started anew" : "they are no longer kept"}.`),
      onState(state) {
        part("#log-state").dataset["state"] = state;
        part("#log-state").textContent = state;
      },
    },
  );
}

/** Shows the tail of the log, from the level on that the page asks for. */
export function showLog(): void {
  part("#curl").textContent = `curl -N ${location.origin}/log`;
  const level = part<HTMLSelectElement>("#level");
  let subscription = follow(level.value);
  level.addEventListener("change", () => {
    subscription.close();
    list.replaceChildren();
    lines = 0;
    part("#count").textContent = "";
    subscription = follow(level.value);
  });
}
