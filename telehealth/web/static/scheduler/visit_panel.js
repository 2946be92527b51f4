/**
 * One visit beside the board, and the dialog in which each act on it is confirmed.
 *
 * Public face: panelView(state, on) · askView(state, on)   Lit templates
 *
 * @typedef {import("./board_model.js").Row} Row
 * @typedef {import("./board.js").State} State
 * @typedef {import("./board.js").Ask} Ask
 */
import { html, nothing } from "../shared/components.js";
import { dayOf, say, timeOf } from "../shared/i18n.js";
import { openInvitations } from "../shared/invitations.js";
import * as model from "./board_model.js";
import { clock, flagsOf } from "./day_view.js";

const DANGER = new Set(["cancel", "withdraw-consent"]);
const FAMILIES = /** @type {Record<string, string>} */ ({ "new-link": "link", cancel: "cancel", "no-show": "no_show", "withdraw-consent": "withdraw" });
export const REASONS = ["patient_asked", "provider_unavailable", "booked_by_mistake", "other"];

/** @param {State} state @param {Record<string, any>} on */
export function panelView(state, on) {
  const row = state.panelRow;
  return html`
    <wa-drawer class="panel" placement="end" label=${row?.patient_name ?? ""} ?open=${state.isPanelOpen} @wa-after-hide=${on.panelHidden}>
      ${row === null ? nothing : facts(row, state, on)}
    </wa-drawer>
  `;
}

/** @param {Row} row @param {State} state @param {Record<string, any>} on */
function facts(row, state, on) {
  const late = model.latenessOf(row, state.asOf);
  const [start, end] = [row.starts_at, row.ends_at].map((at) => timeOf(at, state.zone));
  return html`
    <div class="stack" data-panel-of=${row.visit_id} data-panel-state=${row.state}>
      ${state.notice === null ? nothing : html`<div class="notice ${state.notice.level}" role="alert" data-notice><p>${state.notice.text}</p></div>`}
      <div class="row">
        <span class="chip" data-state=${row.state}>${say(`scheduler.state.${row.state}`)}</span>
        <span class="visit-clock figures">${clock(row, state)}</span>
      </div>
      ${late?.advice ? html`<p class="notice warn"><span>${say(`scheduler.advice.${late.advice}`)}</span></p>` : nothing}
      <dl class="facts">
        <dt>${say("scheduler.panel.when")}</dt>
        <dd class="figures">${dayOf(row.starts_at, state.zone)}<br />${say("scheduler.panel.until", { start: start ?? "", end: end ?? "" })}</dd>
        <dt>${say("scheduler.panel.provider")}</dt>
        <dd>${row.provider_name}</dd>
        ${model.isWaitClock(row.state) && row.presence
          ? html`<dt>${say("scheduler.panel.presence")}</dt>
              <dd>${say(model.isAway(row) ? "scheduler.panel.away" : "scheduler.panel.present")}</dd>`
          : nothing}
      </dl>
      <div class="visit-flags">${flagsOf(row)}</div>
      ${acts(row, state, on)}
    </div>
  `;
}

/** @param {Row} row @param {State} state @param {Record<string, any>} on */
function acts(row, state, on) {
  const offered = model.actionsOf(row.state);
  if (offered.length === 0) return html`<p class="soft">${say("scheduler.panel.no_actions")}</p>`;
  return html`
    <div class="acts" role="group" aria-label=${say("scheduler.panel.actions")}>
      ${offered.map(
        (kind) => html`<button type="button" data-do=${kind} ?disabled=${!state.isLive || state.busy.has(row.visit_id)}
          class="button wide ${DANGER.has(kind) ? "danger" : ""}" @click=${() => on.ask(kind, row)}>${say(`scheduler.do.${kind}`)}</button>`,
      )}
      <button type="button" data-do="guests" class="button wide" ?disabled=${!state.isLive} @click=${() => void openInvitations(row.visit_id)}>${say("common.guests.open")}</button>
    </div>
  `;
}

/** @param {State} state @param {Record<string, any>} on */
export function askView(state, on) {
  const ask = state.asked;
  return html`
    <wa-dialog class="ask" label=${ask === null ? "" : headingOf(ask)} ?open=${state.isAskOpen} @wa-after-hide=${on.askHidden}>
      ${ask === null ? nothing : html`<div class="stack" data-ask=${ask.kind}>${BODIES[ask.kind]?.(ask, state, on)}</div>`}
      ${ask === null ? nothing : html`<div slot="footer" class="ask-foot">${foot(ask, state, on)}</div>`}
    </wa-dialog>
  `;
}

/** @param {Ask} ask */
function headingOf(ask) {
  if (ask.kind === "new-link") return say(ask.url === "" ? "scheduler.link.heading" : "scheduler.link.ready");
  return say(`scheduler.${FAMILIES[ask.kind]}.heading`);
}

/** @type {Record<string, (ask: Ask, state: State, on: Record<string, any>) => any>} */
const BODIES = { "new-link": linkBody, cancel: cancelBody, "no-show": noShowBody, "withdraw-consent": withdrawBody };

/** @param {Ask} ask @param {State} _state @param {Record<string, any>} on */
function linkBody(ask, _state, on) {
  const name = ask.row.patient_name;
  if (ask.url === "") return html`<p>${say("scheduler.link.what", { name })}</p>`;
  return html`
    <p>${say("scheduler.link.how", { name })}</p>
    <div class="field">
      <label for="new-link-url">${say("scheduler.link.label")}</label>
      <input id="new-link-url" class="link-url" readonly data-link-url .value=${ask.url} @focus=${on.selectAll} />
    </div>
    <p role="status" class="small" data-copied=${ask.copied}>${ask.copied === "" ? "" : say(`scheduler.link.${ask.copied}`)}</p>
  `;
}

/** @param {Ask} ask @param {State} state @param {Record<string, any>} on */
function cancelBody(ask, state, on) {
  return html`
    <p>${say("scheduler.cancel.what", { name: ask.row.patient_name, time: timeOf(ask.row.starts_at, state.zone) })}</p>
    <wa-radio-group label=${say("scheduler.cancel.reason")} name="reason" @change=${on.reason}>
      ${REASONS.map((reason) => html`<wa-radio value=${reason} data-reason=${reason}>${say(`scheduler.cancel.reason.${reason}`)}</wa-radio>`)}
    </wa-radio-group>
    ${ask.isReasonMissing ? html`<p class="notice bad" role="alert"><span>${say("scheduler.cancel.reason_missing")}</span></p>` : nothing}
  `;
}

/** @param {Ask} ask @param {State} state */
function noShowBody(ask, state) {
  const fields = { name: ask.row.patient_name, time: timeOf(ask.row.starts_at, state.zone) };
  const isEarly = Date.parse(ask.row.starts_at) > Date.parse(state.asOf);
  return html`
    ${isEarly ? html`<p class="notice warn"><span>${say("scheduler.no_show.early", fields)}</span></p>` : nothing}
    <p>${say("scheduler.no_show.what", fields)}</p>
  `;
}

/** @param {Ask} ask */
function withdrawBody(ask) {
  return html`<p>${say("scheduler.withdraw.what", { name: ask.row.patient_name })}</p>`;
}

/** @param {Ask} ask @param {State} state @param {Record<string, any>} on */
function foot(ask, state, on) {
  if (ask.url !== "") {
    return html`
      <button type="button" class="button" data-do="dismiss" @click=${on.dismiss}>${say("scheduler.link.done")}</button>
      <button type="button" class="button primary" data-do="copy" @click=${on.copy}>${say("scheduler.link.copy")}</button>
    `;
  }
  const family = FAMILIES[ask.kind];
  return html`
    <button type="button" class="button" autofocus data-do="dismiss" @click=${on.dismiss}>${say(ask.kind === "cancel" ? "scheduler.cancel.keep" : "scheduler.back")}</button>
    <button type="button" class="button ${DANGER.has(ask.kind) ? "solid-danger" : "primary"}" data-do="confirm" ?disabled=${!state.isLive || ask.isBusy} @click=${on.confirm}>
      ${ask.isBusy ? html`<wa-spinner></wa-spinner>` : nothing}${say(`scheduler.${family}.go`)}
    </button>
  `;
}
