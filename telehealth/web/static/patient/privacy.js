/** A patient's page about their own data: what was agreed, a copy, a correction, who looked. */
import { api } from "../shared/api.js";
import { by, el } from "../shared/dom.js";
import { dayOf, say, sayOr, setLanguage, timeOf } from "../shared/i18n.js";
import { clearCard } from "./clearing.js";
import { standsOf } from "./privacy_model.js";
import { ask } from "./screens.js";

const app = by("app");
/** @type {any} */
let told = null;
let zone = "UTC";

async function load() {
  try {
    told = await api.get("/v1/privacy");
    zone = told.time_zone;
    draw();
  } catch (/** @type {any} */ failure) {
    app.replaceChildren(el("p", { class: "notice bad", role: "alert" }, say(failure.status === 401 ? "privacy.signed_out" : "errors.unexpected")));
  }
}

function draw() {
  app.replaceChildren(consents(), record(), correction(), looks(), clearCard());
}

/** @param {string} heading @param {...(Node | null)} children */
function card(heading, ...children) {
  return el("section", { class: "card stack" }, el("h2", {}, say(heading)), ...children);
}

// --- what was agreed to --------------------------------------------------------------------------

function consents() {
  const stands = standsOf(told.consents);
  return card(
    "privacy.consents.heading",
    told.consents.length === 0 ? el("p", { class: "soft" }, say("privacy.consents.none")) : null,
    ...told.consents.map(consent),
    stands ? el("p", { class: "soft" }, say("privacy.consents.what")) : null,
    stands
      ? el("button", { type: "button", class: "button danger wide", "data-do": "withdraw", onclick: () => void withdraw() }, say("privacy.consents.withdraw"))
      : null,
  );
}

/** @param {any} each */
function consent(each) {
  const when = { day: dayOf(each.given_at, zone), time: timeOf(each.given_at, zone) };
  const back = each.withdrawn_at && { day: dayOf(each.withdrawn_at, zone), time: timeOf(each.withdrawn_at, zone) };
  return el(
    "details",
    { class: "agreed" },
    el(
      "summary",
      {},
      el("strong", {}, say(`privacy.text.${each.text_id}`)),
      el("span", { class: "soft" }, back ? say("privacy.consents.taken_back", back) : say("privacy.consents.given", when)),
    ),
    ...(each.text ?? "").split("\n\n").map((/** @type {string} */ part) => el("p", { lang: each.language }, part)),
    el("p", { class: "soft small" }, say("privacy.consents.version", { version: each.version, place: each.jurisdiction })),
  );
}

async function withdraw() {
  if (!(await ask(say("privacy.consents.ask"), say("privacy.consents.yes"), say("privacy.consents.no")))) return;
  await doing(async () => {
    await api.post(`/v1/visits/${told.visit_id}/consents/withdraw`);
    return say("privacy.consents.done");
  });
}

// --- a copy, a correction ------------------------------------------------------------------------

function record() {
  return card(
    "privacy.record.heading",
    el("p", {}, say("privacy.record.about")),
    el("button", { type: "button", class: "button primary wide", "data-do": "export", onclick: () => void exportRecord() }, say("privacy.record.ask")),
  );
}

async function exportRecord() {
  await doing(async () => {
    const { url } = await api.post("/v1/privacy/exports");
    location.assign(url);
    return "";
  });
}

function correction() {
  const said = el("textarea", { id: "said", rows: 4, maxlength: 4000 });
  const form = el(
    "form",
    {
      class: "stack",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        const text = said.value.trim();
        if (text === "") return said.focus();
        void doing(async () => {
          await api.post("/v1/privacy/corrections", { said: text });
          return say("privacy.correction.sent");
        });
      },
    },
    el("div", { class: "field" }, el("label", { for: "said" }, say("privacy.correction.label")), said),
    el("button", { type: "submit", class: "button wide", "data-do": "correct" }, say("privacy.correction.send")),
  );
  return card("privacy.correction.heading", el("p", {}, say("privacy.correction.what")), ...told.corrections.map(asked), form);
}

/** @param {any} each */
function asked(each) {
  const state = say(`privacy.correction.state.${each.state}`, { day: dayOf(`${each.due_on}T12:00:00Z`, zone) });
  return el(
    "article",
    { class: "asked stack", "data-state": each.state },
    el("p", { class: "said" }, each.said),
    el("p", {}, el("strong", {}, state)),
    each.denial_reason ? el("p", {}, say(`privacy.correction.reason.${each.denial_reason}`)) : null,
    each.answer ? el("p", {}, each.answer) : null,
    each.state === "denied" ? el("p", { class: "soft small" }, say("privacy.correction.disagree")) : null,
  );
}

// --- who looked ----------------------------------------------------------------------------------

function looks() {
  const rows = told.looks.map((/** @type {any} */ each) =>
    el(
      "tr",
      {},
      el("td", {}, dayOf(`${each.day}T12:00:00Z`, "UTC")),
      el("td", {}, sayOr(`privacy.role.${each.role}`, "privacy.role.other")),
      el("td", { class: "figures" }, say("privacy.looks.times", { count: each.times })),
    ),
  );
  const head = ["day", "role", "count"].map((name) => el("th", { scope: "col" }, say(`privacy.looks.${name}`)));
  return card(
    "privacy.looks.heading",
    el("p", { class: "soft" }, say("privacy.looks.what")),
    rows.length === 0
      ? el("p", {}, say("privacy.looks.none"))
      : el("table", { class: "looks" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
  );
}

/** Do one thing, then show how it stands.  @param {() => Promise<string>} act */
async function doing(act) {
  let text = "";
  let level = "good";
  try {
    text = await act();
  } catch (/** @type {any} */ failure) {
    text = sayOr(`errors.${failure.code}`, "errors.unexpected");
    level = "bad";
  }
  await load();
  if (text === "") return;
  by("polite").textContent = text;
  app.prepend(el("p", { class: `notice ${level}`, role: "alert", "data-notice": true }, text));
  scrollTo({ top: 0 });
}

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", (event) => {
    event.preventDefault();
    setLanguage(/** @type {HTMLElement} */ (each).dataset.language ?? "en");
    for (const other of document.querySelectorAll("[data-language]")) other.removeAttribute("aria-current");
    each.setAttribute("aria-current", "true");
    if (told) draw();
    document.title = say("privacy.title");
  });
}
void load();
