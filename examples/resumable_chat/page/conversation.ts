// The questions of this browser, in its local storage: a reload and other tabs show them again.

/** A question, and the key of its answer on the server. */
export interface Question {
  readonly key: string;
  readonly text: string;
}

const STORAGE_KEY = "resumable_chat";

/** The number of questions that are kept. */
const MAX_QUESTIONS = 20;

const isQuestion = (value: unknown): value is Question =>
  typeof value === "object" && value !== null && "key" in value && typeof value.key === "string" && "text" in value && typeof value.text === "string";

export function questions(): Question[] {
  try {
    const saved: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    return Array.isArray(saved) ? saved.filter(isQuestion) : [];
  } catch {
    return [];
  }
}

export function save(question: Question): void {
  localStorage.setItem(STORAGE_KEY, JSON.stringify([...questions(), question].slice(-MAX_QUESTIONS)));
}

export function clear(): void {
  localStorage.removeItem(STORAGE_KEY);
}

/** Calls when another tab changes the questions. */
export function onChange(changed: () => void): void {
  addEventListener("storage", ({ key }) => {
    if (key === STORAGE_KEY || key === null) changed();
  });
}
