/**
 * Coming over to another media node: the connection to the place before, while it still carries.
 *
 * Both connections send; of what is received each track is taken from the new one as soon as that
 * carries it, and from the one before until then.
 *
 * Public face:
 *   new CallMove({ client, fresh, onChange, later, forget })   fresh(): see Fresh
 *   begin(kept, message)    keep what there is; message: `media-move`
 *   startOver()             the new connection is made again: nothing comes from it yet
 *   end()                   close the connection to the place before
 *   isOn                    there are two places
 *   replaceTrack(source, track)
 *   pick(publicationId, track)   what to show, given the track of the new connection
 */

import { trackAt } from "./call_sections.js";

/** @typedef {import("./signaling_client.js").SignalingClient} SignalingClient */
/** @typedef {import("./signaling_client.js").Publication} Publication */
/** @typedef {import("./signaling_client.js").Participant} Participant */
/**
 * @typedef {object} Kept
 * @property {RTCPeerConnection | null} peer
 * @property {Partial<Record<string, RTCRtpTransceiver>>} senders
 * @property {Map<string, string>} slots publication id → mid
 */
/**
 * @typedef {object} Fresh what the new connection has
 * @property {RTCPeerConnection | null} peer
 * @property {Map<string, string>} slots
 * @property {Map<string, number>} widths of tiles, by participant
 */

const LOOK_EVERY_MS = 100;
/** So many packets of a voice, and pictures of a camera, are a sign that it flows; a screen stands still.
 * @type {Record<string, number>} */
const SIGN_OF_FLOW = { mic: 3, camera: 3, screen: 1 };
/** What has not come so long after the connection was up holds nobody back any more. */
const PATIENCE_LOOKS = 30;
/** The server ends a move; should it be gone, we do. */
const GRACE_MS = 1_000;

/**
 * What should come over the new connection before the one before may go.
 * @param {Iterable<Publication>} publications @param {Map<string, Participant>} participants
 * @param {string} ownId @param {Map<string, number>} widths
 */
export function expected(publications, participants, ownId, widths) {
  return [...publications].filter((each) => {
    const from = participants.get(each.participant_id);
    const isHeld = !from || from.is_reconnecting || from.state.endsWith("_away");
    const isUnseen = each.source === "camera" && widths.get(each.participant_id) === 0;
    return each.participant_id !== ownId && !each.is_muted && !isHeld && !isUnseen;
  });
}

/** Whether so much of a track has arrived that it can be played.  @param {RTCRtpReceiver} receiver @param {string} source */
async function carries(receiver, source) {
  for (const each of (await receiver.getStats()).values()) {
    if (each.type !== "inbound-rtp") continue;
    const arrived = each.kind === "video" ? each.framesDecoded : each.packetsReceived;
    return (arrived ?? 0) >= (SIGN_OF_FLOW[source] ?? 1);
  }
  return false;
}

export class CallMove {
  /**
   * @param {{
   *   client: SignalingClient,
   *   fresh: () => Fresh,
   *   onChange: () => void,
   *   later: (run: () => void, ms: number) => any,
   *   forget: (timer: any) => void,
   * }} means
   */
  constructor({ client, fresh, onChange, later, forget }) {
    this._client = client;
    this._fresh = fresh;
    this._onChange = onChange;
    this._later = later;
    this._forget = forget;
    /** @type {Kept | null} */
    this._kept = null;
    /** @type {Set<string>} publications seen to come over the new connection */
    this._carried = new Set();
    this._roomEpoch = 0;
    this._isReady = false;
    this._looks = 0;
    /** @type {any} */
    this._looking = null;
    /** @type {any} */
    this._ending = null;
  }

  get isOn() {
    return this._kept !== null;
  }

  /** @param {Kept} kept @param {{ room_epoch: number, ends_in_ms: number }} message */
  begin(kept, message) {
    this._roomEpoch = message.room_epoch;
    // A second move before the first was over: what still carries is the very first place.
    if (this._kept) kept.peer?.close();
    else if (kept.peer) this._kept = kept;
    this.startOver();
    if (!this._kept) {
      this._sayReady();
      return;
    }
    this._forget(this._ending);
    this._ending = this._later(() => this.end(), message.ends_in_ms + GRACE_MS);
    this._lookLater();
  }

  startOver() {
    this._carried.clear();
    this._isReady = false;
    this._looks = 0;
  }

  end() {
    this._forget(this._looking);
    this._forget(this._ending);
    const kept = this._kept;
    this._kept = null;
    kept?.peer?.close();
    if (kept) this._onChange();
  }

  /** @param {string} source @param {MediaStreamTrack | null} track */
  async replaceTrack(source, track) {
    await this._kept?.senders[source]?.sender.replaceTrack(track);
  }

  /** @param {string} publicationId @param {MediaStreamTrack | null} track */
  pick(publicationId, track) {
    if (!this._kept || this._carried.has(publicationId)) return track;
    return trackAt(this._kept.peer, this._kept.slots.get(publicationId)) ?? track;
  }

  _lookLater() {
    this._forget(this._looking);
    this._looking = this._later(() => void this._look(), LOOK_EVERY_MS);
  }

  async _look() {
    const { peer, slots, widths } = this._fresh();
    const { publications, participants, participantId } = this._client;
    const wanted = expected(publications.values(), participants, participantId, widths);
    for (const { publication_id: id, source } of wanted) {
      if (this._carried.has(id)) continue;
      const receiver = peer?.getTransceivers().find((each) => each.mid === slots.get(id))?.receiver;
      if (!receiver || !(await carries(receiver, source)) || peer !== this._fresh().peer) continue;
      this._carried.add(id);
      this._onChange();
    }
    if (!this._kept) return;
    if (peer?.connectionState === "connected") {
      this._looks += 1;
      const isAll = wanted.every((each) => this._carried.has(each.publication_id));
      if (isAll || this._looks > PATIENCE_LOOKS) this._sayReady();
    }
    this._lookLater();
  }

  _sayReady() {
    if (this._isReady) return;
    this._isReady = true;
    this._client.tell("media-ready", { room_epoch: this._roomEpoch });
  }
}
