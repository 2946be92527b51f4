/**
 * The media of one seat: one peer connection, offers of ours only, receive slots by mid.
 *
 * Public face:
 *   new Call({ client })           client: a SignalingClient
 *   start({ mic, camera })         MediaStreamTracks or null; after `admitted`, from a tap
 *   setMuted(source, isMuted)      "mic" | "camera": what the screen says is what is sent
 *   isMuted(source) · hasTrack(source)
 *   setTrack(source, track)        another device, or the camera again after it was off
 *   tiles()                        one per person: see Tile; order: others first, then self
 *   stats()                        RTCStatsReport of the peer connection, or null
 *   stop()
 *   .connection  new | connecting | connected | reconnecting | closed
 * Events: change (tiles or connection changed), failed { code }
 */

import {
  RESTARTS_BEFORE_REBUILD,
  RESTART_AFTER_MS,
  SECTIONS,
  detailOf,
  iceServersOf, renewed,
  trimmed,
  wantsOf,
} from "./call_plan.js";

/** @typedef {import("./signaling_client.js").SignalingClient} SignalingClient */
/** @typedef {"mic" | "camera" | "screen"} Source */
/**
 * @typedef {object} Tile
 * @property {string} participantId
 * @property {string} kind
 * @property {boolean} isSelf
 * @property {boolean} isReconnecting
 * @property {boolean} isMicOn
 * @property {boolean} isCameraOn
 * @property {MediaStreamTrack | null} audio
 * @property {MediaStreamTrack | null} video
 * @property {MediaStreamTrack | null} screen
 */

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
    if (this.client.admission) this._onAdmitted(this.client.admission);
    this._isOffering = false;
    this._restarts = 0;
    /** @type {any} */
    this._restartTimer = null;
    /** @type {[string, (event: Event) => void][]} */
    this._heard = [
      ["admitted", (event) => this._onAdmitted(detailOf(event))],
      ["slots-mapped", (event) => this._onSlots(detailOf(event))],
      ["media-rebuild", (event) => this._onRebuild(detailOf(event))],
      ["ice-restart-wanted", () => void this._offer({ isRestart: true })],
      ["ice-servers", (event) => (this._iceServers = renewed(this._peer, detailOf(event)))],
      ["publication-added", () => this._subscribe()],
      ["publication-removed", () => this._subscribe()],
      ["participant-left", () => this._subscribe()],
      ["participant-returned", (event) => this._onReturned(detailOf(event))],
      ["room", () => this._changed()],
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
    await this._senders[source]?.sender.replaceTrack(track);
    if (before && before !== track) before.stop();
    this._changed();
    await this._say(source);
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
    const publications = [...this.client.publications.values()];
    const tiles = [...this.client.participants.values()]
      .filter((one) => one.state.startsWith("active"))
      .map((one) => this._tile(one, publications));
    return tiles.sort((a, b) => Number(a.isSelf) - Number(b.isSelf));
  }

  stats() {
    return this._peer ? this._peer.getStats() : Promise.resolve(null);
  }

  /** Send nothing more, and let the devices go. */
  stop() {
    for (const [type, hear] of this._heard) this.client.removeEventListener(type, hear);
    this._isStarted = false;
    this._close();
    for (const track of Object.values(this._tracks)) track?.stop();
    this._tracks = { mic: null, camera: null, screen: null };
    this._enter("closed");
  }

  /**
   * @param {import("./signaling_client.js").Participant} one
   * @param {import("./signaling_client.js").Publication[]} publications
   * @returns {Tile}
   */
  _tile(one, publications) {
    const isSelf = one.participant_id === this.client.participantId;
    /** @param {Source} source */
    const live = (source) => {
      if (isSelf) return this.isMuted(source) ? null : this._tracks[source];
      const found = publications.find(
        (each) => each.participant_id === one.participant_id && each.source === source,
      );
      if (!found || found.is_muted || one.is_reconnecting) return null;
      return this._received(found.publication_id);
    };
    /** @param {Source} source */
    const isOn = (source) =>
      isSelf
        ? !this.isMuted(source)
        : publications.some(
            (each) =>
              each.participant_id === one.participant_id && each.source === source && !each.is_muted,
          );
    const isCut = isSelf ? this.connection === "reconnecting" : one.is_reconnecting;
    return {
      participantId: one.participant_id,
      kind: one.kind,
      isSelf,
      isReconnecting: isCut || one.state.endsWith("_away"),
      isMicOn: isOn("mic"),
      isCameraOn: isOn("camera"),
      audio: live("mic"),
      video: live("camera"),
      screen: live("screen"),
    };
  }

  /** @param {string} publicationId */
  _received(publicationId) {
    const mid = this._slots.get(publicationId);
    if (mid === undefined || !this._peer) return null;
    const found = this._peer.getTransceivers().find((each) => each.mid === mid);
    return found?.receiver.track ?? null;
  }

  /** @param {any} message */
  _onAdmitted(message) {
    this._roomEpoch = message.room_epoch;
    this._iceServers = iceServersOf(message.ice_servers);
    this._isAdmitted = true;
    // Also follows a new hello: the media node may not know our old connection any more.
    if (this._isStarted) void this._build();
  }

  /** @param {any} message */
  _onRebuild(message) {
    this._roomEpoch = message.room_epoch;
    this._iceServers = iceServersOf(message.ice_servers);
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
      this._close();
      this._enter("new");
    } else this._subscribe();
  }

  async _build() {
    this._close();
    this._enter(this._offerId === 0 ? "connecting" : "reconnecting");
    const peer = this._createPeer({ bundlePolicy: "max-bundle", iceServers: this._iceServers });
    this._peer = peer;
    this._addSections(peer);
    peer.onconnectionstatechange = () => this._onPeerState(peer);
    if (!(await this._offer({ isRestart: false }))) return;
    for (const source of /** @type {Source[]} */ (["mic", "camera"])) await this._say(source);
    this._subscribe();
  }

  /** Order is part of the agreement: mic, camera, screen, then the slots.
   * @param {RTCPeerConnection} peer */
  _addSections(peer) {
    const { mic, camera } = this._tracks;
    this._senders = {
      mic: peer.addTransceiver(mic ?? "audio", { direction: "sendonly" }),
      camera: peer.addTransceiver(camera ?? "video", { direction: "sendonly" }),
      screen: peer.addTransceiver("video", { direction: "sendonly" }),
    };
    for (const kind of SECTIONS) peer.addTransceiver(kind, { direction: "recvonly" });
    for (const each of peer.getTransceivers()) {
      const kind = each.receiver.track.kind === "audio" ? "audio" : "video";
      const codecs = trimmed(kind, this._codecsOf(kind));
      if (codecs.length > 0) each.setCodecPreferences(codecs);
    }
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
    this._forget(this._restartTimer);
    if (state === "connected") {
      this._restarts = 0;
      this._enter("connected");
    } else if (state === "disconnected" || state === "failed") {
      this._enter("reconnecting");
      this._restartTimer = this._later(() => void this._restart(), state === "failed" ? 0 : RESTART_AFTER_MS);
    }
    if (["connected", "disconnected", "failed"].includes(state)) {
      this.client.tell("media-state", { offer_id: this._offerId, state });
    }
  }

  async _restart() {
    this._restarts += 1;
    if (this._restarts > RESTARTS_BEFORE_REBUILD) {
      this._restarts = 0;
      await this._build();
      return;
    }
    if (await this._offer({ isRestart: true })) {
      // Same keys, new path: if it does not carry within the time, once more.
      this._restartTimer = this._later(() => {
        if (this.connection === "reconnecting") void this._restart();
      }, RESTART_AFTER_MS * 4);
    }
  }

  /** Publish a source, or say that it is on or off.  @param {Source} source */
  async _say(source) {
    const mid = this._senders[source]?.mid;
    if (!mid || !this._peer) return;
    const id = `${this.client.participantId}.${source}`;
    const isMuted = this.isMuted(source);
    try {
      if (this._published.has(source)) {
        await this.client.request("mute", { publication_id: id, is_muted: isMuted });
      } else {
        await this.client.request("publish", { source, mid, is_muted: isMuted });
        this._published.add(source);
      }
    } catch {
      // Refused or cut: the next build says it again.
    }
  }

  /** State the whole wish: everything of everybody else. */
  _subscribe() {
    if (!this._peer || this._offerId === 0) return;
    const wants = wantsOf(this.client.publications.values(), this.client.participantId);
    this.client.tell("subscribe", { wants });
  }

  /** @param {any} message */
  _onSlots(message) {
    if (message.map_id < this._mapId) return;
    this._mapId = message.map_id;
    this._slots = new Map();
    for (const { mid, publication_id: id } of message.slots) {
      if (id !== null) this._slots.set(id, mid);
    }
    this._changed();
    this.client.tell("ack-slots", { map_id: message.map_id });
  }

  _close() {
    this._forget(this._restartTimer);
    const peer = this._peer;
    this._peer = null;
    this._senders = {};
    this._published.clear();
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
    this.connection = connection;
    this._changed();
  }

  _changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
