// The Markdown of an answer as elements. It writes no HTML, so an answer cannot inject any. A part of an answer is valid input:
// what is not closed yet ends with the text.
import { element } from "./dom.ts";

const FENCE = /^```/;
const HEADING = /^(#{1,4})\s+(.*)$/;
const ITEM = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/;
const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:[^\s)]+)\)/g;

function inline(text: string): (Node | string)[] {
  const parts: (Node | string)[] = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [all, code, strong, emphasis, label, href] = found;
    parts.push(text.slice(end, found.index));
    if (code !== undefined) parts.push(element("code", code));
    else if (strong !== undefined) parts.push(element("strong", ...inline(strong)));
    else if (emphasis !== undefined) parts.push(element("em", ...inline(emphasis)));
    else if (label !== undefined && href !== undefined) {
      const link = element("a", label);
      link.href = href;
      link.rel = "noreferrer";
      parts.push(link);
    }
    end = found.index + all.length;
  }
  parts.push(text.slice(end));
  return parts;
}

/** The blocks of a text: headings, paragraphs, lists and code. */
export function blocks(text: string): HTMLElement[] {
  const lines = text.split("\n");
  const made: HTMLElement[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const heading = HEADING.exec(line);
    if (line.trim() === "") {
      at += 1;
    } else if (FENCE.test(line)) {
      const end = lines.findIndex((other, index) => index > at && FENCE.test(other));
      const code = lines.slice(at + 1, end < 0 ? undefined : end).join("\n");
      const block = element("pre", element("code", code));
      block.tabIndex = 0;
      made.push(block);
      at = end < 0 ? lines.length : end + 1;
    } else if (heading) {
      // The page has two levels of headings above those of an answer.
      made.push(element(`h${Math.min((heading[1] ?? "").length + 2, 6)}` as "h3", ...inline(heading[2] ?? "")));
      at += 1;
    } else if (ITEM.test(line)) {
      const list = element(ITEM.exec(line)?.[1] === undefined ? "ul" : "ol");
      for (let item = ITEM.exec(line); item; item = ITEM.exec(lines[at] ?? "")) {
        list.append(element("li", ...inline(item[2] ?? "")));
        at += 1;
      }
      made.push(list);
    } else {
      const start = at;
      while (at < lines.length && !isBlockStart(lines[at] ?? "")) at += 1;
      made.push(element("p", ...inline(lines.slice(start, at).join("\n"))));
    }
  }
  return made;
}

const isBlockStart = (line: string): boolean => line.trim() === "" || FENCE.test(line) || HEADING.test(line) || ITEM.test(line);
