/** The patient's client: every two seconds asks where the visit stands, and shows that. */
import { api } from "../shared/api.js";
import { Call } from "../shared/call.js";
import "../shared/call_stage.js";
import { acquire } from "../shared/device_check.js";
import { by, el } from "../shared/dom.js";
import { Freshness } from "../shared/freshness.js";
import { language, say, sayOr, setLanguage } from "../shared/i18n.js";
import { SignalingClient } from "../shared/signaling_client.js";
import { accepted, checkIn, consentAgain, prefill, textsFor } from "./check_in.js";
import { clearCard } from "./clearing.js";
import * as screens from "./screens.js";

const POLL_MS = 2_000;
const SEATED = new Set(["waiting", "called", "in_call", "paused"]);
const app = by("app");
const states = JSON.parse(by("states").textContent);
const freshness = new Freshness(by("freshness"));

const here = { hasLeft: false, isJoined: false, steppedOut: false, isElsewhere: false };
/** @type {any} */
let visit = null;
let shown = "";
let toldPlace = "";
/** @type {SignalingClient | null} */
let client = null;
/** @type {Call | null} */
let call = null;
/** @type {WakeLockSentinel | null} */
let awake = null;

async function poll() {
  try {
    if (!here.hasLeft) take(await api.get(`/v1/visit?language=${language()}`));
  } catch (/** @type {any} */ failure) {
    if (failure.status === 401) showEnded();
  }
  setTimeout(() => void poll(), POLL_MS);
}

/** @param {any} told */
function take(told) {
  freshness.heard();
  visit = told;
  prefill(visit);
  showPlanB();
  seat();
  show();
}

/** A seat while there is something to wait for, none otherwise. */
function seat() {
  // Without consent no ticket is given; a call that runs is not left for a text that is new today.
  const mayBe = SEATED.has(visit.state) && (visit.consent.is_given || here.isJoined);
  const isWanted = mayBe && !here.hasLeft && !here.steppedOut && !here.isElsewhere;
  if (isWanted && client === null) {
    client = new SignalingClient({
      ticketFor: () => api.post(`/v1/visits/${visit.visit_id}/join-tickets`),
      client: { name: "patient", version: "1" },
    });
    client.addEventListener("state", onSeat);
    client.addEventListener("visit-changed", () => void refresh());
    client.addEventListener("admitted", () => void refresh());
    client.addEventListener("participant-returned", (event) => {
      if (/** @type {CustomEvent} */ (event).detail.participant_id === client?.participantId) endCall();
    });
    client.addEventListener("closed", onClosed);
    void client.connect();
  } else if (!isWanted && client !== null) unseat();
}

function unseat() {
  endCall();
  const leaving = client;
  client = null;
  leaving?.removeEventListener("closed", onClosed);
  leaving?.leave();
}

async function onSeat() {
  if (client?.state === "reconnecting" && here.isJoined) by("assertive").textContent = say("call.reconnecting");
  if (client?.state !== "seat_taken") return;
  if (await screens.ask(say("patient.elsewhere.ask"), say("patient.elsewhere.move"), say("patient.elsewhere.stay"))) {
    await client.takeOver();
  }
}

/** @param {Event} event */
function onClosed(event) {
  const { outcome } = /** @type {CustomEvent} */ (event).detail;
  client = null;
  endCall();
  // Whoever moved to another device, or was removed, is not pulled back by this page.
  here.isElsewhere = outcome === "superseded" || outcome === "removed";
  if (here.isElsewhere) show();
}

async function refresh() {
  try {
    take(await api.get(`/v1/visit?language=${language()}`));
  } catch {
    // The poll asks again.
  }
}

function show() {
  const name = here.isElsewhere ? "elsewhere" : screens.screenOf(visit, here);
  if (name === "waiting" || name === "paused") tellPlace();
  if (name === shown) return;
  shown = name;
  document.body.dataset.screen = name;
  document.title = say(`patient.title.${name}`);
  if (name === "called") alert();
  void keepAwake(["waiting", "paused", "called", "call"].includes(name));
  app.replaceChildren(screenFor(name));
  app.querySelector("h1")?.focus();
}

/** @param {string} name */
function screenFor(name) {
  switch (name) {
    case "check_in":
      return checkIn({ visit, states, again, send: sendCheckIn });
    case "consent":
      return consentAgain({ visit, send: sendConsent });
    case "device":
      return screens.device(app.dataset.socketUrl, sendDeviceCheck);
    case "waiting":
    case "paused":
      return screens.waiting(visit, leaveWaiting);
    case "called":
    case "rejoin":
      return screens.called(visit, name, join);
    case "call":
      return stage();
    case "left":
      return screens.left(comeBack);
    case "elsewhere":
      return screens.called(visit, "elsewhere", () => {
        here.isElsewhere = false;
        void refresh();
      });
    case "early":
      return screens.early(visit);
    case "after":
    case "withdrawn":
      // The last page: nothing of this visit is kept on a device others may use.
      navigator.serviceWorker?.controller?.postMessage({ type: "forget" });
      return el("div", { class: "stack" }, screens.plain(name), clearCard());
    default:
      return screens.plain(/** @type {"late"} */ (name));
  }
}

function again() {
  shown = "";
  show();
}

/** @param {any} answers */
async function sendCheckIn(answers) {
  // The first is of the visit itself; what the place or the age asks for comes after it.
  const [text, ...more] = textsFor(visit, answers.place_state);
  if (text === undefined) return say("errors.unexpected");
  try {
    await api.post(`/v1/visits/${visit.visit_id}/check-in`, {
      place_state: answers.place_state,
      place_address: answers.place_address,
      call_back_number: answers.call_back_number,
      consent_text_id: text.text_id,
      consent_version: text.version,
      language: text.language,
      also_accepted: accepted(more),
    });
    await refresh();
    return "";
  } catch (failure) {
    return reason(failure);
  }
}

/** @param {import("./check_in.js").Text[]} texts */
async function sendConsent(texts) {
  try {
    await api.post(`/v1/visits/${visit.visit_id}/consents`, {
      accepted: accepted(texts),
      language: texts[0]?.language ?? "",
    });
    await refresh();
    return "";
  } catch (failure) {
    return reason(failure);
  }
}

/** @param {string} outcome @param {any} check */
async function sendDeviceCheck(outcome, check) {
  try {
    await api.post(`/v1/visits/${visit.visit_id}/device-check`, { outcome, ...check.results });
    await refresh();
  } catch (failure) {
    tell(reason(failure));
  }
}

/** @param {boolean} audioOnly */
async function join(audioOnly) {
  const tracks = await acquire({ camera: !audioOnly });
  here.steppedOut = false;
  if (client === null) seat();
  if (client === null) return;
  call = new Call({ client });
  call.addEventListener("failed", () => tell(say("errors.call_failed")));
  here.isJoined = true;
  show();
  await call.start({ mic: tracks.mic, camera: tracks.camera });
}

function stage() {
  const element = el("call-stage", {});
  element.addEventListener("leave", () => void leaveCall());
  const seated = client;
  const joined = call;
  if (seated && joined) {
    element.attach(joined, { names: names() });
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

function endCall() {
  call?.stop();
  call = null;
  here.isJoined = false;
}

async function leaveCall() {
  if (!(await screens.ask(say("patient.call.leave_ask"), say("patient.call.leave"), say("patient.call.stay")))) return;
  here.steppedOut = true;
  unseat();
  show();
}

async function leaveWaiting() {
  if (!(await screens.ask(say("patient.waiting.leave_ask"), say("patient.waiting.leave"), say("patient.call.stay")))) return;
  try {
    await api.post(`/v1/visits/${visit.visit_id}/leave`, { version: visit.version });
    here.hasLeft = true;
    unseat();
    show();
  } catch (failure) {
    tell(reason(failure));
  }
}

function comeBack() {
  here.hasLeft = false;
  void refresh();
}

function tellPlace() {
  const place = screens.placeOf(visit);
  if (place === toldPlace) return;
  toldPlace = place;
  by("polite").textContent = place;
  if (by("place")) by("place").textContent = place;
}

function alert() {
  const name = visit.provider_name ?? say("call.kind.provider");
  by("assertive").textContent = say("patient.called.heading", { name });
  navigator.vibrate?.([200, 100, 200]);
}

/** @param {boolean} isWanted */
async function keepAwake(isWanted) {
  if (!isWanted) {
    await awake?.release();
    awake = null;
    return;
  }
  try {
    if (awake === null || awake.released) awake = await navigator.wakeLock.request("screen");
  } catch {
    // Not granted: the place is kept by the server anyway.
  }
}

/** @param {any} failure */
function reason(failure) {
  return sayOr(`errors.${failure.code}`, "errors.unexpected");
}

/** @param {string} text */
function tell(text) {
  by("trouble")?.remove();
  app.prepend(el("p", { id: "trouble", class: "notice bad", role: "alert" }, text));
}

function showPlanB() {
  const code = by("plan-b-code");
  const number = by("plan-b-number");
  code.hidden = false;
  code.textContent = say("patient.plan_b.code", { code: visit.visit_code });
  number.hidden = !visit.masked_number;
  number.textContent = say("patient.plan_b.number", { number: visit.masked_number ?? "" });
  if (["wrap_up", "completed", "cancelled"].includes(visit.state)) return;
  const card = { phone: app.dataset.clinicPhone, code: visit.visit_code, number: visit.masked_number, language: language() };
  navigator.serviceWorker?.controller?.postMessage({ type: "plan-b", card, sentences: offlineSentences() });
}

function offlineSentences() {
  return Object.fromEntries(
    ["title", "offline", "phone", "code", "number"].map((name) => [name, say(`patient.plan_b.${name}`)]),
  );
}

function showEnded() {
  if (shown === "ended") return;
  shown = "ended";
  unseat();
  document.title = say("patient.title.ended");
  app.replaceChildren(screens.plain(/** @type {any} */ ("ended")));
  app.querySelector("h1")?.focus();
}

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", (event) => {
    event.preventDefault();
    setLanguage(/** @type {HTMLElement} */ (each).dataset.language ?? "en");
    for (const other of document.querySelectorAll("[data-language]")) other.removeAttribute("aria-current");
    each.setAttribute("aria-current", "true");
    toldPlace = "";
    // A call is not torn down for its labels.
    if (shown !== "call") shown = "";
    void refresh();
  });
}
globalThis.addEventListener("pagehide", () => client?.tell("leave", { cause: "page_closed" }));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void refresh();
});
void navigator.serviceWorker?.register("/sw.js").catch(() => undefined);
void poll();
