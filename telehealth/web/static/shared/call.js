/**
 * The media of one seat: one peer connection, offers of ours only, receive slots by mid.
 *
 * Public face:
 *   new Call({ client })           client: a SignalingClient
 *   start({ mic, camera })         MediaStreamTracks or null; after `admitted`, from a tap
 *   setMuted(source, isMuted)      "mic" | "camera": what the screen says is what is sent
 *   isMuted(source) · hasTrack(source)
 *   setTrack(source, track)        another device, the camera again, or a screen; null: no more
 *   setWidths(widths)              Map participant id → width of the tile in device pixels
 *   tiles()                        one per person: see Tile; order: others first, then self
 *   stats()                        RTCStatsReport of the peer connection, or null
 *   stop()
 *   .quality     bars, speakers, the sentence of the ladder: a CallQuality
 *   .connection  new | connecting | connected | reconnecting | closed
 * Events: change (tiles or connection changed), failed { code }
 */

import {
  FIRST_CAPACITY,
  activeIn,
  capacityFor,
  detailOf,
  iceServersOf,
  isAlike,
  renewed,
  slotTable,
  wantsOf,
  widthStep,
} from "./call_plan.js";
import { CallLayers } from "./call_layers.js";
import { CallMove } from "./call_move.js";
import { CallQuality } from "./call_quality.js";
import { PathRepair } from "./call_repair.js";
import { addSenders, addSlots, trackAt, trimCodecs } from "./call_sections.js";
import { tilesOf } from "./call_tiles.js";

/** @typedef {import("./signaling_client.js").SignalingClient} SignalingClient */
/** @typedef {"mic" | "camera" | "screen"} Source */
/** @typedef {import("./call_tiles.js").Tile} Tile */

export class Call extends EventTarget {
  /**
   * @param {{
   *   client: SignalingClient,
   *   createPeer?: (settings: RTCConfiguration) => RTCPeerConnection,
   *   codecsOf?: (kind: "audio" | "video") => RTCRtpCodec[],
   *   later?: (run: () => void, ms: number) => any,
   *   forget?: (timer: any) => void,
   * }} means
   */
  constructor(means) {
    super();
    this.client = means.client;
    this.connection = "new";
    this._createPeer = means.createPeer ?? ((settings) => new RTCPeerConnection(settings));
    this._codecsOf = means.codecsOf ?? ((kind) => RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []);
    this._later = means.later ?? ((run, ms) => setTimeout(run, ms));
    this._forget = means.forget ?? ((timer) => clearTimeout(timer));
    /** @type {RTCPeerConnection | null} */
    this._peer = null;
    /** @type {Partial<Record<Source, RTCRtpTransceiver>>} */
    this._senders = {};
    /** @type {Record<Source, MediaStreamTrack | null>} */
    this._tracks = { mic: null, camera: null, screen: null };
    /** @type {Record<Source, boolean>} */
    this._muted = { mic: false, camera: false, screen: true };
    /** @type {Set<Source>} said to the room over this peer connection */
    this._published = new Set();
    /** @type {Map<string, string>} publication id → mid of the slot that carries it */
    this._slots = new Map();
    this._mapId = 0;
    this._offerId = 0;
    this._roomEpoch = 0;
    /** @type {RTCIceServer[]} */
    this._iceServers = [];
    this._isStarted = false;
    this._isAdmitted = false;
    this._capacity = 0;
    this._slotsMax = FIRST_CAPACITY;
    /** @type {Map<string, number>} */
    this._widths = new Map();
    const timers = { later: this._later, forget: this._forget };
    this._layers = new CallLayers({ senderOf: (source) => this._senders[/** @type {Source} */ (source)]?.sender, ...timers });
    this._repair = new PathRepair({
      restart: () => this._offer({ isRestart: true }),
      rebuild: () => this._build(),
      isBroken: () => this._peer !== null && this._peer.connectionState !== "connected",
      ...timers,
    });
    this.quality = new CallQuality({ client: this.client, ...timers });
    this.quality.addEventListener("change", () => this._changed());
    this._move = new CallMove({
      client: this.client,
      fresh: () => ({ peer: this._peer, slots: this._slots, widths: this._widths }),
      onChange: () => this._changed(),
      ...timers,
    });
    if (this.client.admission) this._onAdmitted(this.client.admission);
    this._isOffering = false;
    /** @type {[string, (event: Event) => void][]} */
    this._heard = [
      ["admitted", (event) => this._onAdmitted(detailOf(event))],
      ["slots-mapped", (event) => this._onSlots(detailOf(event))],
      ["media-rebuild", (event) => this._onRebuild(detailOf(event))],
      ["media-move", (event) => this._onMove(detailOf(event))],
      ["media-move-over", () => this._onMoveOver()],
      ["ice-restart-wanted", () => void this._offer({ isRestart: true })],
      ["ice-servers", (event) => (this._iceServers = renewed(this._peer, detailOf(event)))],
      ["publication-added", () => this._subscribe()],
      ["publication-removed", () => this._subscribe()],
      ["participant-left", () => this._subscribe()],
      ["layers-wanted", (event) => void this._layers.obey(detailOf(event))],
      ["participant-returned", (event) => this._onReturned(detailOf(event))],
      ["room", () => this._onRoom()],
      ["state", () => this._changed()],
      ["closed", () => this.stop()],
    ];
    for (const [type, hear] of this._heard) this.client.addEventListener(type, hear);
  }

  /**
   * Say what to send; the first offer leaves now, or with `admitted` if that is still to come.
   * @param {{ mic: MediaStreamTrack | null, camera: MediaStreamTrack | null }} tracks
   */
  async start({ mic, camera }) {
    this._tracks = { ...this._tracks, mic, camera };
    this._muted = { ...this._muted, mic: mic === null, camera: camera === null };
    this._isStarted = true;
    if (this._isAdmitted) await this._build();
  }

  /** @param {"mic" | "camera"} source @param {boolean} isMuted */
  async setMuted(source, isMuted) {
    this._muted[source] = isMuted;
    const track = this._tracks[source];
    // Off here first: what the screen shows as off must not leave this device.
    if (track) track.enabled = !isMuted;
    this._changed();
    await this._say(source);
  }

  /** @param {Source} source @param {MediaStreamTrack | null} track */
  async setTrack(source, track) {
    const before = this._tracks[source];
    this._tracks[source] = track;
    this._muted[source] = track === null;
    if (track) track.enabled = true;
    await Promise.all([this._senders[source]?.sender.replaceTrack(track), this._move.replaceTrack(source, track)]);
    if (before && before !== track) before.stop();
    this._changed();
    await this._say(source);
  }

  /** Ask for pictures no larger than they are shown.  @param {Map<string, number>} widths */
  setWidths(widths) {
    const steps = new Map([...widths].map(([id, px]) => [id, widthStep(px)]));
    const isNew = !isAlike(steps, this._widths);
    this._widths = steps;
    if (isNew) this._subscribe();
  }

  /** @param {Source} source */
  isMuted(source) {
    return this._muted[source] || this._tracks[source] === null;
  }

  /** @param {Source} source */
  hasTrack(source) {
    return this._tracks[source] !== null;
  }

  /** @returns {Tile[]} */
  tiles() {
    return tilesOf(this);
  }

  /** What one sends oneself, while it is on.  @param {Source} source */
  ownTrack(source) {
    return this.isMuted(source) ? null : this._tracks[source];
  }

  stats() {
    return this._peer ? this._peer.getStats() : Promise.resolve(null);
  }

  /** Send nothing more, and let the devices go. */
  stop() {
    for (const [type, hear] of this._heard) this.client.removeEventListener(type, hear);
    this._isStarted = false;
    this.quality.stop();
    this._closeAll();
    for (const track of Object.values(this._tracks)) track?.stop();
    this._tracks = { mic: null, camera: null, screen: null };
    this._enter("closed");
  }

  /** What fills the slot of a publication.  @param {string} publicationId */
  receivedTrack(publicationId) {
    return this._move.pick(publicationId, trackAt(this._peer, this._slots.get(publicationId)));
  }

  /** @param {any} message */
  _onAdmitted(message) {
    this._settleAt(message);
    this._move.end();
    this._isAdmitted = true;
    this._slotsMax = message.slots_max ?? FIRST_CAPACITY;
    // Also follows a new hello: the media node may not know our old connection any more.
    if (this._isStarted) void this._build();
  }

  /** @param {any} message */
  _settleAt(message) {
    this._roomEpoch = message.room_epoch;
    this._iceServers = iceServersOf(message.ice_servers);
  }

  /** The place will go but still carries: a second connection first.  @param {any} message */
  _onMove(message) {
    this._settleAt(message);
    this._move.begin({ peer: this._peer, senders: this._senders, slots: this._slots }, message);
    this._peer = null;
    if (this._isStarted) void this._build();
  }

  _onMoveOver() {
    this._move.end();
    if (!this._peer || this._peer.connectionState === "connected") return;
    this._enter("reconnecting");
    this._onPeerState(this._peer);
  }

  /** @param {any} message */
  _onRebuild(message) {
    this._settleAt(message);
    this._move.end();
    if (!this._isStarted) return;
    this._enter("reconnecting");
    this._later(() => {
      if (this._isStarted) void this._build();
    }, message.retry_after_ms);
  }

  /** @param {any} message */
  _onReturned(message) {
    if (message.participant_id === this.client.participantId) {
      this._isAdmitted = false;
      this._closeAll();
      this._enter("new");
    } else this._subscribe();
  }

  async _build() {
    this._close();
    this._move.startOver();
    this._enter(this._offerId === 0 ? "connecting" : "reconnecting");
    const peer = this._createPeer({ bundlePolicy: "max-bundle", iceServers: this._iceServers });
    this._peer = peer;
    this._senders = addSenders(peer, this._tracks);
    this._capacity = capacityFor(activeIn(this.client), FIRST_CAPACITY, this._slotsMax);
    addSlots(peer, 0, this._capacity);
    trimCodecs(peer.getTransceivers(), this._codecsOf);
    peer.onconnectionstatechange = () => this._onPeerState(peer);
    if (!(await this._offer({ isRestart: false }))) return;
    for (const source of /** @type {Source[]} */ (["mic", "camera"])) await this._say(source);
    if (this._tracks.screen) await this._say("screen");
    this._subscribe();
    await this._grow();
  }

  _onRoom() {
    this._changed();
    void this._grow();
  }

  /** A room that outgrew its slots: sections are appended by one re-offer, media goes on. */
  async _grow() {
    const peer = this._peer;
    const capacity = capacityFor(activeIn(this.client), this._capacity, this._slotsMax);
    if (!peer || this._published.size === 0 || this._isOffering || capacity <= this._capacity) return;
    trimCodecs(addSlots(peer, this._capacity, capacity), this._codecsOf);
    this._capacity = capacity;
    if (await this._offer({ isRestart: false })) this._subscribe();
  }

  /** @param {{ isRestart: boolean }} how @returns {Promise<boolean>} whether it was answered */
  async _offer({ isRestart }) {
    const peer = this._peer;
    if (!peer || this._isOffering) return false;
    this._isOffering = true;
    try {
      await peer.setLocalDescription(await peer.createOffer({ iceRestart: isRestart }));
      this._offerId += 1;
      const answer = await this.client.request("offer", {
        offer_id: this._offerId,
        room_epoch: this._roomEpoch,
        sdp: peer.localDescription?.sdp ?? "",
        ice_restart: isRestart,
      });
      if (peer !== this._peer) return false;
      await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      return true;
    } catch (failure) {
      if (peer === this._peer) this._onOfferFailed(failure);
      return false;
    } finally {
      if (peer === this._peer || this._peer === null) this._isOffering = false;
    }
  }

  /** @param {unknown} failure */
  _onOfferFailed(failure) {
    const { code = "offer_failed", mayRetry = false, retryAfterMs = 0 } = /** @type {any} */ (failure);
    if (mayRetry) this._later(() => void (this._isStarted && this._build()), retryAfterMs || 1_000);
    // Without a socket nothing is wrong with the media yet: the next hello builds anew.
    else if (code !== "disconnected") {
      this.dispatchEvent(new CustomEvent("failed", { detail: { code } }));
    }
  }

  /** @param {RTCPeerConnection} peer */
  _onPeerState(peer) {
    if (peer !== this._peer) return;
    const state = peer.connectionState;
    this._repair.onState(state);
    if (!["connected", "disconnected", "failed"].includes(state)) return;
    this._enter(state === "connected" ? "connected" : "reconnecting");
    this.client.tell("media-state", { offer_id: this._offerId, state });
  }

  /** Publish a source, or say that it is on or off.  @param {Source} source */
  async _say(source) {
    const peer = this._peer;
    const mid = this._senders[source]?.mid;
    if (!mid || !peer) return;
    const is_muted = this.isMuted(source);
    try {
      if (this._published.has(source)) {
        await this.client.request("mute", { publication_id: `${this.client.participantId}.${source}`, is_muted });
        return;
      }
      await this.client.request("publish", { source, mid, is_muted });
      // What was said to the place before is not said here.
      if (peer === this._peer) this._published.add(source);
    } catch {
      // Refused or cut: the next build says it again.
    }
  }

  /** State the whole wish: everything of everybody else. */
  _subscribe() {
    if (!this._peer || this._offerId === 0) return;
    const kinds = new Map([...this.client.participants.values()].map((one) => [one.participant_id, one.kind]));
    const wants = wantsOf(this.client.publications.values(), this.client.participantId, { widths: this._widths, kinds });
    this.client.tell("subscribe", { wants });
  }

  /** @param {any} message */
  _onSlots(message) {
    if (message.map_id < this._mapId) return;
    this._mapId = message.map_id;
    this._slots = slotTable(message.slots);
    this._changed();
    this.client.tell("ack-slots", { map_id: message.map_id });
  }

  _closeAll() {
    this._move.end();
    this._close();
  }

  _close() {
    this._repair.stop();
    const peer = this._peer;
    this._peer = null;
    this._senders = {};
    this._published.clear();
    this._layers.clear();
    this._slots = new Map();
    this._mapId = 0;
    this._isOffering = false;
    if (peer) {
      peer.onconnectionstatechange = null;
      peer.close();
    }
  }

  /** @param {string} connection */
  _enter(connection) {
    // While the place before carries, nobody is cut off.
    const isHidden = this._move.isOn && ["connecting", "reconnecting"].includes(connection);
    if (!isHidden) this.connection = connection;
    this._changed();
  }

  _changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
