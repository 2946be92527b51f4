/**
 * The accounting of one patient: what left, to whom and why, and who looked.
 *
 * Public face: accountingView(state, on)   a Lit template; printed alone by the print style
 *
 * @typedef {import("./auditor.js").State} State
 */
import { html, nothing } from "../shared/components.js";
import { say, sayOr } from "../shared/i18n.js";
import { instant, whoOf } from "./trail_view.js";

/** @param {State} state @param {Record<string, any>} on */
export function accountingView(state, on) {
  const told = state.accounting;
  if (told === null) return nothing;
  const name = told.patient.name ?? told.patient.id;
  return html`
    <section class="card stack accounting" aria-labelledby="accounting-heading" data-accounting=${told.patient.id}>
      <div class="row spread">
        <h2 id="accounting-heading">${say("auditor.accounting.heading", { name })}</h2>
        <button class="button" type="button" data-do="close-accounting" @click=${on.closeAccounting}>${say("auditor.accounting.close")}</button>
      </div>
      <p class="soft small">${say("auditor.accounting.what", { at: instant(told.as_of, state.zone) })}</p>
      <h3>${say("auditor.accounting.left")}</h3>
      ${told.disclosures.length === 0
        ? html`<p class="soft">${say("auditor.accounting.nothing_left")}</p>`
        : html`<ul class="rows">
            ${told.disclosures.map(
              (each) => html`<li><span class="figures">${instant(each.at, state.zone)}</span>
                <strong>${sayOr(`auditor.recipient.${each.recipient}`, "auditor.recipient.other")}</strong>
                <span>${sayOr(`auditor.disclosed.${each.what}`, "auditor.disclosed.other")} · ${say(`auditor.purpose.${each.purpose}`)}</span></li>`,
            )}
          </ul>`}
      <h3>${say("auditor.accounting.looked")}</h3>
      ${told.accesses.length === 0
        ? html`<p class="soft">${say("auditor.accounting.nobody_looked")}</p>`
        : html`<ul class="rows">
            ${told.accesses.map(
              (each) => html`<li><span class="figures">${instant(each.at, state.zone)}</span>
                <strong>${whoOf(each.by)}</strong>
                <span>${sayOr(`auditor.event.${each.event}`, "auditor.event.other")}</span></li>`,
            )}
          </ul>`}
    </section>
  `;
}
