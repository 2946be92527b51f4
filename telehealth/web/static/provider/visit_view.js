/** One visit beside the queue: who it is, the call, the note, the next step.  Draws, decides nothing. */
import { html, nothing } from "../shared/components.js";
import { say, sayOr, timeOf } from "../shared/i18n.js";
import { openInvitations } from "../shared/invitations.js";
import { deviceOf } from "./queue_model.js";
import { checklist, mayClose, offered } from "./visit_model.js";

/** @typedef {import("./visit_model.js").Step} Step */
/**
 * @typedef {object} VisitGiven
 * @property {any} visit
 * @property {string} zone
 * @property {Record<string, string>} states
 * @property {import("./call_desk.js").CallDesk} desk
 * @property {import("./note_editor.js").NoteEditor} note
 * @property {boolean} isBusy
 * @property {(step: Step) => void} onStep
 * @property {() => void} onBack
 * @property {() => void} onTakeOver
 */

/** @param {VisitGiven} given */
export function visitView(given) {
  const { visit, desk, note } = given;
  return html`
    <article class="visit-pane" data-region="visit" data-visit-id=${visit.visit_id} data-state=${visit.state}>
      ${header(given)}
      <div class="visit-body ${desk.stage ? "with-call" : ""}">
        <section class="visit-call" data-region="call" aria-label=${say("provider.call.heading")}>${call(given)}</section>
        <section class="card visit-note" data-region="note" aria-labelledby="note-label">${note.element}</section>
      </div>
      ${visit.state === "wrap_up" ? wrapUp(given) : nothing} ${steps(given)} ${timeline(given)}
    </article>
  `;
}

/** @param {VisitGiven} given */
function header({ visit, zone, states, onBack }) {
  const { patient } = visit;
  const age = typeof patient.age === "number" ? say("provider.queue.age", { count: patient.age }) : null;
  return html`
    <header class="card visit-head">
      <div class="row spread">
        <h1 tabindex="-1" id="visit-heading">${patient.name}</h1>
        <span class="chip" data-state=${visit.state}>${say(`provider.state.${visit.state}`)}</span>
      </div>
      <dl class="visit-facts figures">
        ${fact("birth_date", [patient.birth_date, age].filter(Boolean).join(" · "))} ${fact("record", patient.medical_record_number)}
        ${fact("call_back", visit.call_back_number)} ${fact("place", placeOf(visit, states))}
        ${fact("starts_at", visit.starts_at ? timeOf(visit.starts_at, zone) : null)}
        ${fact("consent", consentText(visit, zone))}
        ${fact("device", deviceText(visit.device_check))}
      </dl>
      <div class="row spread">
        <button type="button" class="button quiet" data-do="back" @click=${onBack}>${say("provider.back")}</button>
        <button type="button" class="button quiet" data-do="guests" @click=${() => void openInvitations(visit.visit_id)}>${say("common.guests.open")}</button>
      </div>
    </header>
  `;
}

/** @param {any} visit @param {string} zone */
function consentText(visit, zone) {
  if (visit.consent_withdrawn_at) return say("provider.fact.taken_back", { time: timeOf(visit.consent_withdrawn_at, zone) });
  return visit.consent_given_at ? timeOf(visit.consent_given_at, zone) : say("provider.fact.none");
}

/** @param {string} name @param {string | null | undefined} value */
function fact(name, value) {
  return value ? html`<div><dt>${say(`provider.fact.${name}`)}</dt><dd>${value}</dd></div>` : nothing;
}

/** @param {any} visit @param {Record<string, string>} states */
function placeOf(visit, states) {
  const state = visit.place_state ? (states[visit.place_state] ?? visit.place_state) : null;
  return [visit.place_address, state].filter(Boolean).join(", ");
}

/** @param {any} check */
function deviceText(check) {
  const { code, parts } = deviceOf(check);
  return say(`provider.device.${code}`, { parts: parts.map((part) => say(`device.${part}`)).join(", ") });
}

/** @param {VisitGiven} given */
function call({ visit, desk, onTakeOver }) {
  const trouble = desk.trouble ? html`<p class="notice warn" role="alert">${sayOr(desk.trouble, "provider.errors.unexpected")}</p>` : nothing;
  if (desk.state === "seat_taken") {
    return html`<div class="notice warn" role="alert">
      <strong>${say("provider.call.elsewhere")}</strong>
      <button type="button" class="button" data-do="take-over" @click=${onTakeOver}>${say("provider.call.move_here")}</button>
    </div>`;
  }
  if (desk.stage) return html`${trouble}${lobby(desk)}${desk.stage}`;
  const key = visit.state === "wrap_up" ? "over" : "outside";
  return html`${trouble}<p class="card soft">${say(`provider.call.${key}`)}</p>`;
}

/** @param {import("./call_desk.js").CallDesk} desk */
function lobby(desk) {
  return desk.waitingGuests.map(
    (guest) => html`<div class="notice warn lobby" role="status" data-waits=${guest.participantId}>
      <span>${say("provider.lobby.waits", { name: guest.name, kind: say(`call.kind.${guest.kind}`) })}</span>
      <button type="button" class="button" data-do="admit" @click=${() => void desk.admit(guest.participantId)}>${say("provider.lobby.admit")}</button>
    </div>`,
  );
}

/** @param {VisitGiven} given */
function wrapUp({ visit, note }) {
  return html`<section class="card stack" data-region="wrap-up">
    <h2>${say("provider.wrap_up.heading")}</h2>
    <ul class="checklist">
      ${checklist(visit.open_items, note).map(
        (item) => html`<li class="mark" data-level=${item.isDone ? "good" : item.isBlocking ? "bad" : "warn"} data-item=${item.code}>
          ${sayOr(`provider.item.${item.code}.${item.isDone ? "done" : "open"}`, `provider.item.other`)}
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {VisitGiven} given */
function steps(given) {
  const { visit, desk, note, isBusy, onStep } = given;
  const isInCall = desk.isIn && desk.visitId === visit.visit_id;
  const list = offered({ state: visit.state, isInCall, isConsentGone: Boolean(visit.consent_withdrawn_at) });
  if (list.length === 0) return nothing;
  return html`<div class="visit-steps" role="group" aria-label=${say("provider.steps")}>
    ${list.map((step, index) => {
      const isShut = isBusy || (step === "close" && !mayClose(visit.open_items, note));
      return html`<button
        type="button"
        class="button ${index === 0 ? "primary" : ""}"
        data-do=${step}
        ?disabled=${isShut}
        @click=${() => onStep(step)}
      >
        ${say(`provider.step.${step}`)}
      </button>`;
    })}
  </div>`;
}

/** @param {VisitGiven} given */
function timeline({ visit, zone }) {
  if (!visit.timeline?.length) return nothing;
  return html`<details class="card timeline">
    <summary>${say("provider.timeline")}</summary>
    <ol>
      ${visit.timeline.map(
        (/** @type {any} */ moment) => html`<li class="figures">
          <span class="soft">${timeOf(moment.at, zone)}</span>
          ${sayOr(`provider.moment.${moment.event}`, "provider.moment.other", { kind: moment.kind ? say(`call.kind.${moment.kind}`) : "" })}
        </li>`,
      )}
    </ol>
  </details>`;
}
