// A question and its answer, which another tab, or another server, may have begun.
import { subscribe, type AnswerEventMap, type AnswerEventSubscription } from "./answer_event.ts";
import type { Question } from "./conversation.ts";
import { find, keepAtEnd } from "./dom.ts";
import { blocks } from "./markdown.ts";
import { changeServer, origin, send } from "./servers.ts";

type State = "connecting" | "streaming" | "reconnecting" | "done" | "stopped" | "lost" | "failed";

const STATE_TEXT: Record<State, string> = {
  connecting: "Asking",
  streaming: "Answering",
  reconnecting: "Reconnecting",
  done: "Complete",
  stopped: "Stopped",
  lost: "Lost",
  failed: "Failed",
};

const isRunning = (state: string | undefined): boolean => state === "connecting" || state === "streaming" || state === "reconnecting";

const refusal = (status: number | undefined, reason: string): string => {
  if (status === 401) return "The cookie of this page has expired. Reload the page.";
  if (status === 404) return "The server no longer has this answer.";
  return `The server refused the request (${status ?? reason}).`;
};

/** Shows a question and follows its answer. `isNew` says that the question is asked now: the server starts the answer. */
export function showExchange({ key, text: question }: Question, isNew: boolean): HTMLElement {
  const card = find("li", find<HTMLTemplateElement>("template#exchange").content).cloneNode(true) as HTMLElement;
  const answer = find(".answer", card);
  const note = find(".note", card);
  const stop = find<HTMLButtonElement>(".stop", card);
  const again = find<HTMLButtonElement>(".again", card);
  find(".question", card).textContent = question;

  const path = `/answers/${encodeURIComponent(key)}`;
  let text = "";
  let isDrawing = false;
  let subscription: AnswerEventSubscription | undefined;

  const draw = (): void => {
    isDrawing = false;
    keepAtEnd(() => answer.replaceChildren(...blocks(text)));
  };
  const append = (part: string): void => {
    text += part;
    if (!isDrawing) requestAnimationFrame(draw);
    isDrawing = true;
  };
  const show = (state: State, detail = ""): void => {
    keepAtEnd(() => {
      card.dataset["state"] = state;
      find(".state", card).textContent = STATE_TEXT[state];
      note.textContent = detail;
      stop.hidden = !isRunning(state);
      again.hidden = isRunning(state) || state === "done";
      answer.setAttribute("aria-busy", String(isRunning(state)));
    });
  };

  const follow = (isAsked: boolean): void => {
    let wasOpen = false;
    let failed = false;
    const url = (): string => {
      // A server that does not answer may be the one that was killed.
      if (failed) changeServer();
      failed = true;
      return origin() + path;
    };
    const end = (state: State, detail = ""): void => {
      draw();
      show(state, detail);
    };
    const handlers = {
      asked({ server }: AnswerEventMap["asked"]) {
        // The first event. It comes again if the answer was begun anew.
        text = "";
        show("streaming", `from ${server}`);
      },
      part: ({ text: part }: AnswerEventMap["part"]) => append(part),
      done: ({ words, seconds }: AnswerEventMap["done"]) => end("done", `${words} words in ${seconds.toFixed(1)} s`),
      stopped: () => end("stopped", "The answer was stopped."),
      lost: () => end("lost", "The server that wrote this answer stopped responding."),
      failed: ({ reason }: AnswerEventMap["failed"]) => end("failed", `The answer failed: ${reason}`),
    };
    // The request that asks is sent again after a lost connection: the server starts an answer once, and resumes it then.
    const request = isAsked
      ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ question }) }
      : { transport: "fetch" as const };
    subscription = subscribe(url, handlers, {
      ...request,
      credentials: "include",
      recreate: { delay: 500, maxDelay: 3_000 },
      onState(state) {
        if (state === "open") {
          failed = false;
          show("streaming", note.textContent ?? "");
        } else if (state === "connecting") show(wasOpen ? "reconnecting" : "connecting", note.textContent ?? "");
        wasOpen ||= state === "open";
      },
      onClose({ reason, status }) {
        if (reason === "terminal" || reason === "complete") return;
        end("failed", refusal(status, reason));
      },
    });
  };

  stop.addEventListener("click", async () => {
    stop.disabled = true;
    try {
      const { ok, status } = await send(path, { method: "DELETE" });
      if (!ok) note.textContent = `The answer was not stopped (${status}).`;
    } catch {
      note.textContent = "The answer was not stopped: no server responds.";
    }
    stop.disabled = false;
  });
  again.addEventListener("click", async () => {
    again.disabled = true;
    try {
      const body = JSON.stringify({ question });
      const { ok, status } = await send(`${path}/again`, { method: "POST", headers: { "content-type": "application/json" }, body });
      if (ok) {
        subscription?.close();
        text = "";
        draw();
        show("connecting");
        follow(false);
      } else note.textContent = `The question was not asked again (${status}).`;
    } catch {
      note.textContent = "The question was not asked again: no server responds.";
    }
    again.disabled = false;
  });

  show("connecting");
  follow(isNew);
  return card;
}
