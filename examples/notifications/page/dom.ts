/** The part of the page, or of a piece of it, that must be there. */
export function part<E extends Element = HTMLElement>(selector: string, of: ParentNode = document): E {
  const found = of.querySelector<E>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

export const clockTime = (at: number): string => new Date(at).toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });

export function item(name: string, ...children: (Node | string)[]): HTMLLIElement {
  const item = document.createElement("li");
  item.className = name;
  item.append(...children);
  return item;
}
