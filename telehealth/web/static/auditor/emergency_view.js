/**
 * Who has opened whose record in an emergency, and why: what an auditor sees first.
 *
 * Public face: emergencyView(state, on)   a Lit template
 *
 * @typedef {import("./auditor.js").State} State
 * @typedef {import("./auditor.js").EmergencyAccess} EmergencyAccess
 */
import { html, nothing } from "../shared/components.js";
import { dayOf, say, timeOf } from "../shared/i18n.js";

const SHOWN = 10;

/** @param {State} state @param {Record<string, any>} on */
export function emergencyView(state, on) {
  const found = state.accesses ?? [];
  const tries = state.refusedTries ?? [];
  return html`
    <section class="card stack" aria-labelledby="emergency-heading" data-region="emergencies">
      <h2 id="emergency-heading">${say("auditor.emergency.heading")}</h2>
      ${found.length === 0 ? html`<p class="soft">${say("auditor.emergency.none")}</p>` : nothing}
      <ul class="emergencies">
        ${found.slice(0, SHOWN).map((each) => access(each, state, on))}
      </ul>
      ${found.length > SHOWN ? html`<p class="soft small">${say("auditor.emergency.more", { count: found.length - SHOWN })}</p>` : nothing}
      ${tries.length > 0 ? html`<p class="small" data-region="tries">${say("auditor.emergency.tries", { count: tries.length })}</p>` : nothing}
    </section>
  `;
}

/** @param {EmergencyAccess} each @param {State} state @param {Record<string, any>} on */
function access(each, state, on) {
  const isOpen = each.ended_at === null;
  const isMarked = state.marked !== "" && each.access_id.endsWith(state.marked);
  const patient = { person_id: each.patient_id, name: each.patient_name ?? "", is_patient: true, medical_record_number: null };
  return html`<li class=${isMarked ? "is-marked" : ""} data-access=${each.access_id} data-open=${isOpen ? "yes" : "no"}>
    <div class="row spread">
      <strong>${each.person_name ?? say("auditor.emergency.somebody")}</strong>
      <span class="state ${isOpen ? "is-open" : ""}">${standing(each, state.zone)}</span>
    </div>
    <p>
      ${say("auditor.emergency.of")}
      <button type="button" class="link" data-do="patient" @click=${() => on.choose(patient)}>${each.patient_name ?? say("auditor.emergency.erased")}</button>
      · <span class="figures">${dayOf(each.opened_at, state.zone)}, ${timeOf(each.opened_at, state.zone)}</span> · ${say("auditor.emergency.reads", { count: each.reads })}
    </p>
    <blockquote class="reason">${each.reason}</blockquote>
  </li>`;
}

/** @param {EmergencyAccess} each @param {string} zone */
function standing(each, zone) {
  if (each.ended_at === null) return say("auditor.emergency.open", { time: timeOf(each.ends_at, zone) });
  return say(`auditor.emergency.ended.${each.ended_how}`, { time: timeOf(each.ended_at, zone) });
}
