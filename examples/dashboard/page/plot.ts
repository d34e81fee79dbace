/** The time that a plot shows, in milliseconds. */
const SPAN = 60_000;

interface Options {
  readonly label: string;
  /** The number of lines. */
  readonly series?: 1 | 2 | 3;
  /** Draws the second series downwards from the middle, so that equal values do not cover each other. */
  readonly mirrored?: boolean;
  /** The value at the top of the plot. Without it, the highest value is a little below the top. */
  readonly max?: number;
  readonly format: (value: number) => string;
}

interface Point {
  readonly at: number;
  readonly values: readonly number[];
  /** Whether events are missing before this point. */
  readonly isAfterGap: boolean;
}

/** A line plot of the last minute, as inline SVG. */
export class Plot {
  readonly #root: HTMLElement;
  readonly #options: Options;
  readonly #points: Point[] = [];
  #isAfterGap = false;

  constructor(root: HTMLElement, options: Options) {
    this.#root = root;
    this.#options = options;
    root.setAttribute("role", "img");
    root.setAttribute("aria-label", options.label);
  }

  push(at: number, values: readonly number[]): void {
    this.#points.push({ at, values, isAfterGap: this.#isAfterGap });
    this.#isAfterGap = false;
    // One point before the span stays, for the line that enters from the left.
    while (this.#points[1] !== undefined && this.#points[1].at < at - SPAN) this.#points.shift();
  }

  /** Interrupts the lines: events are missing before the next point. */
  addGap(): void {
    this.#isAfterGap = true;
  }

  /** Draws the minute before `now`, or an empty plot while there are no readings. */
  draw(now: number): void {
    const { clientWidth: width, clientHeight: height, id } = this.#root;
    const { series = 1, mirrored = false, max, format } = this.#options;
    if (width === 0) return;
    const [highest, lowest] = [18, height - 18];
    const middle = (highest + lowest) / 2;
    const base = mirrored ? middle : lowest;
    const top = max ?? (Math.max(0, ...this.#points.flatMap(({ values }) => values)) * 1.15 || 1);
    const x = (at: number) => ((width * (at - now + SPAN)) / SPAN).toFixed(1);
    const y = (value: number, number: number) => {
      const length = (base - highest) * Math.min(1, value / top);
      return (mirrored && number === 2 ? base + length : base - length).toFixed(1);
    };

    const [lines, gaps]: [string[], string[]] = [[], []];
    const runs = this.#runs();
    runs.forEach((run, index) => {
      const [first, last, next] = [run[0], run.at(-1), runs[index + 1]?.[0]];
      if (first === undefined || last === undefined) return;
      if (next !== undefined) {
        const [left, right] = [x(last.at), x(next.at)];
        gaps.push(`<rect class="gap" x="${left}" y="${highest}" width="${(Number(right) - Number(left)).toFixed(1)}" height="${lowest - highest}"/>`);
      }
      if (run.length === 1) return;
      // The first series is drawn last, on top of the others.
      for (let number = series; number >= 1; number -= 1) {
        const line = `M${run.map(({ at, values }) => `${x(at)},${y(values[number - 1] ?? 0, number)}`).join("L")}`;
        if (number === 1 || mirrored) lines.push(`<path class="area s${number}" d="${line}L${x(last.at)},${base}L${x(first.at)},${base}Z"/>`);
        lines.push(`<path class="s${number}" d="${line}"/>`);
      }
    });

    const grid = [highest, middle, lowest].map((at) => `<line x1="0" x2="${width}" y1="${at}" y2="${at}"/>`);
    const text = (at: number, y: number, anchor: string, text: string) => `<text x="${at}" y="${y}" text-anchor="${anchor}">${text}</text>`;
    const isEmpty = lines.length === 0;
    const labels = [
      isEmpty ? `<text class="empty" x="${width / 2}" y="${middle - 8}">No readings yet</text>` : text(0, highest - 6, "start", format(top)),
      text(0, height - 4, "start", "60 s ago"),
      text(width, height - 4, "end", "now"),
    ];
    this.#root.innerHTML =
      `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true"><clipPath id="${id}-clip"><rect width="${width}" height="${height}"/></clipPath>` +
      `${grid.join("")}<g clip-path="url(#${id}-clip)">${gaps.join("")}${lines.join("")}</g>${labels.join("")}</svg>`;
  }

  /** The points, split where events are missing. */
  #runs(): Point[][] {
    const runs: Point[][] = [];
    for (const point of this.#points) {
      if (runs.length === 0 || point.isAfterGap) runs.push([]);
      runs.at(-1)?.push(point);
    }
    return runs;
  }
}
