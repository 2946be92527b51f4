/**
 * The day, drawn: counters, date and filters, and the visits by status.
 *
 * Public face: dayView(state, on)   a Lit template; `on` are the listeners of board.js
 *
 * @typedef {import("./board_model.js").Row} Row
 * @typedef {import("./board.js").State} State
 */
import { classMap, html, nothing, repeat } from "../shared/components.js";
import { dayOf as dayInWords, say, sayOr, timeOf } from "../shared/i18n.js";
import * as model from "./board_model.js";

const COUNTERS = ["expected", "waiting", "in_call", "late", "no_show", "done"];
const ENDED = new Set(["completed", "no_show", "cancelled", "left"]);

/** @param {State} state @param {Record<string, any>} on */
export function dayView(state, on) {
  return html`
    ${tools(state, on)} ${state.counters === null ? nothing : counters(state, on)}
    ${state.asOf === "" ? html`<p class="soft">${say("common.loading")}</p>` : visits(state, on)}
  `;
}

/** @param {string} date */
const inWords = (date) => dayInWords(`${date}T12:00:00Z`, "UTC");

/** @param {State} state @param {Record<string, any>} on */
function tools(state, on) {
  return html`
    <div class="tools">
      <h1 class="tools-day">${inWords(state.date)}</h1>
      <div class="days" role="group" aria-label=${say("scheduler.day.pick")}>
        <button class="button" type="button" data-do="previous" aria-label=${say("scheduler.day.previous")} @click=${() => on.day(model.dayAfter(state.date, -1))}>
          <wa-icon name="chevron-left"></wa-icon>
        </button>
        <button class="button" type="button" data-do="today" aria-pressed=${state.date === state.today ? "true" : "false"} @click=${() => on.day(state.today)}>
          ${say("scheduler.day.today")}
        </button>
        <button class="button" type="button" data-do="next" aria-label=${say("scheduler.day.next")} @click=${() => on.day(model.dayAfter(state.date, 1))}>
          <wa-icon name="chevron-right"></wa-icon>
        </button>
        <input type="date" aria-label=${say("scheduler.day.pick")} .value=${state.date} @change=${on.pick} />
      </div>
      <input class="find" type="search" placeholder=${say("scheduler.filter.search")} aria-label=${say("scheduler.filter.search")}
        autocomplete="off" .value=${state.filter.search} @input=${on.search} />
      <select class="whose" aria-label=${say("scheduler.filter.provider")} @change=${on.provider}>
        <option value="" .selected=${state.filter.provider === ""}>${say("scheduler.filter.all_providers")}</option>
        ${model.providersOf(state.rows).map(
          (name) => html`<option .value=${name} .selected=${state.filter.provider === name}>${name}</option>`,
        )}
      </select>
    </div>
  `;
}

/** @param {State} state @param {Record<string, any>} on */
function counters(state, on) {
  const told = state.counters ?? {};
  return html`
    <ul class="counters" aria-label=${say("scheduler.counters")}>
      ${COUNTERS.map((name) => {
        const count = told[name] ?? 0;
        const isOn = state.filter.counter === name;
        return html`<li>
          <button type="button" class="counter" data-counter=${name} data-count=${count} aria-pressed=${isOn ? "true" : "false"} @click=${() => on.counter(isOn ? "" : name)}>
            <strong class="figures">${count}</strong><span>${say(`scheduler.counter.${name}`)}</span>
          </button>
        </li>`;
      })}
    </ul>
  `;
}

/** @param {State} state @param {Record<string, any>} on */
function visits(state, on) {
  const shown = model.shownOf(state.rows, state.filter, state.asOf);
  if (shown.length === 0) return nobody(state, on);
  return repeat(
    model.groupsOf(shown),
    (group) => group.state,
    (group) => html`
      <section class="group" aria-labelledby=${`group-${group.state}`} data-group=${group.state}>
        <h2 id=${`group-${group.state}`}>
          <span class="chip" data-state=${group.state}>${say(`scheduler.state.${group.state}`)}</span>
          <span class="soft small figures">${say("scheduler.visits", { count: group.rows.length })}</span>
        </h2>
        <ul class="visits">
          ${repeat(group.rows, (row) => row.visit_id, (row) => visit(row, state, on))}
        </ul>
      </section>
    `,
  );
}

/** @param {State} state @param {Record<string, any>} on */
function nobody(state, on) {
  if (state.rows.length === 0) {
    return html`<div class="nobody"><p>${say("scheduler.empty.day")}</p><p class="soft">${say("scheduler.empty.day_next")}</p></div>`;
  }
  return html`<div class="nobody">
    <p>${say("scheduler.empty.filter")}</p>
    <button class="button" type="button" data-do="clear" @click=${on.clear}>${say("scheduler.filter.clear")}</button>
  </div>`;
}

/** @param {Row} row @param {State} state @param {Record<string, any>} on */
function visit(row, state, on) {
  const classes = { visit: true, fresh: model.isJustChanged(row, state.asOf), ended: ENDED.has(row.state) };
  return html`
    <li class=${classMap(classes)} data-visit-id=${row.visit_id} data-state=${row.state}>
      <button type="button" aria-haspopup="dialog" @click=${() => on.open(row.visit_id)}>
        <span class="visit-time figures">${timeOf(row.starts_at, state.zone)}</span>
        <span class="visit-who">${row.patient_name}</span>
        <span class="visit-provider soft">${row.provider_name}</span>
        <span class="visit-flags">${flagsOf(row)}</span>
        <span class="visit-clock figures">${clock(row, state)}</span>
        <wa-icon class="visit-more" name="chevron-right"></wa-icon>
      </button>
    </li>
  `;
}

/** @param {Row} row */
export function flagsOf(row) {
  // Late and Away are told by the clock beside them, with their minutes.
  const flags = (row.flags ?? []).filter((flag) => flag !== "late" && flag !== "away");
  const chart = row.chart?.state ?? "";
  return html`
    ${flags.map((flag) => html`<span class="flag" data-flag=${flag}>${sayOr(`scheduler.flag.${flag}`, "scheduler.flag.other")}</span>`)}
    ${sayOr(`scheduler.chart.${chart}`, "") === "" ? nothing : html`<span class="flag" data-chart=${chart}>${say(`scheduler.chart.${chart}`)}</span>`}
  `;
}

/** How long, or since when, or how late. @param {Row} row @param {State} state */
export function clock(row, state) {
  const late = model.latenessOf(row, state.asOf);
  if (late !== null) {
    return html`<span class="tile" data-level=${late.advice === "no_show" ? "red" : "amber"}>${say("scheduler.row.late", { count: late.minutes })}</span>`;
  }
  if (row.state === "scheduled") return nothing;
  if (ENDED.has(row.state)) {
    return html`<span class="soft small">${say("scheduler.row.since", { time: timeOf(row.in_state_since, state.zone) })}</span>`;
  }
  const minutes = model.minutesSince(row.in_state_since, state.asOf);
  const level = model.isWaitClock(row.state) ? model.waitLevel(minutes) : "neutral";
  return html`
    ${model.isAway(row) ? html`<span class="flag" data-flag="away">${say("scheduler.row.away")}</span>` : nothing}
    <span class="tile" data-level=${level}>${say("scheduler.row.minutes", { count: minutes })}</span>
  `;
}
