/** What every call agrees on before it starts.  Pure. */

/** @typedef {import("./signaling_client.js").Publication} Publication */

export const RESTART_AFTER_MS = 2_000;
export const RESTARTS_BEFORE_REBUILD = 2;
/** How many people the first offer has slots for; more come by one re-offer. */
export const FIRST_CAPACITY = 4;
const CAPACITIES = [FIRST_CAPACITY, 8, 12];
/** The names and rates the server reckons with: quarter, half, full.
 * @type {(RTCRtpEncodingParameters & { scalabilityMode?: string })[]} */
export const CAMERA_ENCODINGS = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: "L1T2" },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: "L1T2" },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_500_000, scalabilityMode: "L1T2" },
];
/** @type {RTCRtpEncodingParameters} */
export const SCREEN_ENCODING = { maxBitrate: 1_500_000, maxFramerate: 15 };
/** Receive slots in the order they are added: one sound less than people, one picture for a screen.
 * @param {number} from slots for so many people are there already @param {number} to
 * @returns {("audio" | "video")[]} */
export function slotKinds(from, to) {
  const audio = Math.max(0, to - 1) - Math.max(0, from - 1);
  return [...Array(audio).fill("audio"), ...Array(to - from).fill("video")];
}

/** The least capacity that holds a room, never less than there is.
 * @param {number} people @param {number} present @param {number} most */
export function capacityFor(people, present, most) {
  const fitting = CAPACITIES.find((each) => each >= Math.min(people, most)) ?? most;
  return Math.max(present, Math.min(fitting, most));
}

/** A tile's width as the server's ladder knows it, so that a few pixels ask for nothing new.
 * @param {number} px */
export function widthStep(px) {
  if (px <= 0) return 0;
  return [320, 640].find((each) => px <= each) ?? 1280;
}

/** Sound comes before what is shared, that before those one must see, and that before faces.
 * @type {Record<string, number>} */
const PRIORITY = { mic: 100, screen: 90, camera: 50 };
const PINNED_KINDS = ["provider", "interpreter"];
const PINNED_PRIORITY = 70;
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
 * @param {Iterable<Publication>} publications @param {string} ownId
 * @param {{ widths?: Map<string, number>, kinds?: Map<string, string> }} [seen]
 *   widths: of tiles, by participant; kinds: of participants */
export function wantsOf(publications, ownId, { widths, kinds } = {}) {
  return [...publications]
    .filter((each) => each.participant_id !== ownId)
    .map((each) => {
      const isCamera = each.source === "camera";
      const isPinned = isCamera && PINNED_KINDS.includes(kinds?.get(each.participant_id) ?? "");
      const width = isCamera ? widths?.get(each.participant_id) : undefined;
      return {
        publication_id: each.publication_id,
        max_width_px: width ?? WIDTH_PX[each.source] ?? 0,
        priority: isPinned ? PINNED_PRIORITY : (PRIORITY[each.source] ?? 0),
      };
    });
}

/** How many people are in the call.  @param {{ participants: Map<string, { state: string }> }} room */
export function activeIn({ participants }) {
  return [...participants.values()].filter((one) => one.state.startsWith("active")).length;
}

/** Whether two tables of tile widths say the same.
 * @param {Map<string, number>} one @param {Map<string, number>} other */
export function isAlike(one, other) {
  return one.size === other.size && [...one].every(([id, px]) => other.get(id) === px);
}

/** What fills the slots: publication id → mid.
 * @param {{ mid: string, publication_id: string | null }[]} slots @returns {Map<string, string>} */
export function slotTable(slots) {
  const table = new Map();
  for (const { mid, publication_id: id } of slots) if (id !== null) table.set(id, mid);
  return table;
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
