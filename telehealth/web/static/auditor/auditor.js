/** The auditor's page: search the trail, check it, account for one patient, export. */
import { api } from "../shared/api.js";
import { render } from "../shared/components.js";
import { by } from "../shared/dom.js";
import { say, sayOr } from "../shared/i18n.js";
import { signOut } from "../sign_in/leaving.js";
import { queryOf } from "./trail_model.js";
import { pageView } from "./trail_view.js";

/**
 * @typedef {import("./trail_model.js").Filter} Filter
 * @typedef {import("./trail_model.js").Verdict} Verdict
 * @typedef {import("./trail_model.js").Sink} Sink
 * @typedef {{ id?: string, name?: string | null, role: string | null, job: string | null }} Who
 * @typedef {{
 *   seq: number, at: string, event: string, by: Who, patient: { id: string, name: string | null } | null,
 *   visit_id: string | null, subject: { id: string, name: string | null } | null,
 *   facts: Record<string, any>, seal: string,
 * }} Entry
 * @typedef {{
 *   access_id: string, opened_at: string, ends_at: string, ended_at: string | null, ended_how: string | null, reads: number,
 *   person_name: string | null, patient_id: string, patient_name: string | null, reason: string,
 * }} EmergencyAccess
 * @typedef {{ person_id: string, name: string, is_patient: boolean, medical_record_number: string | null }} Person
 * @typedef {{
 *   patient: { id: string, name: string | null }, as_of: string,
 *   disclosures: { at: string, seq: number, recipient: string, what: string, purpose: string, visit_id: string | null }[],
 *   accesses: { at: string, seq: number, event: string, by: Who, visit_id: string | null }[],
 * }} Accounting
 */

const app = by("app");

const state = {
  zone: /** @type {string} */ (app.dataset.zone),
  mayExport: app.dataset.exports === "yes",
  kinds: /** @type {string[]} */ (JSON.parse(by("kinds").textContent)),
  filter: /** @type {Filter} */ ({ patient: null, person: null, visit: "", day: "", kind: "" }),
  words: "",
  people: /** @type {Person[] | null} */ (null),
  accesses: /** @type {EmergencyAccess[] | null} */ (null),
  refusedTries: /** @type {Entry[] | null} */ (null),
  days: /** @type {import("./days_model.js").DayReport[] | null} */ (null),
  unseenDays: 0,
  /** The end of an access's or a report's id, from the link of a notice. */
  marked: location.hash.slice(1),
  entries: /** @type {Entry[] | null} */ (null),
  isLast: true,
  verdict: /** @type {Verdict | null} */ (null),
  isChecking: false,
  sinks: /** @type {Sink[] | null} */ (null),
  accounting: /** @type {Accounting | null} */ (null),
  problem: "",
};
/** @typedef {typeof state} State */

/** Run what asks the server; tell a refusal in words. @param {() => Promise<void>} ask */
async function tryTo(ask) {
  state.problem = "";
  try {
    await ask();
  } catch (/** @type {any} */ failure) {
    if (failure.status === 401) location.assign("/sign-in?next=/auditor");
    state.problem = sayOr(`auditor.errors.${failure.code}`, "auditor.errors.unexpected");
  }
  draw();
}

/** @param {string} text */
const announce = (text) => (by("polite").textContent = text);

async function find() {
  const told = await api.get(queryOf(state.filter));
  Object.assign(state, { entries: told.entries, isLast: told.is_last });
  announce(say("auditor.found", { count: told.entries.length }));
}

async function more() {
  const last = state.entries?.at(-1)?.seq ?? null;
  const told = await api.get(queryOf(state.filter, last));
  Object.assign(state, { entries: [...(state.entries ?? []), ...told.entries], isLast: told.is_last });
}

async function findEmergencies() {
  const refused = { patient: null, person: null, visit: "", day: "", kind: "emergency.refused" };
  state.accesses = (await api.get("/v1/break-glass")).rows;
  state.refusedTries = (await api.get(queryOf(refused))).entries;
}

async function findDays() {
  const told = await api.get("/v1/audit/day-reports");
  Object.assign(state, { days: told.reports, unseenDays: told.unseen });
}

async function check() {
  state.isChecking = true;
  draw();
  try {
    state.verdict = await api.post("/v1/audit/verify");
    state.sinks = (await api.get("/v1/audit/heads")).sinks;
  } finally {
    state.isChecking = false;
  }
}

/** @param {Partial<Filter>} change */
function narrow(change) {
  Object.assign(state.filter, change);
  if (change.patient !== undefined) state.accounting = null;
  void tryTo(find);
}

/** @param {Event} event */
const valueOf = (event) => /** @type {HTMLInputElement} */ (event.target).value;

const on = {
  check: () => void tryTo(check),
  more: () => void tryTo(more),
  day: (/** @type {Event} */ event) => narrow({ day: valueOf(event) }),
  kind: (/** @type {Event} */ event) => narrow({ kind: valueOf(event) }),
  visit: (/** @type {Event} */ event) => narrow({ visit: valueOf(event) }),
  ofVisit: (/** @type {string} */ visit) => narrow({ visit }),
  words: (/** @type {Event} */ event) => (state.words = valueOf(event)),
  search: (/** @type {Event} */ event) => {
    event.preventDefault();
    void tryTo(async () => {
      state.people = (await api.post("/v1/audit/people-search", { words: state.words.trim() })).people;
    });
  },
  choose: (/** @type {Person} */ person) => {
    const chosen = { id: person.person_id, name: person.name };
    Object.assign(state, { people: null, words: "" });
    narrow(person.is_patient ? { patient: chosen, person: null } : { person: chosen, patient: null });
  },
  clear: (/** @type {keyof Filter} */ name) => narrow({ [name]: name === "patient" || name === "person" ? null : "" }),
  account: () => {
    const chosen = state.filter.patient;
    if (chosen === null) return;
    void tryTo(async () => {
      state.accounting = await api.get(`/v1/audit/patients/${chosen.id}/accounting`);
    });
  },
  reviewDay: (/** @type {import("./days_model.js").DayReport} */ report) =>
    void tryTo(async () => {
      const seen = await api.post(`/v1/audit/day-reports/${report.report_id}/review`);
      state.days = (state.days ?? []).map((each) => (each.report_id === seen.report_id ? seen : each));
      state.unseenDays = Math.max(0, state.unseenDays - 1);
      announce(say("auditor.days.unseen", { count: state.unseenDays }));
    }),
  closeAccounting: () => {
    state.accounting = null;
    draw();
  },
};

function draw() {
  render(pageView(state, on), app);
}

by("sign-out").addEventListener("click", () => void signOut());
app.replaceChildren();
draw();
void tryTo(async () => {
  state.sinks = (await api.get("/v1/audit/heads")).sinks;
  await findEmergencies();
  await findDays();
  await find();
});
