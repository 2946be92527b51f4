/**
 * Which simulcast encodings to send: what the server says last, also when the sender is busy.
 *
 * Public face:
 *   new CallLayers({ senderOf, later })   senderOf(source): RTCRtpSender or undefined
 *   obey(message)                         `layers-wanted`
 *   clear()                               the connection is another
 */

import { obeyLayers } from "./call_sections.js";

const AGAIN_MS = 250;

export class CallLayers {
  /** @param {{ senderOf: (source: string) => RTCRtpSender | undefined, later: (run: () => void, ms: number) => any }} means */
  constructor({ senderOf, later }) {
    this._senderOf = senderOf;
    this._later = later;
    /** @type {Map<string, { rid: string, is_wanted: boolean }[]>} publication → what to send of it */
    this._wanted = new Map();
  }

  clear() {
    this._wanted.clear();
  }

  /** @param {any} message */
  async obey(message) {
    this._wanted.set(message.publication_id, message.encodings);
    const sender = this._senderOf(message.publication_id.split(".").at(-1));
    if (!sender || (await obeyLayers(sender, message.encodings))) return;
    this._later(() => {
      if (this._wanted.get(message.publication_id) === message.encodings) void this.obey(message);
    }, AGAIN_MS);
  }
}
