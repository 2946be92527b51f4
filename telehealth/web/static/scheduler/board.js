/** The scheduler's board: asks every two seconds how the day stands, and shows that. */
import { api } from "../shared/api.js";
import { html, nothing, render } from "../shared/components.js";
import { by } from "../shared/dom.js";
import { Freshness } from "../shared/freshness.js";
import { say, timeOf } from "../shared/i18n.js";
import { signOut } from "../sign_in/leaving.js";
import { attentionView } from "./attention_view.js";
import { changesBetween, dayOf } from "./board_model.js";
import { correctionsView } from "./corrections_view.js";
import { dayView } from "./day_view.js";
import { refusalOf, take as takeStep } from "./steps.js";
import { askView, panelView } from "./visit_panel.js";

/**
 * @typedef {import("./board_model.js").Row} Row
 * @typedef {import("./attention_view.js").Entry} Entry
 * @typedef {import("./corrections_view.js").Correction} Correction
 * @typedef {{
 *   kind: string, row: Row, isBusy: boolean, reason: string, isReasonMissing: boolean,
 *   url: string, copied: string,
 * }} Ask
 */

const POLL_MS = 2_000;
const ENTRIES_POLL_MS = 15_000;
const app = by("app");
const { zone, today } = /** @type {{ zone: string, today: string }} */ (app.dataset);
const sees = new Set(app.dataset.sees.split(" "));
const [seesDay, seesAttention] = ["day", "attention"].map((view) => sees.has(view));

const state = {
  zone,
  today,
  date: today,
  view: seesDay ? "day" : "attention",
  /** The server's instant of what is shown. */
  asOf: "",
  rows: /** @type {Row[]} */ ([]),
  counters: /** @type {Record<string, number> | null} */ (null),
  entries: /** @type {Entry[] | null} */ (null),
  /** What patients say is wrong; asked for when the view is opened, for each look is recorded. */
  corrections: /** @type {Correction[] | null} */ (null),
  filter: { search: "", provider: "", counter: "" },
  isLive: true,
  isForbidden: false,
  isPanelOpen: false,
  /** Kept while the panel slides out. */
  panelRow: /** @type {Row | null} */ (null),
  isAskOpen: false,
  asked: /** @type {Ask | null} */ (null),
  notice: /** @type {{ level: string, text: string } | null} */ (null),
  /** Ids of visits and entries with an act under way. */
  busy: /** @type {Set<string>} */ (new Set()),
};
/** @typedef {typeof state} State */

const freshness = new Freshness(by("freshness"));
freshness.addEventListener("freshness", (event) => {
  state.isLive = /** @type {CustomEvent} */ (event).detail.level === "live";
  draw();
});

// --- what the server tells ---------------------------------------------------------------------

async function pollDay() {
  await askDay();
  setTimeout(() => void pollDay(), POLL_MS);
}

async function askDay() {
  const date = state.date;
  try {
    const told = await api.get(`/v1/day-board?date=${date}`);
    // Another day was chosen while this answer was on its way.
    if (date === state.date) showDay(told);
  } catch (failure) {
    notTold(failure);
  }
}

/** @param {{ as_of: string, counters: Record<string, number>, rows: Row[] }} told */
function showDay(told) {
  freshness.heard();
  if (state.asOf !== "") announce(changesBetween(state.rows, told.rows));
  Object.assign(state, { asOf: told.as_of, rows: told.rows, counters: told.counters, isForbidden: false });
  const isOnToday = state.date === state.today;
  state.today = dayOf(told.as_of, zone);
  // A board left open over midnight goes on with the new day.
  if (isOnToday && state.today !== state.date) chooseDay(state.today);
  refreshPanel();
  draw();
}

async function pollEntries() {
  await askEntries();
  setTimeout(() => void pollEntries(), ENTRIES_POLL_MS);
}

async function askEntries() {
  try {
    state.entries = (await api.get("/v1/needs-attention")).rows;
    if (!seesDay) freshness.heard();
  } catch (failure) {
    notTold(failure);
  }
  draw();
}

async function askCorrections() {
  if (!sees.has("corrections")) return;
  try {
    state.corrections = (await api.get("/v1/corrections")).rows;
  } catch (failure) {
    notTold(failure);
  }
  draw();
}

/** @param {any} failure */
function notTold(failure) {
  if (failure.status === 401) location.assign("/sign-in?next=/board");
  state.isForbidden = failure.status === 403;
  draw();
}

/** @param {Row[]} changed */
function announce(changed) {
  const [first] = changed;
  if (first === undefined) return;
  by("polite").textContent =
    changed.length === 1
      ? say("scheduler.changed", { name: first.patient_name, word: say(`scheduler.state.${first.state}`) })
      : say("scheduler.changed_many", { count: changed.length });
}

function refreshPanel() {
  const found = state.rows.find((row) => row.visit_id === state.panelRow?.visit_id);
  if (found !== undefined) state.panelRow = found;
}

// --- what the scheduler does -------------------------------------------------------------------

/** @param {string} date */
function chooseDay(date) {
  if (date === state.date) return;
  Object.assign(state, { date, asOf: "", rows: [], counters: null });
  state.filter.counter = "";
  void askDay();
}

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

/** Every listener draws when it is done. @type {Record<string, (...given: any[]) => void>} */
const verbs = {
  view: (name) => {
    Object.assign(state, { view: name, notice: null });
    if (name === "attention") void askCorrections();
  },
  day: chooseDay,
  // An emptied date field says nothing about which day is wanted.
  pick: (event) => chooseDay(valueOf(event) || state.date),
  search: (event) => (state.filter.search = valueOf(event)),
  provider: (event) => (state.filter.provider = valueOf(event)),
  counter: (name) => (state.filter.counter = name),
  clear: () => (state.filter = { search: "", provider: "", counter: "" }),
  open: (visitId) => {
    const row = state.rows.find((each) => each.visit_id === visitId) ?? null;
    Object.assign(state, { panelRow: row, isPanelOpen: row !== null, notice: null });
  },
  panelHidden: (event) => {
    if (event.target === event.currentTarget) Object.assign(state, { panelRow: null, isPanelOpen: false, notice: null });
  },
  ask: (kind, row) => {
    state.notice = null;
    if (kind === "undo-no-show") return void step(kind, row, "");
    // The version of now: what a colleague changes while the dialog is open is refused, not overwritten.
    state.asked = { kind, row, isBusy: false, reason: "", isReasonMissing: false, url: "", copied: "" };
    state.isAskOpen = true;
  },
  reason: (event) => {
    if (state.asked) Object.assign(state.asked, { reason: valueOf(event), isReasonMissing: false });
  },
  dismiss: () => (state.isAskOpen = false),
  askHidden: (event) => {
    if (event.target === event.currentTarget) Object.assign(state, { asked: null, isAskOpen: false });
  },
  selectAll: (event) => event.target.select(),
  confirm: () => void confirm(),
  copy: () => void copy(),
  checkAgain: (entry) => void checkAgain(entry),
  answer: (row, body) => void answer(row, body),
};
const on = Object.fromEntries(
  Object.entries(verbs).map(([name, verb]) => [
    name,
    (/** @type {any[]} */ ...given) => {
      verb(...given);
      draw();
    },
  ]),
);

async function confirm() {
  const { asked } = state;
  if (asked === null || asked.isBusy) return;
  asked.isReasonMissing = asked.kind === "cancel" && asked.reason === "";
  if (asked.isReasonMissing) return;
  asked.isBusy = true;
  const answer = await step(asked.kind, asked.row, asked.reason);
  asked.isBusy = false;
  if (asked.kind === "new-link" && answer !== null) {
    asked.url = answer.url;
    await copy();
  } else state.isAskOpen = false;
  draw();
}

/** @param {string} kind @param {Row} row @param {string} reason */
async function step(kind, row, reason) {
  state.busy.add(row.visit_id);
  draw();
  const name = row.patient_name;
  let answer = null;
  try {
    answer = await takeStep(api, kind, row, reason);
    if (kind !== "new-link") tell("good", say(`scheduler.did.${kind}`, { name }));
  } catch (failure) {
    await askDay();
    const now = state.rows.find((each) => each.visit_id === row.visit_id) ?? row;
    tell("bad", refusalOf(failure, now.state));
  }
  state.busy.delete(row.visit_id);
  await askDay();
  draw();
  return answer;
}

/** @param {string} level @param {string} text */
function tell(level, text) {
  state.notice = { level, text };
  by("polite").textContent = text;
}

async function copy() {
  const { asked } = state;
  if (asked === null) return;
  try {
    await navigator.clipboard.writeText(asked.url);
    asked.copied = "copied";
  } catch {
    asked.copied = "not_copied";
  }
  draw();
}

/** @param {Entry} entry */
async function checkAgain(entry) {
  state.busy.add(entry.entry_id);
  draw();
  try {
    await api.post(`/v1/needs-attention/${entry.entry_id}/check-again`);
    tell("good", say("scheduler.attention.checking"));
  } catch (failure) {
    tell("bad", refusalOf(failure, ""));
  }
  state.busy.delete(entry.entry_id);
  await askEntries();
}

/** @param {Correction} row @param {object | null} body */
async function answer(row, body) {
  if (body === null) return tell("bad", say("scheduler.refused.privacy.reason_missing"));
  state.busy.add(row.request_id);
  draw();
  try {
    await api.post(`/v1/corrections/${row.request_id}/answer`, body);
    tell("good", say("scheduler.corrections.answered"));
  } catch (failure) {
    tell("bad", refusalOf(failure, ""));
  }
  state.busy.delete(row.request_id);
  await askCorrections();
}

// --- drawing -----------------------------------------------------------------------------------

function draw() {
  by("as-of").textContent = state.asOf === "" ? "" : say("scheduler.as_of", { time: timeOf(state.asOf, zone) });
  const waiting = state.counters?.waiting ?? 0;
  // A number only: a page title is read by whoever passes by.
  document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${say("scheduler.title")}`;
  app.classList.toggle("is-stale", !state.isLive);
  render(html`${views()} ${notices()} ${state.view === "day" ? dayView(state, on) : html`${attentionView(state, on)} ${correctionsView(state, on)}`}`, app);
  render(html`${panelView(state, on)} ${askView(state, on)}`, by("over"));
}

function views() {
  if (!seesDay || !seesAttention) return nothing;
  return html`<nav class="views" aria-label=${say("scheduler.view.label")}>
    ${["day", "attention"].map(
      (name) => html`<button type="button" data-view=${name} aria-current=${state.view === name ? "page" : "false"} @click=${() => on.view?.(name)}>
        ${say(`scheduler.view.${name}`)}
        ${name === "attention" && state.entries?.length ? html`<span class="count figures">${state.entries.length}</span>` : nothing}
      </button>`,
    )}
  </nav>`;
}

function notices() {
  if (state.isForbidden) return html`<p class="notice bad" role="alert"><span>${say("scheduler.forbidden")}</span></p>`;
  if (!state.isLive) {
    const time = state.asOf === "" ? "–" : timeOf(state.asOf, zone);
    return html`<p class="notice warn" role="alert"><span>${say("scheduler.stale", { time })}</span></p>`;
  }
  // Beside an open panel, the panel tells it.
  if (state.notice === null || state.isPanelOpen) return nothing;
  return html`<p class="notice ${state.notice.level}" role="alert" data-notice><span>${state.notice.text}</span></p>`;
}

by("sign-out").addEventListener("click", () => void signOut());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && seesDay) void askDay();
});
app.replaceChildren();
draw();
if (seesDay) void pollDay();
if (seesAttention) void pollEntries();
