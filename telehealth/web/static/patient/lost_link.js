/** The page for whoever has no link: ask for a new one or for a code, and type the code. */
import { api } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { say, sayOr } from "../shared/i18n.js";
import { dateOf } from "./birth_date.js";
import { ask } from "./screens.js";

const CODE_DIGITS = 7;
const asking = /** @type {HTMLFormElement} */ (by("asking"));
const sent = by("sent");
const typing = /** @type {HTMLFormElement} */ (by("typing"));

/** @param {HTMLFormElement} form @param {string} text */
function tell(form, text) {
  const problem = /** @type {HTMLElement} */ (form.querySelector("[role='alert']"));
  problem.hidden = text === "";
  problem.textContent = text;
}

/** @param {HTMLFormElement} form @param {string} name */
function focusOn(form, name) {
  /** @type {HTMLElement | null} */ (form.querySelector(`[name="${name}"]`))?.focus();
}

/** @param {any} refusal */
function reason(refusal) {
  return sayOr(`errors.${refusal.code}`, "errors.unexpected", { count: refusal.body?.tries_left ?? 0 });
}

/** @param {HTMLFormElement} form @param {() => Promise<void>} act */
async function busy(form, act) {
  const buttons = /** @type {HTMLButtonElement[]} */ ([...form.querySelectorAll("button")]);
  for (const each of buttons) each.disabled = true;
  tell(form, "");
  try {
    await act();
  } catch (/** @type {any} */ refusal) {
    tell(form, reason(refusal));
  } finally {
    for (const each of buttons) each.disabled = false;
  }
}

asking.addEventListener("submit", async (event) => {
  event.preventDefault();
  const kind = /** @type {HTMLButtonElement} */ (event.submitter)?.value ?? "link";
  const typed = new FormData(asking);
  const contact = String(typed.get("contact")).trim();
  if (contact === "") {
    tell(asking, say("errors.contact.unreadable"));
    focusOn(asking, "contact");
    return;
  }
  const birthDate = dateOf(typed);
  if (!birthDate) {
    tell(asking, say("patient.landing.no_such_day"));
    focusOn(asking, "month");
    return;
  }
  await busy(asking, async () => {
    await api.post("/v1/contact-requests", { kind, contact, birth_date: birthDate });
    showSent(kind);
  });
});

/** The same for everybody: whether we know them stands nowhere. @param {string} kind */
function showSent(kind) {
  asking.hidden = true;
  sent.hidden = false;
  by("sent-what").textContent = say(kind === "code" ? "patient.lost.sent_code" : "patient.lost.sent_link");
  typing.hidden = kind !== "code";
  sent.querySelector("h1")?.focus();
}

typing.addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = String(new FormData(typing).get("code")).replaceAll(/\D/g, "");
  if (code.length !== CODE_DIGITS) {
    tell(typing, say("patient.lost.code_missing"));
    focusOn(typing, "code");
    return;
  }
  await busy(typing, () => enter(code));
});

/** @param {string} code */
async function enter(code) {
  const path = "/v1/contact-requests/code";
  try {
    const { home } = await api.post(path, { code });
    location.assign(home);
  } catch (/** @type {any} */ refusal) {
    if (refusal.code !== "link.in_use") throw refusal;
    const isWanted = await ask(say("patient.landing.move_ask"), say("patient.landing.move"), say("patient.landing.stay"));
    if (!isWanted) throw refusal;
    const { home } = await api.post(path, { code, take_over: true });
    location.assign(home);
  }
}

by("again").addEventListener("click", () => {
  sent.hidden = true;
  asking.hidden = false;
  focusOn(asking, "contact");
});
