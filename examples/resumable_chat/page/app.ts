// A chat whose answers outlive the page: each answer is a run on the server, and the page only reads it. Its events are known from
// `answer_event.ts`, which is generated from the server's enum.
import { clear, onChange, questions, save, type Question } from "./conversation.ts";
import { find } from "./dom.ts";
import { showExchange } from "./exchange.ts";
import { findServers } from "./servers.ts";

const list = find("#exchanges");
const shown = new Set<string>();

function show(question: Question, isNew: boolean): void {
  if (shown.has(question.key)) return;
  shown.add(question.key);
  find("#empty").hidden = true;
  list.append(showExchange(question, isNew));
  scrollTo(0, document.documentElement.scrollHeight);
}

function ask(text: string): void {
  const question = { key: crypto.randomUUID(), text };
  save(question);
  show(question, true);
}

const form = find<HTMLFormElement>("#ask");
const input = find<HTMLTextAreaElement>("#question");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  if (text === "") return;
  input.value = "";
  ask(text);
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
for (const button of document.querySelectorAll<HTMLButtonElement>("#suggestions button")) {
  button.addEventListener("click", () => ask(button.textContent ?? ""));
}
find("#clear").addEventListener("click", () => {
  clear();
  location.reload();
});

await findServers().catch(() => undefined);
for (const question of questions()) show(question, false);
// Another tab asked. Both send the same request, and whichever is first starts the answer.
onChange(() => {
  for (const question of questions()) show(question, true);
});
