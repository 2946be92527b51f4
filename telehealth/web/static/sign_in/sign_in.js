/** The sign-in form of staff. */
import { api } from "../shared/api.js";
import { by } from "../shared/dom.js";
import { say, sayOr, setLanguage } from "../shared/i18n.js";

const form = /** @type {HTMLFormElement} */ (by("sign-in"));
const problem = by("problem");
const button = /** @type {HTMLButtonElement} */ (form.querySelector("[data-do='sign-in']"));
const shower = /** @type {HTMLButtonElement} */ (form.querySelector("[data-do='show-password']"));
const password = /** @type {HTMLInputElement} */ (by("password"));

/** @param {string} text */
function tell(text) {
  problem.hidden = text === "";
  problem.textContent = text;
}

/** A visit that was open when the login ended is in the hash: it comes along to the same page.
 * @param {string} home */
function whereTo(home) {
  const next = form.dataset.next || home;
  return next === home ? `${home}${location.hash}` : home;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  button.textContent = say("sign_in.going");
  tell("");
  const typed = new FormData(form);
  try {
    const { home } = await api.post("/v1/sign-in", {
      email: String(typed.get("email")).trim(),
      password: String(typed.get("password")),
    });
    location.assign(whereTo(home));
  } catch (/** @type {any} */ failure) {
    tell(sayOr(`sign_in.errors.${failure.code}`, "sign_in.errors.unexpected"));
    password.select();
    password.focus();
    button.disabled = false;
    button.textContent = say("sign_in.go");
  }
});

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
    document.title = say("sign_in.title");
    tell("");
  });
}
