/** Emergency access: one patient named, a reason, a fresh proof; then an hour of reading. */
import { ApiRefusal, api } from "../shared/api.js";
import { render } from "../shared/components.js";
import { by } from "../shared/dom.js";
import { say, sayOr } from "../shared/i18n.js";
import { withProof } from "../sign_in/proof.js";
import { isReason, leftOf, soughtOf } from "./emergency_model.js";
import { page } from "./emergency_view.js";

/**
 * @typedef {{ access_id: string, opened_at: string, ends_at: string, ended_at: string | null, reads: number }} Access
 * @typedef {Access & { patient: Record<string, string | null>, visits: any[] }} Opened
 * @typedef {{
 *   isByNumber: boolean, isBusy: boolean, record: Opened | null, left: number, aheadMs: number,
 *   problem: string, said: string, reason: string, isLoaded: boolean,
 * }} State
 */

const LOOK_EVERY_MS = 30_000;
const app = by("app");
/** @type {State} */
const state = { isByNumber: false, isBusy: false, record: null, left: 0, aheadMs: 0, problem: "", said: "", reason: "", isLoaded: false };

function draw() {
  render(page(state, on, app.dataset.zone ?? "UTC"), app);
}

/** @param {any} failure */
function tell(failure) {
  if (failure instanceof ApiRefusal && failure.status === 401) location.assign("/sign-in?next=/emergency");
  state.problem = sayOr(`emergency.errors.${failure.code}`, "emergency.errors.unexpected");
}

/** Read what is open; each reading is in the audit trail, so it is read once and kept. */
async function look() {
  const { open, as_of: asOf } = await api.get("/v1/break-glass/current");
  state.aheadMs = Date.parse(asOf) - Date.now();
  if (open === null) return closed();
  if (state.record?.access_id !== open.access_id) state.record = await api.get(`/v1/break-glass/${open.access_id}/record`);
  state.left = leftOf(open.ends_at, Date.now() + state.aheadMs);
}

/** Nothing of the record stays on the screen, or in the page. */
function closed() {
  if (state.record !== null && state.said === "") state.said = say("emergency.said.over");
  state.record = null;
}

/** @param {() => Promise<unknown>} act */
async function doing(act) {
  if (state.isBusy) return;
  Object.assign(state, { isBusy: true, problem: "", said: "" });
  draw();
  try {
    await withProof(act);
  } catch (failure) {
    tell(failure);
  }
  state.isBusy = false;
  draw();
  window.scrollTo({ top: 0 });
}

const on = {
  byNumber: () => {
    state.isByNumber = !state.isByNumber;
    draw();
  },
  /** @param {Event} event */
  reason: (event) => {
    state.reason = /** @type {HTMLTextAreaElement} */ (event.currentTarget).value;
    draw();
  },
  /** @param {HTMLFormElement} form */
  open: (form) => {
    const typed = new FormData(form);
    const body = soughtOf((name) => String(typed.get(name) ?? ""), state.isByNumber);
    if (!isReason(body.reason)) {
      state.problem = say("emergency.errors.break_glass.reason_too_short");
      draw();
      return;
    }
    void doing(async () => {
      await api.post("/v1/break-glass", body);
      state.reason = "";
      await look();
      by("polite").textContent = say("emergency.said.opened");
    });
  },
  end: () =>
    void doing(async () => {
      if (state.record === null) return;
      await api.post(`/v1/break-glass/${state.record.access_id}/end`);
      state.said = say("emergency.said.ended");
      closed();
    }),
};

/** Count down; when the hour is over the record leaves the screen, whatever the network does. */
function tick() {
  if (state.record === null) return;
  state.left = leftOf(state.record.ends_at, Date.now() + state.aheadMs);
  if (state.left === 0) closed();
  draw();
}

/** Somebody may have closed it in another window. */
async function check() {
  if (state.record === null || state.isBusy) return;
  try {
    await look();
  } catch (failure) {
    if (failure instanceof ApiRefusal) {
      closed();
      tell(failure);
    }
  }
  draw();
}

app.replaceChildren();
setInterval(tick, 1000);
setInterval(() => void check(), LOOK_EVERY_MS);
globalThis.addEventListener("pagehide", () => {
  state.record = null;
  app.replaceChildren();
});
globalThis.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
try {
  await look();
} catch (failure) {
  tell(failure);
}
state.isLoaded = true;
draw();
