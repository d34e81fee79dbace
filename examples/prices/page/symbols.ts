import type { Symbol } from "./price_event.ts";

/** The symbols of the server's enum, in the order of the page. A missing one is a compile error. */
export const SYMBOLS: Readonly<Record<Symbol, { readonly name: string; readonly unit: string }>> = {
  gold: { name: "Gold", unit: "USD per ounce" },
  silver: { name: "Silver", unit: "USD per ounce" },
  diesel: { name: "Diesel", unit: "EUR per litre" },
  petrol: { name: "Petrol", unit: "EUR per litre" },
  northern_rail: { name: "Northern Rail", unit: "EUR per share" },
  helio_power: { name: "Helio Power", unit: "EUR per share" },
  kestrel_foods: { name: "Kestrel Foods", unit: "EUR per share" },
  lumen: { name: "Lumen", unit: "EUR per share" },
};

const ALL = Object.keys(SYMBOLS) as Symbol[];

/** The name of the choice in the page's URL and in that of the stream. */
const PARAMETER = "symbols";

/** The choice that the page's URL names, in the order of the page. */
export function chosenInUrl(): Symbol[] {
  const names = new URLSearchParams(location.search).get(PARAMETER);
  if (names === null) return ["gold", "diesel", "northern_rail"];
  const chosen = new Set(names.split(","));
  return ALL.filter((symbol) => chosen.has(symbol));
}

/** Keeps the choice in the page's URL, so that it survives a reload and can be shared. */
export function keepInUrl(symbols: readonly Symbol[]): void {
  history.replaceState(null, "", `?${PARAMETER}=${symbols.join(",")}`);
}

export const streamUrl = (symbols: readonly Symbol[]): string => `/prices?${PARAMETER}=${symbols.join(",")}`;

/** Shows a button for each symbol. `onChange` is called with the symbols that are chosen then. */
export function showChoice(root: HTMLElement, chosen: readonly Symbol[], onChange: (chosen: Symbol[]) => void): void {
  const buttons = ALL.map((symbol) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = SYMBOLS[symbol].name;
    button.dataset["symbol"] = symbol;
    button.setAttribute("aria-pressed", String(chosen.includes(symbol)));
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
      onChange(ALL.filter((_, index) => buttons[index]?.getAttribute("aria-pressed") === "true"));
    });
    return button;
  });
  root.replaceChildren(...buttons);
}
