/** A guest's client: wait in the lobby until the provider lets one in, join, leave.  No patient here. */
import { api } from "../shared/api.js";
import { Call } from "../shared/call.js";
import "../shared/call_stage.js";
import { acquire } from "../shared/device_check.js";
import { by, el } from "../shared/dom.js";
import { Freshness } from "../shared/freshness.js";
import { say, setLanguage, timeOf } from "../shared/i18n.js";
import { SignalingClient } from "../shared/signaling_client.js";
import { guestScreenOf } from "./guest_model.js";
import { ask } from "./screens.js";

const POLL_MS = 3_000;
const app = by("app");
const freshness = new Freshness(by("freshness"));
const here = { hasLeft: false, isJoined: false, outcome: "" };
/** @type {any} */
let visit = null;
let shown = "";
/** @type {SignalingClient | null} */
let client = null;
/** @type {Call | null} */
let call = null;

async function poll() {
  await refresh();
  setTimeout(() => void poll(), POLL_MS);
}

async function refresh() {
  try {
    visit = await api.get("/v1/guest-visit");
    freshness.heard();
    seat();
    show();
  } catch (/** @type {any} */ failure) {
    if ([401, 403, 404].includes(failure.status)) end("removed");
  }
}

/** @param {string} outcome */
function end(outcome) {
  here.outcome = outcome;
  unseat();
  show();
}

function seat() {
  const isWanted = visit.phase === "lobby" && !here.hasLeft && here.outcome === "";
  if (!isWanted && client !== null) unseat();
  if (!isWanted || client !== null) return;
  client = new SignalingClient({
    ticketFor: () => api.post(`/v1/visits/${visit.visit_id}/join-tickets`),
    client: { name: "guest", version: "1" },
  });
  client.addEventListener("state", onSeat);
  client.addEventListener("admitted", show);
  client.addEventListener("participant-returned", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.participant_id === client?.participantId) endCall();
    show();
  });
  client.addEventListener("closed", onClosed);
  void client.connect();
}

async function onSeat() {
  show();
  if (client?.state !== "seat_taken") return;
  if (await ask(say("patient.elsewhere.ask"), say("patient.elsewhere.move"), say("patient.elsewhere.stay"))) {
    await client.takeOver();
  }
}

/** @param {Event} event */
function onClosed(event) {
  const { outcome } = /** @type {CustomEvent} */ (event).detail;
  client = null;
  endCall();
  // Whoever was sent out, or moved to another device, is not pulled back by this page.
  if (outcome === "removed" || outcome === "superseded") here.outcome = outcome;
  show();
}

function unseat() {
  endCall();
  const leaving = client;
  client = null;
  leaving?.removeEventListener("closed", onClosed);
  leaving?.leave();
}

function endCall() {
  call?.stop();
  call = null;
  here.isJoined = false;
}

function show() {
  if (visit === null && here.outcome === "") return;
  const name = guestScreenOf({ phase: visit?.phase ?? "over", seat: client?.state ?? "idle", ...here });
  if (name === shown) return;
  shown = name;
  document.body.dataset.screen = name;
  app.replaceChildren(name === "call" ? stage() : card(name));
  by("polite").textContent = name === "ready" ? say("patient.guest.ready.heading") : "";
  app.querySelector("h1")?.focus();
}

/** @param {string} name */
function card(name) {
  const fields = { name: visit?.own_name ?? "", time: visit?.starts_at ? timeOf(visit.starts_at, visit.time_zone) : "" };
  return el(
    "section",
    { class: "card stack" },
    el("h1", { tabindex: "-1" }, say(`patient.guest.${name}.heading`, fields)),
    el("p", {}, say(`patient.guest.${name}.what`, fields)),
    name === "ready" ? el("button", { type: "button", class: "button primary wide big", "data-do": "join", onclick: () => void join(true) }, say("patient.called.join")) : null,
    name === "ready" ? el("button", { type: "button", class: "button wide", "data-do": "join-audio", onclick: () => void join(false) }, say("patient.called.audio_only")) : null,
    name === "left" ? el("button", { type: "button", class: "button primary wide", "data-do": "back", onclick: comeBack }, say("patient.left.back")) : null,
  );
}

/** @param {boolean} camera */
async function join(camera) {
  const tracks = await acquire({ camera });
  if (client === null) return;
  call = new Call({ client });
  call.addEventListener("failed", () => tell(say("errors.call_failed")));
  here.isJoined = true;
  show();
  await call.start({ mic: tracks.mic, camera: tracks.camera });
}

function stage() {
  const element = el("call-stage", {});
  const seated = client;
  element.addEventListener("leave", () => void leave());
  if (seated && call) {
    element.attach(call, { names: names() });
    seated.addEventListener("room", () => element.setNames(names()));
  }
  return el("section", { class: "call" }, el("h1", { tabindex: "-1", class: "unseen" }, say("patient.call.heading")), element);
}

function names() {
  const known = new Map();
  for (const [id, { kind }] of client?.participants ?? []) {
    if (kind === "provider" && visit.provider_name) known.set(id, { name: visit.provider_name, kind });
  }
  return known;
}

async function leave() {
  if (!(await ask(say("patient.call.leave_ask"), say("patient.call.leave"), say("patient.call.stay")))) return;
  here.hasLeft = true;
  unseat();
  show();
}

function comeBack() {
  here.hasLeft = false;
  void refresh();
}

/** @param {string} text */
function tell(text) {
  by("trouble")?.remove();
  app.prepend(el("p", { id: "trouble", class: "notice bad", role: "alert" }, text));
}

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", (event) => {
    event.preventDefault();
    setLanguage(/** @type {HTMLElement} */ (each).dataset.language ?? "en");
    for (const other of document.querySelectorAll("[data-language]")) other.removeAttribute("aria-current");
    each.setAttribute("aria-current", "true");
    // A call is not torn down for its labels.
    if (shown !== "call") shown = "";
    show();
  });
}
globalThis.addEventListener("pagehide", () => client?.tell("leave", { cause: "page_closed" }));
void poll();
