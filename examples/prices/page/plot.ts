import { clockTime } from "./dom.ts";
import type { Point } from "./price_event.ts";

/** The time that a plot shows, in milliseconds. */
export const SPAN = 120_000;

/** The least time between two labels of the time, in milliseconds. */
const TIME_STEP = 30_000;

/** A price that is older, in milliseconds, is not drawn up to the current time: prices may be missing. */
const SILENCE = 4_000;

/** The space for labels below the plot. */
const BOTTOM = 20;

/** The space above the plot, half the height of a label. */
const TOP = 8;

/** The width of a digit of a bold label. */
const DIGIT = 6.9;

export interface Plotted {
  readonly points: readonly Point[];
  readonly now: number;
  readonly decimals: number;
  readonly format: (price: number) => string;
  /** The time that the pointer is at. */
  readonly pointer: number | undefined;
}

/** A step between the lines of an axis: 1, 2 or 5 times a power of ten. */
function niceStep(range: number, lines: number): number {
  const step = 10 ** Math.floor(Math.log10(range / lines));
  return step * ([1, 2, 5].find((factor) => range / (step * factor) <= lines) ?? 10);
}

const number = (value: number): string => value.toFixed(1);

/** The width of the labels of prices, right of the plot. */
const gutterOf = (label: string): number => Math.ceil(label.length * DIGIT) + 12;

/** The time at a position in a plot, or `undefined` right of it. */
export function timeAt(x: number, width: number, now: number, label: string): number | undefined {
  const share = x / (width - gutterOf(label));
  return share <= 1 ? now - SPAN + share * SPAN : undefined;
}

/** The last point at this time. */
export function pointAt(points: readonly Point[], time: number): Point | undefined {
  return [...points].reverse().find(({ at }) => at <= time) ?? points[0];
}

/** The plot of one symbol as inline SVG. The last point must exist. */
export function drawPlot(id: string, width: number, height: number, { points, now, decimals, format, pointer }: Plotted): string {
  const last = points.at(-1) as Point;
  const prices = points.map(({ price }) => price);
  const smallest = 10 ** -decimals;
  let [low, high] = [Math.min(...prices), Math.max(...prices)];
  // A quiet price is a line in the middle, and not noise over the whole height.
  const margin = Math.max((high - low) * 0.08, smallest * 2);
  [low, high] = [low - margin, high + margin];

  const right = width - gutterOf(format(last.price));
  const bottom = height - BOTTOM;
  const x = (at: number) => right * (1 - (now - at) / SPAN);
  const y = (price: number) => TOP + ((high - price) / (high - low)) * (bottom - TOP);

  const step = Math.max(niceStep(high - low, Math.max(2, Math.floor(bottom / 42))), smallest);
  const grid: string[] = [];
  for (let price = Math.ceil(low / step) * step; price <= high; price += step) {
    const at = number(y(price));
    grid.push(`<line x1="0" x2="${number(right)}" y1="${at}" y2="${at}"/>`);
    // The label of the last price covers those beside it.
    if (Math.abs(y(price) - y(last.price)) > 17) grid.push(`<text x="${number(right + 7)}" y="${at}" dy="0.35em">${format(price)}</text>`);
  }
  const wide = right < 260 ? 2 : 1;
  for (let at = Math.ceil((now - SPAN) / (TIME_STEP * wide)) * TIME_STEP * wide; at <= now; at += TIME_STEP * wide) {
    const left = number(x(at));
    grid.push(`<line class="tick" x1="${left}" x2="${left}" y1="${TOP}" y2="${bottom}"/>`);
    // A label does not extend beyond the plot.
    if (x(at) > 27 && x(at) < width - 27) grid.push(`<text x="${left}" y="${height - 4}" text-anchor="middle">${clockTime(at)}</text>`);
  }

  const first = points[0] as Point;
  const end = now - last.at > SILENCE ? x(last.at) : right;
  const path = `M${points.map(({ at, price }) => `${number(x(at))},${number(y(price))}`).join("L")}H${number(end)}`;
  const silent = `<rect class="silent" x="${number(end)}" y="${TOP}" width="${number(right - end)}" height="${bottom - TOP}"/>`;
  const tagY = y(last.price);
  const tag =
    `<line class="level" x1="0" x2="${number(right)}" y1="${number(tagY)}" y2="${number(tagY)}"/>` +
    `<rect class="tag" x="${number(right + 1)}" y="${number(tagY - 9)}" width="${number(width - right - 1)}" height="18" rx="4"/>` +
    `<text class="tag" x="${number(right + 7)}" y="${number(tagY)}" dy="0.35em">${format(last.price)}</text>`;
  const read = pointer === undefined ? undefined : pointAt(points, pointer);
  const cursor =
    read === undefined
      ? ""
      : `<line class="cursor" x1="${number(x(read.at))}" x2="${number(x(read.at))}" y1="${TOP}" y2="${bottom}"/>` +
        `<circle cx="${number(x(read.at))}" cy="${number(y(read.price))}" r="4"/>`;
  return (
    `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">` +
    `<clipPath id="${id}-clip"><rect width="${number(right)}" height="${height}"/></clipPath>` +
    `${grid.join("")}<g clip-path="url(#${id}-clip)">${silent}<path class="area" d="${path}V${bottom}H${number(x(first.at))}Z"/>` +
    `<path d="${path}"/>${cursor}</g>${tag}</svg>`
  );
}
