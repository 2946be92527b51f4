/**
 * What patients say is wrong in their record, and the answer each is owed.
 *
 * Public face: correctionsView(state, on)   a Lit template
 *
 * @typedef {{ request_id: string, patient_name: string | null, said: string, asked_at: string, due_on: string }} Correction
 * @typedef {import("./board.js").State} State
 */
import { html, nothing, repeat } from "../shared/components.js";
import { dayOf, say } from "../shared/i18n.js";
import { GROUNDS, bodyOf } from "./corrections_model.js";

/** @param {State} state @param {Record<string, any>} on */
export function correctionsView(state, on) {
  const rows = state.corrections;
  if (rows === null || rows.length === 0) return nothing;
  return html`
    <section class="stack" data-region="corrections">
      <div class="attention-head">
        <h2>${say("scheduler.corrections.heading")}</h2>
        <p class="soft">${say("scheduler.corrections.what")}</p>
      </div>
      <ul class="entries">
        ${repeat(rows, (row) => row.request_id, (row) => item(row, state, on))}
      </ul>
    </section>
  `;
}

/** @param {Correction} row @param {State} state @param {Record<string, any>} on */
function item(row, state, on) {
  const id = row.request_id;
  const isBusy = !state.isLive || state.busy.has(id);
  /** @param {"accepted" | "denied"} becomes @param {Event} event */
  const send = (becomes, event) => {
    const form = /** @type {HTMLElement} */ (event.target).closest("form");
    if (form) on.answer(row, bodyOf(new FormData(form), becomes));
  };
  return html`
    <li class="card entry correction" data-request-id=${id}>
      <h3>${row.patient_name ?? ""}</h3>
      <p class="said">${row.said}</p>
      <p class="soft small figures">
        ${say("scheduler.corrections.asked", { day: dayOf(row.asked_at, state.zone) })} ·
        ${say("scheduler.corrections.due", { day: dayOf(`${row.due_on}T12:00:00Z`, "UTC") })}
      </p>
      <form class="stack" @submit=${(/** @type {Event} */ event) => event.preventDefault()}>
        <div class="field">
          <label for="text-${id}">${say("scheduler.corrections.text")}</label>
          <textarea id="text-${id}" name="text" rows="2" maxlength="4000"></textarea>
        </div>
        <div class="field">
          <label for="reason-${id}">${say("scheduler.corrections.reason")}</label>
          <select id="reason-${id}" name="reason">
            <option value="">${say("scheduler.corrections.no_reason")}</option>
            ${GROUNDS.map((ground) => html`<option value=${ground}>${say(`scheduler.corrections.reason.${ground}`)}</option>`)}
          </select>
        </div>
        <div class="row">
          <button class="button primary" type="button" data-do="accept" ?disabled=${isBusy} @click=${(/** @type {Event} */ event) => send("accepted", event)}>${say("scheduler.corrections.accept")}</button>
          <button class="button" type="button" data-do="deny" ?disabled=${isBusy} @click=${(/** @type {Event} */ event) => send("denied", event)}>${say("scheduler.corrections.deny")}</button>
        </div>
      </form>
    </li>
  `;
}
