/** The sign-in form of staff: a password and then a second step, or a passkey alone. */
import { api } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { say, sayOr, setLanguage } from "../shared/i18n.js";
import { canUsePasskeys, usePasskey } from "./passkeys.js";

const form = /** @type {HTMLFormElement} */ (by("sign-in"));
const second = /** @type {HTMLFormElement} */ (by("second-step"));
const problem = by("problem");
const secondProblem = by("second-problem");
const button = /** @type {HTMLButtonElement} */ (form.querySelector("[data-do='sign-in']"));
const finisher = /** @type {HTMLButtonElement} */ (second.querySelector("[data-do='finish']"));
const shower = /** @type {HTMLButtonElement} */ (form.querySelector("[data-do='show-password']"));
const password = /** @type {HTMLInputElement} */ (by("password"));
const code = /** @type {HTMLInputElement} */ (by("code"));

/** What the server wants beside the password, while it waits for it.
 * @type {{ secret: string, kinds: string[] } | null} */
let owed = null;
let kind = "app";

/** @param {HTMLElement} where @param {string} text */
function tell(where, text) {
  where.hidden = text === "";
  where.textContent = text;
}

/** A visit that was open when the login ended is in the hash: it comes along to the same page.
 * @param {string} home */
function whereTo(home) {
  const next = form.dataset.next || home;
  return next === home ? `${home}${location.hash}` : home;
}

/** @param {any} failure */
function sentenceOf(failure) {
  if (failure.name === "NotAllowedError" || failure.name === "AbortError") return say("sign_in.passkey_not_shown");
  return sayOr(`sign_in.errors.${failure.code}`, "sign_in.errors.unexpected");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  button.textContent = say("sign_in.going");
  tell(problem, "");
  const typed = new FormData(form);
  try {
    const answer = await api.post("/v1/sign-in", {
      email: String(typed.get("email")).trim(),
      password: String(typed.get("password")),
    });
    if (answer.second_step) askSecondStep(answer.second_step);
    else location.assign(whereTo(answer.home));
  } catch (/** @type {any} */ failure) {
    tell(problem, sentenceOf(failure));
    password.select();
    password.focus();
  }
  button.disabled = false;
  button.textContent = say("sign_in.go");
});

/** @param {{ secret: string, kinds: string[] }} step */
function askSecondStep(step) {
  owed = step;
  password.value = "";
  form.hidden = true;
  second.hidden = false;
  document.title = say("sign_in.second.title");
  take(step.kinds.includes("app") ? "app" : "recovery_code");
  for (const each of second.querySelectorAll("[data-kind]")) {
    /** @type {HTMLElement} */ (each).hidden = !step.kinds.includes(/** @type {HTMLElement} */ (each).dataset.kind ?? "");
  }
  const hasCode = step.kinds.some((each) => each !== "passkey");
  by("code-part").hidden = !hasCode;
  finisher.hidden = !hasCode;
  by("second-heading").focus();
  if (hasCode) code.focus();
}

/** Ask for a code of the app, or for one from paper. @param {string} which */
function take(which) {
  kind = which;
  const isApp = which === "app";
  by("code-label").dataset.say = isApp ? "sign_in.second.app" : "sign_in.second.recovery";
  by("code-label").textContent = say(isApp ? "sign_in.second.app" : "sign_in.second.recovery");
  by("code-help").dataset.say = isApp ? "sign_in.second.app_help" : "sign_in.second.recovery_help";
  by("code-help").textContent = say(isApp ? "sign_in.second.app_help" : "sign_in.second.recovery_help");
  code.inputMode = isApp ? "numeric" : "text";
  code.autocomplete = isApp ? "one-time-code" : "off";
  code.value = "";
  const other = isApp ? "recovery_code" : "app";
  const switcher = by("other-code");
  switcher.hidden = !owed?.kinds.includes(other);
  switcher.dataset.say = isApp ? "sign_in.second.use_recovery" : "sign_in.second.use_app";
  switcher.textContent = say(isApp ? "sign_in.second.use_recovery" : "sign_in.second.use_app");
}

// Back from the organisation's own sign-in, which is worth a password: our second step is next.
const { secret: cameWith, kinds: canShow } = second.dataset;
if (cameWith && canShow) askSecondStep({ secret: cameWith, kinds: canShow.split(" ") });

by("other-code").addEventListener("click", () => {
  tell(secondProblem, "");
  take(kind === "app" ? "recovery_code" : "app");
  code.focus();
});

by("begin-again").addEventListener("click", beginAgain);

function beginAgain() {
  owed = null;
  second.hidden = true;
  form.hidden = false;
  document.title = say("sign_in.title");
  tell(secondProblem, "");
  password.focus();
}

second.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (owed === null) return;
  finisher.disabled = true;
  tell(secondProblem, "");
  try {
    const { home } = await api.post("/v1/sign-in/code", { secret: owed.secret, kind, code: code.value.trim() });
    location.assign(whereTo(home));
    return;
  } catch (/** @type {any} */ failure) {
    if (failure.code === "sign_in.second_step_over") {
      beginAgain();
      tell(problem, sentenceOf(failure));
    } else {
      tell(secondProblem, sentenceOf(failure));
      code.select();
      code.focus();
    }
  }
  finisher.disabled = false;
});

/** @param {HTMLElement} where */
async function byPasskey(where) {
  tell(where, "");
  try {
    const asked = await api.post("/v1/sign-in/passkey/options");
    const credential = await usePasskey(asked.options);
    const { home } = await api.post("/v1/sign-in/passkey", { challenge_id: asked.challenge_id, credential });
    location.assign(whereTo(home));
  } catch (/** @type {any} */ failure) {
    tell(where, sentenceOf(failure));
  }
}

for (const each of document.querySelectorAll("[data-do='passkey']")) {
  const isSecond = second.contains(each);
  if (!canUsePasskeys()) each.remove();
  else each.addEventListener("click", () => void byPasskey(isSecond ? secondProblem : problem));
}

shower.addEventListener("click", () => {
  const isShown = password.type === "text";
  password.type = isShown ? "password" : "text";
  shower.setAttribute("aria-pressed", String(!isShown));
});

for (const each of document.querySelectorAll("[data-language]")) {
  each.addEventListener("click", (event) => {
    event.preventDefault();
    setLanguage(/** @type {HTMLElement} */ (each).dataset.language ?? "en");
    for (const other of document.querySelectorAll("[data-language]")) other.removeAttribute("aria-current");
    each.setAttribute("aria-current", "true");
    document.title = say(owed === null ? "sign_in.title" : "sign_in.second.title");
    tell(problem, "");
    tell(secondProblem, "");
  });
}
