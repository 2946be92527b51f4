/**
 * Who is invited to a visit, and one more; for staff.
 *
 * Public face: openInvitations(visitId)   a modal dialog; resolves when it is closed
 * Sentences: common.guests.*
 */
import { api } from "./api.js";
import { el } from "./dom.js";
import { language, say, sayOr } from "./i18n.js";

const KINDS = /** @type {const} */ (["interpreter", "family", "observer"]);

/** @typedef {{ participant_id: string, name: string, kind: string, is_present: boolean }} Invited */

/** @param {string} visitId @returns {Promise<void>} */
export async function openInvitations(visitId) {
  const list = el("ul", { class: "guests" });
  const problem = el("p", { class: "notice bad", role: "alert", hidden: true });
  const ready = el("div", { class: "stack guests-ready", role: "status" });
  const form = formFor();
  const dialog = el(
    "dialog",
    { class: "guests-dialog", "aria-labelledby": "guests-title" },
    el("h2", { id: "guests-title" }, say("common.guests.heading")),
    el("p", { class: "soft small" }, say("common.guests.what")),
    list,
    ready,
    problem,
    form,
    el("form", { method: "dialog" }, el("button", { class: "button wide", "data-do": "close-guests" }, say("common.guests.close"))),
  );

  /** @param {any} failure */
  const tell = (failure) => {
    problem.hidden = failure === null;
    problem.textContent = failure === null ? "" : sayOr(`common.guests.errors.${failure.code}`, "common.guests.errors.unexpected");
  };
  /** @param {() => Promise<void>} act */
  const trying = async (act) => {
    tell(null);
    try {
      await act();
    } catch (failure) {
      tell(failure);
    }
  };
  const show = async () => {
    const { guests } = await api.get(`/v1/visits/${visitId}/guests`);
    list.replaceChildren(...guests.map((/** @type {Invited} */ one) => rowFor(one, () => trying(() => takeBack(one)))));
  };
  /** @param {Invited} one */
  const takeBack = async (one) => {
    await api.post(`/v1/visits/${visitId}/guests/${one.participant_id}/revoke`);
    ready.replaceChildren();
    await show();
  };
  form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    void trying(async () => {
      const { url } = await api.post(`/v1/visits/${visitId}/guests`, typedIn(form));
      ready.replaceChildren(...linkFor(url));
      form.reset();
      await show();
    });
  });

  document.body.append(dialog);
  dialog.showModal();
  void trying(show);
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  dialog.remove();
}

/** What was typed, as the server takes it; an address of e-mail is told from a number by its sign.
 * @param {HTMLFormElement} form */
export function typedIn(form) {
  const typed = new FormData(form);
  const contact = String(typed.get("contact") ?? "").trim();
  const isMail = contact.includes("@");
  return {
    name: String(typed.get("name")).trim(),
    kind: String(typed.get("kind")),
    phone: contact !== "" && !isMail ? contact : null,
    email: isMail ? contact : null,
    language: language() === "es" ? "es" : "en",
  };
}

/** @param {Invited} one @param {() => void} onTakeBack */
function rowFor(one, onTakeBack) {
  return el(
    "li",
    { "data-guest": one.participant_id },
    el("span", {}, el("strong", {}, one.name), ` · ${say(`common.guests.kind.${one.kind}`)}`),
    one.is_present ? el("span", { class: "small soft" }, say("common.guests.here")) : null,
    el("button", { type: "button", class: "button quiet", "data-do": "take-back", "aria-label": say("common.guests.take_back_of", { name: one.name }), onclick: onTakeBack }, say("common.guests.take_back")),
  );
}

function formFor() {
  return el(
    "form",
    { class: "stack", "data-form": "invite" },
    el("h3", {}, say("common.guests.new")),
    field("guest-name", say("common.guests.name"), el("input", { id: "guest-name", name: "name", required: true, maxlength: 80, autocomplete: "off" })),
    field(
      "guest-kind",
      say("common.guests.kind"),
      el("select", { id: "guest-kind", name: "kind" }, ...KINDS.map((kind) => el("option", { value: kind }, say(`common.guests.kind.${kind}`)))),
    ),
    field("guest-contact", say("common.guests.contact"), el("input", { id: "guest-contact", name: "contact", maxlength: 254, autocomplete: "off" })),
    el("button", { class: "button primary wide", "data-do": "invite" }, say("common.guests.go")),
  );
}

/** @param {string} id @param {string} label @param {Node} input */
function field(id, label, input) {
  return el("div", { class: "field" }, el("label", { for: id }, label), input);
}

/** @param {string} url */
function linkFor(url) {
  return [
    el("p", {}, say("common.guests.ready")),
    el("input", { class: "link-url", readonly: true, value: url, "aria-label": say("common.guests.link"), "data-guest-url": true }),
  ];
}
