/** What a plot shows, in milliseconds. */
const SPAN = 60_000;

interface Options {
  readonly label: string;
  /** How many lines there are. */
  readonly series?: number;
  /** The top of the plot; without it the highest value is a little below the top. */
  readonly max?: number;
  readonly format: (value: number) => string;
}

/** A line plot of the last minute, as inline SVG. */
export class Plot {
  readonly #root: HTMLElement;
  readonly #options: Options;
  readonly #points: { at: number; values: readonly number[] }[] = [];

  constructor(root: HTMLElement, options: Options) {
    this.#root = root;
    this.#options = options;
    root.setAttribute("role", "img");
    root.setAttribute("aria-label", options.label);
  }

  push(at: number, values: readonly number[]): void {
    this.#points.push({ at, values });
    // The one before the first that is seen stays: its line comes in from the left.
    while (this.#points[1] !== undefined && this.#points[1].at < at - SPAN) this.#points.shift();
  }

  draw(now: number): void {
    const { clientWidth: width, clientHeight: height, id } = this.#root;
    const { series = 1, max, format } = this.#options;
    if (width === 0) return;
    const room = height - 18;
    const top = max ?? Math.max(1e-9, ...this.#points.flatMap(({ values }) => values)) * 1.15;
    const x = (at: number) => ((width * (at - now + SPAN)) / SPAN).toFixed(1);
    const y = (value: number) => (room - (room - 6) * Math.min(1, value / top)).toFixed(1);
    const parts = [0, 0.5, 1].map((share) => `<line x1="0" x2="${width}" y1="${y(top * share)}" y2="${y(top * share)}"/>`);
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    // The first series is drawn last, and lies on top.
    for (let number = series; number >= 1 && first !== undefined && last !== first && last !== undefined; number -= 1) {
      const line = `M${this.#points.map(({ at, values }) => `${x(at)},${y(values[number - 1] ?? 0)}`).join("L")}`;
      if (number === 1) parts.push(`<path class="area s1" d="${line}L${x(last.at)},${room}L${x(first.at)},${room}Z"/>`);
      parts.push(`<path class="s${number}" d="${line}"/>`);
    }
    parts.push(`<text x="0" y="${Number(y(top)) + 11}">${format(top)}</text>`);
    parts.push(`<text x="0" y="${height - 2}">60 s ago</text>`);
    parts.push(`<text x="${width}" y="${height - 2}" text-anchor="end">now</text>`);
    this.#root.innerHTML =
      `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true"><clipPath id="${id}-clip"><rect width="${width}" height="${height}"/></clipPath>` +
      `<g clip-path="url(#${id}-clip)">${parts.join("")}</g></svg>`;
  }
}
