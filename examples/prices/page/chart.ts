import { clockTime, find, setText } from "./dom.ts";
import { SPAN, drawPlot, pointAt, timeAt } from "./plot.ts";
import type { Point, PriceEventMap, Symbol } from "./price_event.ts";
import { SYMBOLS } from "./symbols.ts";

/** The card of one symbol: its price, the change since the opening, and a plot. */
export class Chart {
  readonly root: HTMLElement;
  readonly #symbol: Symbol;
  readonly #plot: HTMLElement;
  #points: Point[] = [];
  #opening = 0;
  #decimals = 2;
  #format = (price: number): string => String(price);
  /** The position of the pointer in the plot. */
  #pointer: number | undefined;

  constructor(symbol: Symbol) {
    const { name, unit } = SYMBOLS[symbol];
    this.#symbol = symbol;
    this.root = find("section", find<HTMLTemplateElement>("template#chart").content).cloneNode(true) as HTMLElement;
    this.root.dataset["symbol"] = symbol;
    find("h2", this.root).textContent = name;
    find(".unit", this.root).textContent = unit;
    this.#plot = find(".plot", this.root);
    const point = (x: number | undefined): void => {
      this.#pointer = x;
    };
    this.#plot.addEventListener("pointermove", ({ offsetX }) => point(offsetX));
    this.#plot.addEventListener("pointerdown", ({ offsetX }) => point(offsetX));
    this.#plot.addEventListener("pointerleave", () => point(undefined));
  }

  /** Begins anew: the snapshot has all points that the page shows. */
  setSnapshot({ opening, decimals, points }: PriceEventMap["snapshot"]): void {
    this.#opening = opening;
    this.#decimals = decimals;
    const { format } = new Intl.NumberFormat([], { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    this.#format = format;
    this.#points = [...points];
  }

  add(point: Point): void {
    this.#points.push(point);
    // One point before the span stays, for the line that enters from the left.
    while (this.#points[1] !== undefined && this.#points[1].at < point.at - SPAN) this.#points.shift();
  }

  /** Shows the prices of the time before `now`. */
  draw(now: number): void {
    const last = this.#points.at(-1);
    if (last === undefined) return;
    this.#showPrice(last.price);
    this.#showPlot(last.price, now);
  }

  #showPrice(price: number): void {
    setText(find(".last", this.root), this.#format(price));
    const difference = price - this.#opening;
    const direction = Math.sign(Math.round(difference * 10 ** this.#decimals));
    const change = find(".change", this.root);
    const sign = ["−", "±", "+"][direction + 1] ?? "";
    const percent = ((100 * Math.abs(difference)) / this.#opening).toFixed(2);
    // The colour is not the only sign of the direction.
    setText(change, `${["▼", "", "▲"][direction + 1] ?? ""} ${sign}${this.#format(Math.abs(difference))} (${sign}${percent} %)`.trim());
    change.dataset["direction"] = String(direction);
  }

  #showPlot(price: number, now: number): void {
    const { clientWidth: width, clientHeight: height } = this.#plot;
    if (width === 0) return;
    const pointer = this.#pointer === undefined ? undefined : timeAt(this.#pointer, width, now, this.#format(price));
    this.#plot.innerHTML = drawPlot(this.#symbol, width, height, {
      points: this.#points,
      now,
      decimals: this.#decimals,
      format: this.#format,
      pointer,
    });
    const prices = this.#points.map(({ price }) => price);
    const range = `Low ${this.#format(Math.min(...prices))}, high ${this.#format(Math.max(...prices))}`;
    const read = pointer === undefined ? undefined : pointAt(this.#points, pointer);
    setText(find(".reading", this.root), read ? `${clockTime(read.at)}: ${this.#format(read.price)}` : range);
    this.#plot.setAttribute("aria-label", `${SYMBOLS[this.#symbol].name}, the last two minutes. ${range}.`);
  }
}
