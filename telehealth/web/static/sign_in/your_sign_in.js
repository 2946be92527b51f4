/** One's own sign-in: second step, recovery codes, password, login sessions. */
import { ApiRefusal, api } from "../shared/api.js";
import { render } from "../shared/components.js";
import { by } from "../shared/dom.js";
import { say } from "../shared/i18n.js";
import { makePasskey } from "./passkeys.js";
import { withProof } from "./proof.js";
import { passwordSentence, sentenceOf } from "./sentences.js";
import { page } from "./your_sign_in_view.js";

/**
 * @typedef {{
 *   view: Record<string, any> | null,
 *   offer: { secret: string, picture: string } | null,
 *   codes: string[] | null,
 *   problems: Record<string, string>,
 *   said: string,
 * }} State
 */

const app = by("app");
app.replaceChildren();
/** @type {State} */
const state = { view: null, offer: null, codes: null, problems: {}, said: "" };

function draw() {
  render(page(state, on, app.dataset.zone ?? "UTC"), app);
}

async function look() {
  try {
    state.view = await api.get("/v1/own/sign-in");
  } catch (failure) {
    if (failure instanceof ApiRefusal && failure.status === 401) {
      location.assign("/sign-in?next=/your-sign-in");
      return;
    }
    state.problems.page = sentenceOf(failure);
  }
  draw();
}

/**
 * Do something, tell what came of it beside the card it belongs to, and look again.
 * @param {string} where @param {() => Promise<unknown>} act @param {string} [said] @param {(failure: any) => string} [sentence]
 */
async function doing(where, act, said, sentence = sentenceOf) {
  state.problems = {};
  state.said = "";
  try {
    const result = await withProof(act);
    if (result === undefined) return;
    if (said) {
      state.said = say(said);
      by("polite").textContent = state.said;
    }
  } catch (failure) {
    state.problems = { [where]: sentence(failure) };
  }
  await look();
}

const on = {
  offerApp: () =>
    doing("factors", async () => {
      state.offer = await api.post("/v1/own/app");
      return true;
    }),
  /** @param {string} code */
  confirmApp: (code) =>
    doing(
      "app",
      async () => {
        await api.post("/v1/own/app/confirm", { code });
        state.offer = null;
        return true;
      },
      "own.said.app_added",
    ),
  stopOffer: () => {
    state.offer = null;
    draw();
  },
  addPasskey: () =>
    doing(
      "factors",
      async () => {
        const asked = await api.post("/v1/own/passkeys/options");
        const credential = await makePasskey(asked.options);
        await api.post("/v1/own/passkeys", { challenge_id: asked.challenge_id, credential });
        return true;
      },
      "own.said.passkey_added",
    ),
  /** @param {{ kind: string, factor_id: string }} factor */
  remove: (factor) =>
    doing(
      "factors",
      async () => {
        const path = factor.kind === "app" ? "/v1/own/app/remove" : `/v1/own/passkeys/${factor.factor_id}/remove`;
        await api.post(path);
        return true;
      },
      "own.said.factor_removed",
    ),
  makeCodes: () =>
    doing("codes", async () => {
      state.codes = (await api.post("/v1/own/recovery-codes")).codes;
      return true;
    }),
  copyCodes: async () => {
    await navigator.clipboard.writeText((state.codes ?? []).join("\n"));
    by("polite").textContent = say("own.said.copied");
  },
  printCodes: () => window.print(),
  keptCodes: () => {
    state.codes = null;
    draw();
  },
  /** @param {HTMLFormElement} form */
  changePassword: (form) => {
    const typed = new FormData(form);
    return doing(
      "password",
      async () => {
        await api.post("/v1/own/password", { current: String(typed.get("current")), new: String(typed.get("new")) });
        form.reset();
        return true;
      },
      "own.said.password_changed",
      passwordSentence,
    );
  },
  linkSignOn: () =>
    doing("sign_on", async () => {
      location.assign((await api.post("/v1/own/sign-on/link")).url);
      return true;
    }),
  unlinkSignOn: () =>
    doing(
      "sign_on",
      async () => {
        await api.post("/v1/own/sign-on/unlink");
        return true;
      },
      "own.said.sign_on_unlinked",
    ),
  /** @param {string} sessionId */
  endSession: (sessionId) =>
    doing("sessions", async () => {
      await api.post(`/v1/own/sessions/${sessionId}/end`);
      return true;
    }),
  endOthers: () => doing("sessions", () => api.post("/v1/own/sessions/end-others"), "own.said.others_ended"),
};

/** What came of the way to the clinic's sign-on and back; said once, so a reload says nothing. */
function takeAnswer() {
  const told = new URLSearchParams(location.search);
  const trouble = told.get("trouble");
  if (trouble) state.problems = { sign_on: sentenceOf({ code: trouble }) };
  if (told.has("linked")) state.said = say("own.said.sign_on_linked");
  if (trouble || told.has("linked")) history.replaceState(null, "", location.pathname);
}

takeAnswer();
void look();
