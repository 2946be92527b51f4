/** A seat and a browser's connections for tests of the call: Fake… record what was asked of them. */
import assert from "node:assert/strict";

import { Call } from "../../../telehealth/web/static/shared/call.js";

export class FakeClient extends EventTarget {
  constructor() {
    super();
    this.participantId = "me";
    this.admission = null;
    this.participants = new Map([
      ["me", { participant_id: "me", role: "patient", kind: "patient", state: "active", is_reconnecting: false }],
      ["you", { participant_id: "you", role: "provider", kind: "provider", state: "active", is_reconnecting: false }],
    ]);
    this.publications = new Map();
    /** @type {any[]} */
    this.sent = [];
  }
  /** @param {string} type @param {any} fields */
  tell(type, fields) { this.sent.push({ type, ...fields }); return this.sent.length; }
  /** @param {string} type @param {any} fields */
  async request(type, fields) {
    this.tell(type, fields);
    return type === "offer" ? { type: "answer", offer_id: fields.offer_id, sdp: "answer" } : { type: "ok" };
  }
  /** @param {string} type @param {any} detail */
  says(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
  /** @param {string} type */
  of(type) { return this.sent.filter((each) => each.type === type); }
}

export class FakePeer {
  constructor(name = "") {
    this.name = name;
    /** @type {any[]} */
    this.transceivers = [];
    this.connectionState = "new";
    this.isClosed = false;
    /** @type {any} */ this.onconnectionstatechange = null;
    /** @type {any} */ this.localDescription = null;
    this.isBusy = false;
    /** @type {any[]} */
    this.offers = [];
  }
  /** @param {any} what @param {any} how */
  addTransceiver(what, how) {
    const kind = typeof what === "string" ? what : what.kind;
    const made = {
      mid: String(this.transceivers.length), kind, direction: how.direction,
      /** @type {any[]} */ inbound: [],
      receiver: {
        track: { kind, id: `${this.name}in${this.transceivers.length}` },
        getStats: async () => new Map(made.inbound.map((/** @type {any} */ each, /** @type {number} */ at) => [String(at), each])),
      },
      encodings: how.sendEncodings,
      sender: {
        track: null,
        replaceTrack: async (/** @type {any} */ track) => { made.sender.track = track; },
        getParameters: () => ({ encodings: structuredClone(made.encodings ?? []) }),
        setParameters: async (/** @type {any} */ it) => {
          if (this.isBusy) throw new Error("InvalidModificationError");
          made.encodings = it.encodings;
        },
      },
      setCodecPreferences: (/** @type {any} */ codecs) => { made.codecs = codecs; },
      /** @type {any} */ codecs: null,
    };
    this.transceivers.push(made);
    return made;
  }
  getTransceivers() { return this.transceivers; }
  /** @param {any} how */
  async createOffer(how) { this.offers.push(how); return { type: "offer", sdp: "offer" }; }
  /** @param {any} it */
  async setLocalDescription(it) { this.localDescription = it; }
  async setRemoteDescription() {}
  async getStats() { return new Map(); }
  close() { this.isClosed = true; }
  /** @param {string} state */
  turns(state) { this.connectionState = state; this.onconnectionstatechange(); }
}

export const track = (/** @type {string} */ kind) => /** @type {any} */ ({ kind, enabled: true, stopped: false, stop() { this.stopped = true; } });
export const ADMITTED = { room_epoch: 3, ice_servers: [], slots_max: 7 };
export const settled = async () => { for (let n = 0; n < 12; n += 1) await new Promise((resolve) => setImmediate(resolve)); };

export async function started() {
  const client = new FakeClient();
  /** @type {FakePeer[]} */
  const peers = [];
  /** @type {{ run: () => void, ms: number }[]} */
  const timers = [];
  const call = new Call({
    client: /** @type {any} */ (client),
    createPeer: () => { const peer = new FakePeer(peers.length === 0 ? "" : `p${peers.length + 1}`); peers.push(peer); return /** @type {any} */ (peer); },
    codecsOf: (kind) => /** @type {any} */ ([{ mimeType: `${kind}/VP8` }, { mimeType: `${kind}/opus` }, { mimeType: `${kind}/H264` }]),
    later: (run, ms) => { const timer = { run, ms }; timers.push(timer); return timer; },
    forget: (timer) => { const at = timers.indexOf(timer); if (at >= 0) timers.splice(at, 1); },
  });
  const mic = track("audio");
  const camera = track("video");
  await call.start({ mic, camera });
  assert.equal(peers.length, 0, "nothing leaves before admitted");
  client.says("admitted", ADMITTED);
  await settled();
  return { call, client, peers, peer: /** @type {FakePeer} */ (peers[0]), timers, mic, camera };
}
