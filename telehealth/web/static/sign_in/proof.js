/**
 * A fresh proof, asked for when an act needs one.
 *
 * Public face:
 *   withProof(act)   do it; when the server wants a fresh proof, ask for one and do it again.
 *                    Returns what the act returned, or undefined when the person gave up.
 */
import { api } from "../shared/api.js";
import "../shared/components.js";
import { el } from "../shared/dom.js";
import { say } from "../shared/i18n.js";
import { canUsePasskeys, usePasskey } from "./passkeys.js";
import { sentenceOf } from "./sentences.js";

const ASKED_FOR = new Set(["session.step_up_needed", "factor.prove_by_another"]);

/** @template Result @param {() => Promise<Result>} act @returns {Promise<Result | undefined>} */
export async function withProof(act) {
  try {
    return await act();
  } catch (/** @type {any} */ failure) {
    if (!ASKED_FOR.has(failure.code)) throw failure;
    const isAnother = failure.code === "factor.prove_by_another";
    if (!(await askProof(isAnother))) return undefined;
    return await act();
  }
}

/** @param {boolean} isAnother the factor just shown does not count @returns {Promise<boolean>} */
async function askProof(isAnother) {
  const { can_show: kinds } = await api.get("/v1/own/sign-in");
  return new Promise((resolve) => {
    let isShown = false;
    const dialog = el("wa-dialog", { label: say("own.proof.heading"), class: "ask", "data-region": "proof" });
    const problem = el("p", { class: "notice bad", role: "alert", hidden: true });
    const typed = kinds.filter((/** @type {string} */ kind) => kind !== "passkey");
    /** @param {() => Promise<unknown>} show */
    const show = async (show) => {
      problem.hidden = true;
      try {
        await show();
        isShown = true;
        dialog.open = false;
      } catch (/** @type {any} */ failure) {
        problem.textContent = sentenceOf(failure);
        problem.hidden = false;
      }
    };
    dialog.append(el("p", {}, say(isAnother ? "own.proof.another" : "own.proof.what")));
    if (kinds.includes("passkey") && canUsePasskeys()) {
      dialog.append(
        el("button", { type: "button", class: "button primary wide", "data-do": "show-passkey", onclick: () => void show(byPasskey) }, say("own.proof.passkey")),
      );
    }
    if (typed.length > 0) dialog.append(typedForm(typed, show));
    dialog.append(problem);
    dialog.addEventListener("wa-after-hide", (/** @type {Event} */ event) => {
      if (event.target !== dialog) return;
      dialog.remove();
      resolve(isShown);
    });
    document.body.append(dialog);
    dialog.open = true;
  });
}

/** @param {string[]} kinds @param {(show: () => Promise<unknown>) => Promise<void>} show */
function typedForm(kinds, show) {
  const input = el("input", { id: "proof", required: true, maxlength: 1024, autocapitalize: "none", spellcheck: "false", autofocus: true });
  const label = el("label", { for: "proof" });
  let kind = kinds[0] ?? "app";
  /** @param {string} which */
  const take = (which) => {
    kind = which;
    label.textContent = say(`own.proof.kinds.${kind}`);
    input.type = kind === "password" ? "password" : "text";
    input.autocomplete = kind === "password" ? "current-password" : kind === "app" ? "one-time-code" : "off";
    input.inputMode = kind === "app" ? "numeric" : "text";
    input.value = "";
    input.focus();
  };
  take(kind);
  const form = el("form", { class: "stack", "data-do": "proof-form" }, el("div", { class: "field" }, label, input));
  const others = kinds.filter((each) => each !== kind);
  form.append(
    el(
      "div",
      { class: "row spread" },
      el("button", { type: "submit", class: "button primary", "data-do": "show-proof" }, say("own.proof.go")),
      others.length === 0
        ? null
        : el(
            "button",
            { type: "button", class: "button quiet", "data-do": "other-proof", onclick: () => take(kinds.find((each) => each !== kind) ?? kind) },
            say("own.proof.other"),
          ),
    ),
  );
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    void show(() => api.post("/v1/own/step-up", { kind, shown: kind === "password" ? input.value : input.value.trim() }));
  });
  return form;
}

async function byPasskey() {
  const asked = await api.post("/v1/own/step-up/passkey/options");
  const credential = await usePasskey(asked.options);
  await api.post("/v1/own/step-up/passkey", { challenge_id: asked.challenge_id, credential });
}
