/**
 * The auditor's page, drawn: the check, emergency access, the search and what it found.
 *
 * Public face: pageView(state, on)   a Lit template; `on` are the listeners of auditor.js
 *
 * @typedef {import("./auditor.js").State} State
 * @typedef {import("./auditor.js").Entry} Entry
 * @typedef {import("./auditor.js").Who} Who
 * @typedef {Record<string, any>} On
 */
import { html, nothing, repeat } from "../shared/components.js";
import { language, say, sayOr } from "../shared/i18n.js";
import { accountingView } from "./accounting_view.js";
import { daysView } from "./days_view.js";
import { emergencyView } from "./emergency_view.js";
import { exportOf, sinkLevel, verdictLine } from "./trail_model.js";

/** @param {State} state @param {On} on */
export function pageView(state, on) {
  return html`
    <h1>${say("auditor.heading")}</h1>
    ${state.problem === "" ? nothing : html`<p class="notice bad" role="alert">${state.problem}</p>`}
    <div class="firsts">${emergencyView(state, on)} ${checkView(state, on)}</div>
    ${daysView(state, on)}
    ${searchView(state, on)} ${state.accounting === null ? nothing : accountingView(state, on)}
    ${state.entries === null ? html`<p class="soft">${say("common.loading")}</p>` : listView(state, on)}
  `;
}

/** @param {State} state @param {On} on */
function checkView(state, on) {
  const { verdict } = state;
  const line = verdict === null ? null : verdictLine(verdict);
  return html`
    <section class="card stack" aria-labelledby="check-heading">
      <div class="row spread">
        <h2 id="check-heading">${say("auditor.check.heading")}</h2>
        <button class="button primary" type="button" data-do="check" ?disabled=${state.isChecking} @click=${on.check}>
          ${say(state.isChecking ? "auditor.check.running" : "auditor.check.go")}
        </button>
      </div>
      ${line === null || verdict === null
        ? html`<p class="soft">${say("auditor.check.what")}</p>`
        : html`<div class="notice ${line.level}" role="status" data-standing=${verdict.standing}>
            <strong>${say(line.key, fieldsOf(verdict))}</strong>
            ${verdict.newest_head === null
              ? nothing
              : html`<p class="small">${say("auditor.check.newest", { ...fieldsOf(verdict), at: instant(verdict.newest_head.at, state.zone) })}</p>`}
          </div>`}
      ${sinksView(state)}
    </section>
  `;
}

/** @param {import("./trail_model.js").Verdict} verdict */
function fieldsOf(verdict) {
  return {
    entries: verdict.entries,
    first: verdict.first_bad ?? 0,
    upto: verdict.upto ?? 0,
    heads: verdict.heads ?? 0,
    agreed: verdict.heads_agreed,
    refused: verdict.heads_refused,
  };
}

/** @param {State} state */
function sinksView(state) {
  if (state.sinks === null) return nothing;
  if (state.sinks.length === 0) return html`<p class="small soft">${say("auditor.sinks.none")}</p>`;
  return html`<ul class="sinks small">
    ${state.sinks.map((sink) => {
      const at = sink.exported_at === null ? "" : instant(sink.exported_at, state.zone);
      return html`<li data-level=${sinkLevel(sink)}>
        <strong>${sayOr(`auditor.sink.${sink.name}`, "auditor.sink.other")}</strong>
        <span>${sink.exported_at === null ? say("auditor.sinks.never") : say("auditor.sinks.last", { size: sink.size, at })}</span>
        ${sink.trouble === null ? nothing : html`<span class="trouble">${sayOr(`auditor.trouble.${sink.trouble}`, "auditor.trouble.not_kept")}</span>`}
      </li>`;
    })}
  </ul>`;
}

/** @param {State} state @param {On} on */
function searchView(state, on) {
  const { filter } = state;
  return html`
    <section class="card stack" aria-labelledby="search-heading">
      <h2 id="search-heading">${say("auditor.search.heading")}</h2>
      <form class="find row" role="search" @submit=${on.search}>
        <div class="field wide"><label for="words">${say("auditor.search.words")}</label>
          <input id="words" name="words" type="search" minlength="2" maxlength="100" autocomplete="off" .value=${state.words} @input=${on.words} /></div>
        <button class="button" type="submit" data-do="search">${say("auditor.search.go")}</button>
      </form>
      ${state.people === null ? nothing : peopleView(state, on)}
      <div class="narrowing">
        <div class="field"><label for="day">${say("auditor.search.day")}</label><input id="day" type="date" .value=${filter.day} @change=${on.day} /></div>
        <div class="field"><label for="kind">${say("auditor.search.kind")}</label>
          <select id="kind" .value=${filter.kind} @change=${on.kind}>
            <option value="">${say("auditor.search.any")}</option>
            ${state.kinds.map((kind) => html`<option value=${kind} ?selected=${kind === filter.kind}>${sayOr(`auditor.event.${kind}`, "auditor.event.other")}</option>`)}
          </select></div>
        <div class="field"><label for="visit">${say("auditor.search.visit")}</label><input id="visit" autocomplete="off" spellcheck="false" .value=${filter.visit} @change=${on.visit} /></div>
      </div>
      ${chosenView(state, on)}
    </section>
  `;
}

/** @param {State} state @param {On} on */
function peopleView(state, on) {
  if (state.people?.length === 0) return html`<p class="soft" role="status">${say("auditor.search.nobody")}</p>`;
  return html`<ul class="people">
    ${state.people?.map(
      (person) => html`<li><button type="button" class="button" data-person=${person.person_id} @click=${() => on.choose(person)}>
        <strong>${person.name}</strong>
        <span class="soft small">${person.is_patient ? say("auditor.search.patient", { number: person.medical_record_number ?? "" }) : say("auditor.search.staff")}</span>
      </button></li>`,
    )}
  </ul>`;
}

/** @param {State} state @param {On} on */
function chosenView(state, on) {
  const { filter } = state;
  const chips = /** @type {const} */ (["patient", "person"]).filter((name) => filter[name] !== null);
  const plain = /** @type {const} */ (["visit", "day", "kind"]).filter((name) => filter[name] !== "");
  return html`<div class="row chosen">
    ${chips.map((name) => chip(name, filter[name]?.name ?? "", on))}
    ${plain.map((name) => chip(name, name === "kind" ? sayOr(`auditor.event.${filter.kind}`, "auditor.event.other") : filter[name], on))}
    ${filter.patient === null ? nothing : html`<button class="button" type="button" data-do="account" @click=${on.account}>${say("auditor.accounting.go")}</button>`}
    ${state.mayExport ? html`<a class="button" download href=${exportOf(filter)}>${say("auditor.export")}</a>` : nothing}
  </div>`;
}

/** @param {string} name @param {string} text @param {On} on */
function chip(name, text, on) {
  return html`<button type="button" class="button filter" data-clear=${name} @click=${() => on.clear(name)} aria-label=${say("auditor.search.clear", { what: text })}>
    <span class="soft small">${say(`auditor.filter.${name}`)}</span> ${text} <span aria-hidden="true">✕</span>
  </button>`;
}

/** @param {State} state @param {On} on */
function listView(state, on) {
  const entries = state.entries ?? [];
  if (entries.length === 0) return html`<p class="nobody soft">${say("auditor.nothing")}</p>`;
  return html`
    <ol class="entries" reversed>
      ${repeat(entries, (entry) => entry.seq, (entry) => entryView(entry, state, on))}
    </ol>
    ${state.isLast ? html`<p class="soft small">${say("auditor.end")}</p>` : html`<button class="button wide" type="button" data-do="more" @click=${on.more}>${say("auditor.more")}</button>`}
  `;
}

/** @param {Entry} entry @param {State} state @param {On} on */
function entryView(entry, state, on) {
  const facts = Object.entries(entry.facts).filter(([, value]) => value !== null);
  return html`
    <li class="entry" data-seq=${entry.seq} data-event=${entry.event}>
      <span class="entry-seq figures soft">${entry.seq}</span>
      <span class="entry-at figures">${instant(entry.at, state.zone)}</span>
      <span class="entry-what"><strong>${eventOf(entry)}</strong>
        ${facts.length === 0 ? nothing : html`<span class="soft small">${facts.map(([name, value]) => `${name}: ${value}`).join(" · ")}</span>`}</span>
      <span class="entry-by">${whoOf(entry.by)}</span>
      <span class="entry-of">${entry.patient === null ? (entry.subject?.name ?? "") : html`<span class="soft small">${say("auditor.filter.patient")}</span> ${entry.patient.name ?? short(entry.patient.id)}`}
        ${entry.visit_id === null ? nothing : html`<button type="button" class="link small" @click=${() => on.ofVisit(entry.visit_id)}>${say("auditor.visit", { id: short(entry.visit_id) })}</button>`}</span>
    </li>
  `;
}

/** @param {Entry} entry */
const eventOf = (entry) => sayOr(`auditor.event.${entry.event}`, "auditor.event.other");

/** The end of an id: the beginning is a clock and much the same for all of a day. @param {string} id */
const short = (id) => id.slice(-8);

/** @param {Who} who */
export function whoOf(who) {
  if (who.job !== null) return sayOr(`auditor.job.${who.job}`, "auditor.job.other");
  const name = who.name ?? short(who.id ?? "");
  return who.role === null ? name : `${name} · ${sayOr(`auditor.role.${who.role}`, "auditor.role.other")}`;
}

/** With year and second: a trail is read years later. @param {string} at @param {string} zone */
export function instant(at, zone) {
  return new Intl.DateTimeFormat(language() === "es" ? "es-US" : "en-US", {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
    second: "2-digit",
    timeZone: zone,
    timeZoneName: "short",
  }).format(new Date(at));
}
