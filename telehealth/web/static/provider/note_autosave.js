/**
 * When the note of a visit is saved, and what the page may say about it.  Pure: no timer, no
 * network; `now` is milliseconds of any clock that does not go back.
 *
 * Public face:
 *   opened(note)                what the server holds; note: { version, text, saved_at, is_signed }
 *   typed(text, now) · hurry(now)
 *   saved({ version, saved_at }, now) · failed({ code, status }, now)
 *   conflicted(note, now)       after `note.newer_version`: what the server holds instead
 *   resolve("mine" | "theirs" | "both", now)
 *   signed(saidBy)
 *   onDeadline(now) · .deadline · takeEffects() → { type: "save", text, basedOn } | { type: "read" }
 *   .state  closed | clean | dirty | saving | offline | conflict | refused | signed
 */

/** At most this much typing can be lost: the clock starts with the first unsaved letter. */
const SAVE_AFTER_MS = 2_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 15_000;
/** Refusals that the same text would meet again. */
const FINAL = new Set([400, 403, 404, 413, 422]);

/** @typedef {{ version: number, text: string, saved_at?: string | null, is_signed?: boolean }} Note */
/** @typedef {{ type: "save", text: string, basedOn: number } | { type: "read" }} Effect */

export class NoteAutosave {
  constructor() {
    this.state = "closed";
    this.text = "";
    this.version = 0;
    /** @type {string | null} */
    this.savedAt = null;
    /** @type {Note | null} what stands against ours, in a conflict */
    this.theirs = null;
    /** @type {number | null} */
    this.deadline = null;
    this.code = "";
    this._savedText = "";
    this._sentText = "";
    this._failures = 0;
    /** @type {Effect[]} */
    this._effects = [];
  }

  get hasUnsaved() {
    return this.state !== "closed" && this.state !== "signed" && this.text !== this._savedText;
  }

  get maySign() {
    return this.state === "clean" && this.text.trim() !== "";
  }

  /** @param {Note} note */
  opened(note) {
    this.text = note.text;
    this._hold(note);
    this.theirs = null;
    this.deadline = null;
    this.state = note.is_signed ? "signed" : "clean";
  }

  /** @param {string} text @param {number} now */
  typed(text, now) {
    if (this.state === "closed" || this.state === "signed") return;
    this.text = text;
    if (this.state === "clean" || this.state === "refused") this._settle(now);
  }

  /** Save now: the writer left the field, or wants to sign.  @param {number} now */
  hurry(now) {
    if (this.state === "dirty" || this.state === "offline") this._save(now);
  }

  /** @param {number} now */
  onDeadline(now) {
    if (this.deadline !== null && now >= this.deadline) this._save(now);
  }

  /** @param {{ version: number, saved_at: string }} answer @param {number} now */
  saved(answer, now) {
    if (this.state !== "saving") return;
    this._failures = 0;
    this._hold({ ...answer, text: this._sentText });
    this._settle(now);
  }

  /** @param {{ code: string, status?: number }} failure @param {number} now */
  failed({ code, status = 0 }, now) {
    if (this.state !== "saving") return;
    this.code = code;
    if (code === "note.newer_version" || code === "note.already_signed") {
      this.state = "conflict";
      this._effects.push({ type: "read" });
    } else if (FINAL.has(status)) {
      this.state = "refused";
    } else {
      this.state = "offline";
      this.deadline = now + Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this._failures);
      this._failures += 1;
    }
  }

  /** @param {Note} note @param {number} now */
  conflicted(note, now) {
    if (this.state !== "conflict") return;
    if (note.text === this._sentText && !note.is_signed) {
      // Our own save arrived and only its answer was lost.
      this._hold(note);
      this._settle(now);
    } else if (note.text === this.text) this.opened(note);
    else this.theirs = note;
  }

  /** @param {"mine" | "theirs" | "both"} choice @param {number} now */
  resolve(choice, now) {
    const theirs = this.theirs;
    if (this.state !== "conflict" || theirs === null) return;
    if (choice === "theirs" || theirs.is_signed) {
      this.opened(theirs);
      return;
    }
    if (choice === "both") this.text = `${theirs.text}\n\n${this.text}`;
    this._hold(theirs);
    this.theirs = null;
    this.state = "dirty";
    this._save(now);
  }

  /** The text is final now.  @param {{ version: number }} answer */
  signed(answer) {
    this.version = answer.version;
    this._savedText = this.text;
    this.deadline = null;
    this.state = "signed";
  }

  takeEffects() {
    const effects = this._effects;
    this._effects = [];
    return effects;
  }

  /** @param {number} now */
  _settle(now) {
    this.state = this.text === this._savedText ? "clean" : "dirty";
    this.deadline = this.state === "dirty" ? now + SAVE_AFTER_MS : null;
  }

  /** @param {number} now */
  _save(now) {
    this.deadline = null;
    if (this.text === this._savedText) {
      this._settle(now);
      return;
    }
    this._sentText = this.text;
    this.state = "saving";
    this._effects.push({ type: "save", text: this.text, basedOn: this.version });
  }

  /** @param {Note} note */
  _hold(note) {
    this.version = note.version;
    this._savedText = note.text;
    this.savedAt = note.saved_at ?? null;
  }
}
