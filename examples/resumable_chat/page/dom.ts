/** The first element that matches, within the page or a part of it. It must exist. */
export function find<E extends Element = HTMLElement>(selector: string, parent: ParentNode = document): E {
  const found = parent.querySelector<E>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

/** An element with children. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

/** Changes the page, and scrolls along if the reader is at its end. */
export function keepAtEnd(change: () => void): void {
  const { scrollHeight } = document.documentElement;
  const isAtEnd = scrollY + innerHeight >= scrollHeight - 40;
  change();
  if (isAtEnd) scrollTo(0, document.documentElement.scrollHeight);
}
