/**
 * The note beside the call: a field that saves itself, and a signature.
 *
 * Public face:
 *   new NoteEditor(zone)        .element, to be put on the page; zone of the times shown
 *   open(visitId) · close()     close saves what is unsaved first
 *   flush()                     resolves to whether everything typed is on the server
 *   .isSigned .hasUnsaved
 *   retell()                    after a change of language
 * Event: change
 */
import { api } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { say, sayOr, timeOf } from "../shared/i18n.js";
import { ask } from "./ask.js";
import { NoteAutosave } from "./note_autosave.js";

const LONGEST = 20_000;
const TICK_MS = 250;
const CHOICES = /** @type {const} */ (["mine", "both", "theirs"]);

export class NoteEditor extends EventTarget {
  /** @param {string} zone */
  constructor(zone) {
    super();
    this._zone = zone;
    this._visitId = "";
    this._note = new NoteAutosave();
    this._signedAt = "";
    this._trouble = "";
    this._build();
    setInterval(() => this._tick(), TICK_MS);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this._hurry();
    });
  }

  get isSigned() {
    return this._note.state === "signed";
  }

  get hasUnsaved() {
    return this._note.hasUnsaved;
  }

  /** @param {string} visitId */
  async open(visitId) {
    this._visitId = visitId;
    this._note = new NoteAutosave();
    this._trouble = "";
    this._signedAt = "";
    this._field.value = "";
    this._show();
    await this._read((note) => this._note.opened(note));
  }

  async close() {
    await this.flush();
    this._visitId = "";
    this._note = new NoteAutosave();
  }

  /** @returns {Promise<boolean>} */
  async flush() {
    this._hurry();
    const stays = () => this._note.state === "saving";
    while (stays()) await new Promise((resolve) => this.addEventListener("change", resolve, { once: true }));
    if (this._note.state === "dirty") return this.flush();
    return !this._note.hasUnsaved;
  }

  retell() {
    this._label.textContent = say("provider.note.label");
    this._field.placeholder = say("provider.note.placeholder");
    this._signButton.textContent = say("provider.note.sign");
    this._show();
  }

  _build() {
    this._label = el("h2", { id: "note-label" });
    this._status = el("p", { class: "note-status", role: "status", "data-note-state": "closed" });
    this._field = el("textarea", { class: "note-field", name: "note", rows: 10, maxlength: LONGEST, "aria-labelledby": "note-label", spellcheck: "true" });
    this._conflict = el("div", { class: "notice warn", role: "alert", hidden: true });
    this._signButton = el("button", { type: "button", class: "button", "data-do": "sign-note", onclick: () => void this._sign() });
    this._field.addEventListener("input", () => {
      this._note.typed(this._field.value, Date.now());
      this._show();
    });
    this._field.addEventListener("blur", () => this._hurry());
    this.element = el(
      "div",
      { class: "note stack" },
      el("div", { class: "row spread" }, this._label, this._status),
      this._conflict,
      this._field,
      el("div", { class: "row note-foot" }, this._signButton),
    );
    this.retell();
  }

  _hurry() {
    this._note.hurry(Date.now());
    this._do();
  }

  _tick() {
    if (this._visitId === "") return;
    if (this._note.state === "closed") void this._readAgain();
    this._note.onDeadline(Date.now());
    this._do();
  }

  async _readAgain() {
    if (this._isReading || this._trouble === "") return;
    await this._read((note) => this._note.opened(note));
  }

  _do() {
    for (const effect of this._note.takeEffects()) {
      if (effect.type === "save") void this._save(effect.text, effect.basedOn);
      else void this._read((note) => this._note.conflicted(note, Date.now()));
    }
    this._show();
  }

  /** @param {string} text @param {number} basedOn */
  async _save(text, basedOn) {
    const note = this._note;
    try {
      const answer = await api.put(`/v1/visits/${this._visitId}/note`, { text, based_on_version: basedOn });
      note.saved(answer, Date.now());
    } catch (/** @type {any} */ failure) {
      note.failed({ code: failure.code ?? "unexpected", status: failure.status }, Date.now());
    }
    if (note === this._note) this._do();
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {(note: any) => void} take */
  async _read(take) {
    const visitId = this._visitId;
    this._isReading = true;
    try {
      const note = await api.get(`/v1/visits/${visitId}/note`);
      if (visitId !== this._visitId) return;
      this._trouble = "";
      this._signedAt = note.signed_at ?? "";
      take(note);
      if (this._field.value !== this._note.text) this._field.value = this._note.text;
    } catch (/** @type {any} */ failure) {
      this._trouble = failure.code ?? "unexpected";
    } finally {
      this._isReading = false;
      this._show();
      this.dispatchEvent(new CustomEvent("change"));
    }
  }

  async _sign() {
    if (!(await this.flush())) return;
    const isSure = await ask({
      heading: say("provider.note.sign_ask.heading"),
      text: say("provider.note.sign_ask.text"),
      yes: say("provider.note.sign"),
      no: say("provider.note.sign_ask.no"),
    });
    if (!isSure || !(await this.flush())) return;
    try {
      const answer = await api.post(`/v1/visits/${this._visitId}/note/sign`, { version: this._note.version });
      this._signedAt = answer.signed_at;
      this._trouble = "";
      this._note.signed(answer);
    } catch (/** @type {any} */ failure) {
      this._trouble = failure.code ?? "unexpected";
      // Signed or changed elsewhere, or our own signature whose answer was lost.
      if (failure.status === 409) await this._read((note) => this._note.opened(note));
    }
    this._show();
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {typeof CHOICES[number]} choice */
  _resolve(choice) {
    this._note.resolve(choice, Date.now());
    this._field.value = this._note.text;
    this._do();
    this._field.focus();
  }

  _show() {
    const { state, text } = this._note;
    this._field.readOnly = state === "closed" || state === "signed";
    this._status.dataset.noteState = this._trouble ? "trouble" : state;
    const words = this._statusWords();
    if (this._status.textContent !== words) this._status.textContent = words;
    this._signButton.hidden = state === "signed";
    this._signButton.disabled = text.trim() === "" || state === "closed" || state === "conflict";
    this._showConflict();
  }

  _statusWords() {
    const { state, savedAt, code } = this._note;
    if (this._trouble) return sayOr(`provider.errors.${this._trouble}`, "provider.errors.unexpected");
    if (state === "clean" && savedAt) return say("provider.note.saved", { time: timeOf(savedAt, this._zone) });
    if (state === "signed") return say("provider.note.signed", { time: this._signedAt ? timeOf(this._signedAt, this._zone) : "" });
    if (state === "refused") return sayOr(`provider.errors.${code}`, "provider.errors.unexpected");
    return say(`provider.note.state.${state}`);
  }

  _showConflict() {
    const { theirs } = this._note;
    if (theirs === null) {
      this._conflict.hidden = true;
      return;
    }
    const key = `${theirs.version}`;
    if (!this._conflict.hidden && this._conflict.dataset.version === key) return;
    this._conflict.dataset.version = key;
    this._conflict.hidden = false;
    const choices = theirs.is_signed ? /** @type {const} */ (["theirs"]) : CHOICES;
    this._conflict.replaceChildren(
      el("strong", {}, say(theirs.is_signed ? "provider.note.conflict.signed" : "provider.note.conflict.heading")),
      el("p", { class: "note-theirs" }, theirs.text || say("provider.note.conflict.empty")),
      el(
        "div",
        { class: "row" },
        ...choices.map((choice) =>
          el("button", { type: "button", class: "button", "data-do": `note-${choice}`, onclick: () => this._resolve(choice) }, say(`provider.note.conflict.${choice}`)),
        ),
      ),
    );
  }
}
