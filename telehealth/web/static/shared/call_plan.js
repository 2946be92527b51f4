/** What every call agrees on before it starts.  Pure. */

/** @typedef {import("./signaling_client.js").Publication} Publication */

export const RESTART_AFTER_MS = 2_000;
export const RESTARTS_BEFORE_REBUILD = 2;
const AUDIO_SLOTS = 3;
const VIDEO_SLOTS = 4;
/** Receive slots, in the order of the offer. */
export const SECTIONS = /** @type {const} */ ([
  ...Array(AUDIO_SLOTS).fill("audio"),
  ...Array(VIDEO_SLOTS).fill("video"),
]);
/** Sound comes before what is shared, and that before faces.
 * @type {Record<string, number>} */
const PRIORITY = { mic: 100, screen: 90, camera: 50 };
/** @type {Record<string, number>} */
const WIDTH_PX = { mic: 0, screen: 1920, camera: 1280 };
const CODECS = {
  audio: ["audio/opus", "audio/pcmu"],
  video: ["video/vp8", "video/rtx"],
};

/** Untrimmed, an offer for ten people is larger than the server takes.
 * @param {"audio" | "video"} kind @param {RTCRtpCodec[]} codecs */
export function trimmed(kind, codecs) {
  return codecs.filter((codec) => CODECS[kind].includes(codec.mimeType.toLowerCase()));
}

/** Everything of everybody else.
 * @param {Iterable<Publication>} publications @param {string} ownId */
export function wantsOf(publications, ownId) {
  return [...publications]
    .filter((each) => each.participant_id !== ownId)
    .map((each) => ({
      publication_id: each.publication_id,
      max_width_px: WIDTH_PX[each.source] ?? 0,
      priority: PRIORITY[each.source] ?? 0,
    }));
}

/** @param {Event} event @returns {any} */
export function detailOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}

/** @param {any[]} servers @returns {RTCIceServer[]} */
export function iceServersOf(servers) {
  return servers.map(({ urls, username, credential }) =>
    username === null || username === undefined ? { urls } : { urls, username, credential },
  );
}

/**
 * Give a connection the relays of its next ICE restart, and hand them back.
 * @param {RTCPeerConnection | null} peer
 * @param {{ice_servers: any[]}} message
 */
export function renewed(peer, message) {
  const iceServers = iceServersOf(message.ice_servers);
  peer?.setConfiguration({ ...peer.getConfiguration(), iceServers });
  return iceServers;
}
