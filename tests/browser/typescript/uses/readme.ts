// The code of the README, and the declarations that it leaves out.
declare function show(text: string): void;
declare function move(lat: number, lon: number): void;

import { subscribe } from "../../contracts/ride_event.ts";

subscribe("/ride", {
  driver_assigned: ({ driver, eta_s }) => show(`${driver} comes in ${eta_s} s`),
  position: ({ lat, lon }) => move(lat, lon),
  completed: () => show("arrived"), // and the subscription has closed itself
});
