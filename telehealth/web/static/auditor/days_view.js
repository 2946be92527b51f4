/**
 * The daily reports: those nobody has looked at first, each with a button that says one has.
 *
 * Public face: daysView(state, on)   a Lit template
 *
 * @typedef {import("./auditor.js").State} State
 * @typedef {import("./days_model.js").DayReport} DayReport
 * @typedef {import("./days_model.js").Opened} Opened
 * @typedef {import("./days_model.js").Listed} Listed
 * @typedef {import("./days_model.js").Heading} Heading
 */
import { html, nothing, repeat } from "../shared/components.js";
import { language, say, sayOr, timeOf } from "../shared/i18n.js";
import { isAlarm, kinds, standing, told } from "./days_model.js";
import { instant, whoOf } from "./trail_view.js";

/** @param {State} state @param {Record<string, any>} on */
export function daysView(state, on) {
  const found = state.days;
  if (found === null) return nothing;
  return html`
    <section class="card stack" aria-labelledby="days-heading" data-region="days">
      <div class="row spread">
        <h2 id="days-heading">${say("auditor.days.heading")}</h2>
        ${found.length === 0 ? nothing : html`<strong data-unseen=${state.unseenDays}>${state.unseenDays === 0 ? say("auditor.days.all_seen") : say("auditor.days.unseen", { count: state.unseenDays })}</strong>`}
      </div>
      <p class="soft small">${say(found.length === 0 ? "auditor.days.none" : "auditor.days.what")}</p>
      <ul class="days">${repeat(found, (each) => each.report_id, (each) => day(each, state, on))}</ul>
    </section>
  `;
}

/** @param {DayReport} report @param {State} state @param {Record<string, any>} on */
function day(report, state, on) {
  const isSeen = report.reviewed_at !== null;
  const isMarked = state.marked !== "" && report.report_id.replaceAll("-", "").endsWith(state.marked);
  const level = standing(report);
  return html`<li class=${isMarked ? "is-marked" : ""} data-report=${report.report_id} data-standing=${level} data-seen=${isSeen ? "yes" : "no"}>
    <details ?open=${isMarked}>
      <summary>
        <strong>${dateOf(report.day)}</strong>
        ${report.is_late ? html`<span class="late">${say("auditor.days.late")}</span>` : nothing}
        <span class="soft small figures">${say("auditor.days.entries", { count: report.entries })}</span>
        <span class="gist small">${gist(report, level)}</span>
      </summary>
      ${body(report, state)}
    </details>
    ${isSeen
      ? html`<p class="soft small">${report.reviewed_by === null
          ? say("auditor.days.seen_by_nobody", { at: instant(report.reviewed_at ?? "", state.zone) })
          : say("auditor.days.seen", { name: report.reviewed_by, at: instant(report.reviewed_at ?? "", state.zone) })}</p>`
      : html`<button type="button" class="button" data-do="review-day" aria-label=${`${say("auditor.days.go")}: ${dateOf(report.day)}`} @click=${() => on.reviewDay(report)}>${say("auditor.days.go")}</button>`}
  </li>`;
}

/** @param {DayReport} report @param {string} level */
function gist(report, level) {
  if (level === "calm") return say("auditor.days.calm");
  const parts = report.emergencies.length === 0 ? [] : [`${say("auditor.days.opened")}: ${report.emergencies.length}`];
  const rest = told(report).map((each) => `${headingOf(each)}: ${each.count}`);
  return [...(level === "altered" ? [say("auditor.days.altered")] : []), ...parts, ...rest].join(" · ");
}

/** @param {DayReport} report @param {State} state */
function body(report, state) {
  return html`<div class="stack day">
    <p class="soft small">${say("auditor.days.made", { at: instant(report.made_at, state.zone) })}</p>
    ${report.emergencies.length === 0
      ? nothing
      : html`<h3>${say("auditor.days.opened")}</h3>
          <ul class="rows">${report.emergencies.map((each) => opened(each, state))}</ul>`}
    ${told(report).map(
      (each) => html`<h3>${headingOf(each)} <span class="soft figures">${each.count}</span></h3>
        <ul class="rows">${each.entries.map((entry) => listed(entry, state))}</ul>
        ${each.count > each.entries.length ? html`<p class="soft small">${say("auditor.days.more", { count: each.count - each.entries.length })}</p>` : nothing}`,
    )}
    <details class="all-kinds">
      <summary>${say("auditor.days.all_kinds")}</summary>
      <ul class="kinds">${kinds(report).map(([kind, count]) => html`<li><span>${sayOr(`auditor.event.${kind}`, "auditor.event.other")}</span> <span class="figures">${count}</span></li>`)}</ul>
    </details>
  </div>`;
}

/** @param {Opened} each @param {State} state */
function opened(each, state) {
  const end = each.ended_at === null ? say("auditor.days.not_ended") : say(`auditor.emergency.ended.${each.ended_how}`, { time: timeOf(each.ended_at, state.zone) });
  return html`<li data-access=${each.access_id}>
    <span class="figures">${instant(each.opened_at, state.zone)}</span>
    <strong>${each.person_name ?? say("auditor.emergency.somebody")}</strong>
    <span>${say("auditor.emergency.of")} ${each.patient_name ?? say("auditor.emergency.erased")} · ${end}${each.reads === null ? nothing : html` · ${say("auditor.emergency.reads", { count: each.reads })}`}</span>
  </li>`;
}

/** @param {Listed} entry @param {State} state */
function listed(entry, state) {
  const facts = Object.entries(entry.facts).filter(([, value]) => value !== null);
  const of = entry.subject_name ?? entry.patient_name;
  return html`<li class=${isAlarm(entry) ? "alarm" : ""} data-seq=${entry.seq}>
    <span class="figures">${instant(entry.at, state.zone)}</span>
    <strong>${sayOr(`auditor.event.${entry.event}`, "auditor.event.other")}</strong>
    <span>${whoOf({ id: entry.person_id ?? "", name: entry.person_name, role: null, job: entry.job })}${of === null ? nothing : html` → ${of}`}
      ${facts.length === 0 ? nothing : html`<span class="soft small">${facts.map(([name, value]) => `${name}: ${value}`).join(" · ")}</span>`}</span>
  </li>`;
}

/** @param {Heading} each */
const headingOf = (each) => say(`auditor.days.heading.${each.heading}`);

/** A day of the clinic's calendar, whatever zone the reader sits in. @param {string} day */
function dateOf(day) {
  const locale = language() === "es" ? "es-US" : "en-US";
  return new Intl.DateTimeFormat(locale, { weekday: "long", year: "numeric", month: "long", day: "numeric", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}
