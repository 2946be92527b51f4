/** The provider's console: asks every two seconds who waits and how the open visit stands. */
import { api } from "../shared/api.js";
import { html, nothing, render } from "../shared/components.js";
import { by } from "../shared/dom.js";
import { Freshness } from "../shared/freshness.js";
import { say, sayOr, timeOf } from "../shared/i18n.js";
import { signOut } from "../sign_in/leaving.js";
import { ask } from "./ask.js";
import { CallDesk } from "./call_desk.js";
import { NoteEditor } from "./note_editor.js";
import { diff, settled } from "./queue_model.js";
import { queueView } from "./queue_view.js";
import { hashOf, mayJoinByItself, visitIdOf } from "./visit_model.js";
import { visitView } from "./visit_view.js";

/** @typedef {import("./queue_model.js").ShownRow} ShownRow */
/** @typedef {import("./visit_model.js").Step} Step */

const POLL_MS = 2_000;
const app = by("app");
const zone = app.dataset.zone;
const states = JSON.parse(by("states").textContent);
const desk = new CallDesk();
const note = new NoteEditor(zone);
const freshness = new Freshness(by("freshness"));

const here = {
  rows: /** @type {ShownRow[]} */ ([]),
  asOf: new Date().toISOString(),
  visitId: visitIdOf(location.hash),
  visit: /** @type {any} */ (null),
  /** Whoever left the call by hand is not pulled back into it. */
  hasLeft: false,
  isBusy: false,
  isLive: true,
  /** Until when a record is open to this provider in an emergency; empty: none is. */
  emergencyUntil: "",
  notice: /** @type {{ level: string, text: string } | null} */ (null),
};

// --- what the server tells -----------------------------------------------------------------------

async function poll() {
  await refresh();
  setTimeout(() => void poll(), POLL_MS);
}

async function refresh() {
  try {
    const [queue] = await Promise.all([api.get("/v1/consult-queue"), refreshVisit()]);
    freshness.heard();
    here.asOf = queue.as_of;
    const before = here.rows;
    const fresh = [...(queue.under_way ?? []), ...queue.rows];
    here.rows = settled({ shown: before, fresh, isHeld: isHeld() });
    tellArrivals(before, here.rows);
    by("as-of").textContent = say("provider.as_of", { time: timeOf(here.asOf, zone) });
  } catch (failure) {
    notTold(failure);
  }
  draw();
}

async function refreshVisit() {
  const visitId = here.visitId;
  if (visitId === "") return;
  const visit = await api.get(`/v1/visits/${visitId}`);
  if (visitId !== here.visitId) return;
  const isFirst = here.visit === null;
  // An answer that was on its way while a step was taken is older than what is shown.
  if (!isFirst && visit.version < here.visit.version) return;
  here.visit = visit;
  if (visit.consent_withdrawn_at && desk.isIn) endForConsent(visit);
  desk.setNames(visit.roster);
  if (isFirst) await note.open(visitId);
  if (isFirst && !desk.isIn && mayJoinByItself({ state: visit.state, hasLeft: here.hasLeft })) join();
}

/** A record opened in an emergency is not forgotten while it is open. */
async function seeEmergency() {
  const { open } = await api.get("/v1/break-glass/current").catch(() => ({ open: null }));
  here.emergencyUntil = open?.ends_at ?? "";
  draw();
}

/** The patient took the consent back: the call is over, and whoever sits in it is told why. @param {any} visit */
function endForConsent(visit) {
  leaveCall();
  here.notice = { level: "warn", text: say("provider.consent_withdrawn", { name: visit.patient.name }) };
}

/** @param {any} failure */
function notTold(failure) {
  if (failure.status === 401) location.assign(`/sign-in?next=/console${hashOf(here.visitId)}`);
  if (failure.status === 404 && here.visitId !== "") void closePane();
}

/** No card moves under a pointer or a focus. */
function isHeld() {
  return app.querySelector("[data-region=queue] :is(:hover, :focus-within) > [data-do]") !== null;
}

/** @param {readonly ShownRow[]} before @param {readonly ShownRow[]} after */
function tellArrivals(before, after) {
  const { added } = diff(before, after);
  const names = after.filter((row) => added.includes(row.visit_id) && row.state === "waiting").map((row) => row.patient.name);
  if (before.length > 0 && names.length > 0) by("polite").textContent = say("provider.queue.arrived", { name: names.join(", ") });
}

// --- what the provider does ----------------------------------------------------------------------

/** Do one thing at a time; say why it was not done.  @param {() => Promise<unknown>} act */
async function doing(act) {
  if (here.isBusy) return;
  here.isBusy = true;
  here.notice = null;
  draw();
  try {
    await act();
  } catch (/** @type {any} */ failure) {
    here.notice = { level: "bad", text: reason(failure) };
  } finally {
    here.isBusy = false;
    await refresh();
  }
}

/** @param {any} failure */
function reason(failure) {
  const { called_by: name, called_at: at } = failure.body ?? {};
  if (failure.code === "waiting_room.already_called" && name) {
    return say("provider.errors.called_by", { name, time: timeOf(at, zone) });
  }
  return sayOr(`provider.errors.${failure.code}`, "provider.errors.unexpected");
}

/** @param {string} visitId */
async function openPane(visitId) {
  await note.close();
  here.visitId = visitId;
  here.visit = null;
  here.hasLeft = false;
  history.replaceState(null, "", hashOf(visitId) || location.pathname);
}

async function closePane() {
  if (!(await note.flush())) {
    here.notice = { level: "bad", text: say("provider.errors.unsaved") };
    return;
  }
  desk.leave();
  await openPane("");
  draw();
}

function join() {
  here.hasLeft = false;
  void desk.join(here.visitId);
}

/** @param {ShownRow} row */
function start(row) {
  void doing(async () => {
    await api.post(`/v1/visits/${row.visit_id}/call`, { version: row.version });
    if (here.visitId !== row.visit_id) await openPane(row.visit_id);
    join();
    await refreshVisit();
  });
}

/** @param {string} verb */
async function step(verb) {
  const { visit_id: visitId, version } = here.visit;
  const told = await api.post(`/v1/visits/${visitId}/${verb}`, { version });
  if (here.visit?.visit_id === visitId) here.visit = { ...here.visit, state: told.state, version: told.version };
}

/** @type {Record<Step, () => Promise<void>>} */
const STEPS = {
  async start() {
    await step("call");
    join();
  },
  async rejoin() {
    if (here.visit.state === "wrap_up") await step("rejoin");
    join();
  },
  async finish() {
    if (!(await sure("finish"))) return;
    await note.flush();
    await step("finish");
    desk.leave();
  },
  async "put-back"() {
    if (!(await sure("put_back"))) return;
    desk.maySeat = false;
    await step("put-back");
    await closePane();
  },
  async close() {
    if (!(await note.flush())) throw { code: "unsaved" };
    await step("close");
    const { name } = here.visit.patient;
    await closePane();
    here.notice = { level: "good", text: say("provider.closed", { name }) };
  },
};

/** @param {"finish" | "put_back"} what */
function sure(what) {
  return ask({
    heading: say(`provider.ask.${what}.heading`),
    text: say(`provider.ask.${what}.text`, { name: here.visit.patient.name }),
    yes: say(`provider.ask.${what}.yes`),
    no: say("provider.ask.no"),
    isDanger: false,
  });
}

function leaveCall() {
  here.hasLeft = true;
  desk.leave();
}

// --- what is shown -------------------------------------------------------------------------------

function draw() {
  app.classList.toggle("has-visit", here.visit !== null);
  app.classList.toggle("is-stale", !here.isLive);
  render(
    html`
      ${here.notice ? html`<p class="notice ${here.notice.level} console-notice" role="alert" data-notice>${here.notice.text}</p>` : nothing}
      ${here.emergencyUntil > here.asOf
        ? html`<p class="notice bad console-notice" data-region="emergency">
            ${say("provider.emergency_open", { time: timeOf(here.emergencyUntil, zone) })} <a href="/emergency">${say("provider.emergency_go")}</a>
          </p>`
        : nothing}
      ${here.visit
        ? visitView({
            visit: here.visit,
            zone,
            states,
            desk,
            note,
            isBusy: here.isBusy || !here.isLive,
            onStep: (name) => void doing(STEPS[name]),
            onBack: () => void doing(closePane),
            onTakeOver: () => void desk.takeOver(),
          })
        : html`<p class="card soft no-visit">${say("provider.no_visit")}</p>`}
      ${queueView({
        rows: here.rows,
        asOf: here.asOf,
        zone,
        states,
        openId: here.visit ? here.visitId : "",
        isBusy: here.isBusy || !here.isLive,
        mayStart: !desk.isIn,
        onStart: start,
        onOpen: (row) => void doing(() => openPane(row.visit_id)),
      })}
    `,
    app,
  );
}

app.replaceChildren();
freshness.addEventListener("freshness", (event) => {
  here.isLive = /** @type {CustomEvent} */ (event).detail.level !== "offline";
  draw();
});
desk.addEventListener("change", draw);
desk.addEventListener("visit-changed", () => void refresh());
desk.addEventListener("leave-asked", leaveCall);
desk.addEventListener("closed", (event) => {
  const { outcome } = /** @type {CustomEvent} */ (event).detail;
  here.hasLeft = true;
  if (outcome !== "left" && outcome !== "ended") here.notice = { level: "warn", text: sayOr(`provider.call.closed.${outcome}`, "provider.call.failed") };
  void refresh();
});
note.addEventListener("change", draw);
by("sign-out").addEventListener("click", async () => {
  await closePane();
  if (!note.hasUnsaved) await signOut();
});
globalThis.addEventListener("hashchange", () => {
  const visitId = visitIdOf(location.hash);
  if (visitId !== here.visitId) void doing(() => openPane(visitId));
});
globalThis.addEventListener("pagehide", () => desk.sayPageClosed());
globalThis.addEventListener("beforeunload", (event) => {
  if (note.hasUnsaved) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  void refresh();
  void seeEmergency();
});
void seeEmergency();
void poll();
