/**
 * How the call fares, from what the server tells: bars for each person, who speaks, one sentence.
 *
 * Public face:
 *   new CallQuality({ client, now?, later? })
 *   linkOf(participantId)    good | fair | poor | lost
 *   isSpeaking(participantId)
 *   notice                   null, or the key of a sentence: what we did and why
 *   isPhoneOffered
 *   stop()
 * Events: change
 */

import { detailOf } from "./call_plan.js";

/** @typedef {import("./signaling_client.js").SignalingClient} SignalingClient */

/** A step is said when it has lasted, and taken back after so much of better. */
export const SAID_AFTER_MS = 5_000;
export const WITHDRAWN_AFTER_MS = 30_000;

/** @type {Record<string, Record<string, string>>} rung → cause → sentence */
const SENTENCES = {
  low_video: { own_connection: "call.notice.low_video", senders: "call.notice.low_video_theirs" },
  audio_only: { own_connection: "call.notice.audio_only", senders: "call.notice.audio_only" },
  phone_offered: { no_media: "call.notice.phone" },
};

export class CallQuality extends EventTarget {
  /** @param {{ client: SignalingClient, later?: (run: () => void, ms: number) => any, forget?: (timer: any) => void }} means */
  constructor({ client, later, forget }) {
    super();
    this._client = client;
    this._later = later ?? ((run, ms) => setTimeout(run, ms));
    this._forget = forget ?? ((timer) => clearTimeout(timer));
    /** @type {Map<string, string>} */
    this._links = new Map();
    /** @type {Set<string>} */
    this._speaking = new Set();
    /** @type {string | null} */
    this.notice = null;
    /** @type {string | null} */
    this._coming = null;
    /** @type {any} */
    this._timer = null;
    this.isPhoneOffered = false;
    /** @type {[string, (event: Event) => void][]} */
    this._heard = [
      ["quality", (event) => this._onQuality(detailOf(event))],
      ["speakers", (event) => this._onSpeakers(detailOf(event))],
    ];
    for (const [type, hear] of this._heard) client.addEventListener(type, hear);
  }

  /** @param {string} participantId */
  linkOf(participantId) {
    return this._links.get(participantId) ?? "good";
  }

  /** @param {string} participantId */
  isSpeaking(participantId) {
    return this._speaking.has(participantId);
  }

  stop() {
    this._forget(this._timer);
    for (const [type, hear] of this._heard) this._client.removeEventListener(type, hear);
  }

  /** @param {any} message */
  _onQuality(message) {
    this._links.set(message.participant_id, message.link);
    if (message.participant_id === this._client.participantId) {
      this.isPhoneOffered = message.rung === "phone_offered";
      const weak = message.link === "poor" ? "call.notice.weak" : null;
      this._consider(SENTENCES[message.rung]?.[message.cause] ?? weak);
    }
    this._changed();
  }

  /** Say it when it lasts; what gets worse replaces what was said before.  @param {string | null} sentence */
  _consider(sentence) {
    if (sentence === this._coming) return;
    this._coming = sentence;
    this._forget(this._timer);
    if (sentence === this.notice) return;
    this._timer = this._later(
      () => {
        this.notice = sentence;
        this._changed();
      },
      sentence === null ? WITHDRAWN_AFTER_MS : SAID_AFTER_MS,
    );
  }

  /** @param {any} message */
  _onSpeakers(message) {
    this._speaking = new Set(message.participant_ids);
    this._changed();
  }

  _changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
