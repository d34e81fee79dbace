// The servers that have the answers: the one of the page, and its peer if it has one.

let origins: readonly string[] = [location.origin];
let current = 0;

/** Asks the server for its peer. */
export async function findServers(): Promise<void> {
  const { peer } = (await (await fetch("/peer")).json()) as { peer: string | null };
  if (peer !== null) origins = [location.origin, peer];
}

export const origin = (): string => origins[current] ?? location.origin;

/** The next request goes to the other server. */
export function changeServer(): void {
  current = (current + 1) % origins.length;
}

/** Sends a request to the current server, and to the other one if that does not answer. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  const request: RequestInit = { ...init, credentials: "include" };
  try {
    return await fetch(origin() + path, request);
  } catch (error) {
    if (origins.length === 1) throw error;
    changeServer();
    return await fetch(origin() + path, request);
  }
}
