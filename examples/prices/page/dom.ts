/** The first element that matches, within the page or a part of it. It must exist. */
export function find<E extends Element = HTMLElement>(selector: string, parent: ParentNode = document): E {
  const found = parent.querySelector<E>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export const clockTime = (at: number): string => new Date(at).toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });
