/**
 * Leave nothing behind on a computer that others use.
 *
 * Public face: clearNow() · clearCard()   the card with the button
 */
import { api } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { say } from "../shared/i18n.js";

/** Sign out and go to the page whose answer has the browser drop what it kept. */
export async function clearNow() {
  navigator.serviceWorker?.controller?.postMessage({ type: "forget" });
  try {
    await api.post("/v1/sign-out");
  } catch {
    // Signed out already, or out of reach: the next page clears this browser all the same.
  }
  location.replace("/cleared");
}

export function clearCard() {
  return el(
    "section",
    { class: "card stack", "data-clear": true },
    el("h2", {}, say("privacy.clear.heading")),
    el("p", { class: "soft" }, say("privacy.clear.what")),
    el("button", { type: "button", class: "button wide", "data-do": "clear", onclick: () => void clearNow() }, say("privacy.clear.go")),
  );
}
