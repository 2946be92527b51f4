/**
 * The sections of the one peer connection: what is sent, the slots for what is received.
 *
 * Public face:
 *   addSenders(peer, { mic, camera })   mic, camera, screen, in the order of the agreement
 *   addSlots(peer, from, to)            slots for a room of `to` where there are slots for `from`
 *   trimCodecs(transceivers, codecsOf)
 *   obeyLayers(sender, encodings)       which simulcast encodings to send; true when it took
 *   trackAt(peer, mid)                  what a slot receives, or null
 */

import { CAMERA_ENCODINGS, SCREEN_ENCODING, slotKinds, trimmed } from "./call_plan.js";

/**
 * @param {RTCPeerConnection} peer
 * @param {{ mic: MediaStreamTrack | null, camera: MediaStreamTrack | null, screen: MediaStreamTrack | null }} tracks
 */
export function addSenders(peer, { mic, camera, screen }) {
  return {
    mic: peer.addTransceiver(mic ?? "audio", { direction: "sendonly" }),
    camera: addCamera(peer, camera ?? "video"),
    screen: peer.addTransceiver(screen ?? "video", { direction: "sendonly", sendEncodings: [SCREEN_ENCODING] }),
  };
}

/** @param {RTCPeerConnection} peer @param {MediaStreamTrack | "video"} what */
function addCamera(peer, what) {
  try {
    return peer.addTransceiver(what, { direction: "sendonly", sendEncodings: CAMERA_ENCODINGS });
  } catch {
    // A browser that knows simulcast but no scalability modes sends whole frame rates only.
    const plain = CAMERA_ENCODINGS.map(({ rid, maxBitrate, scaleResolutionDownBy }) => ({ rid, maxBitrate, scaleResolutionDownBy }));
    return peer.addTransceiver(what, { direction: "sendonly", sendEncodings: plain });
  }
}

/** @param {RTCPeerConnection} peer @param {number} from @param {number} to @returns {RTCRtpTransceiver[]} */
export function addSlots(peer, from, to) {
  return slotKinds(from, to).map((kind) => peer.addTransceiver(kind, { direction: "recvonly" }));
}

/** @param {RTCRtpTransceiver[]} transceivers @param {(kind: "audio" | "video") => RTCRtpCodec[]} codecsOf */
export function trimCodecs(transceivers, codecsOf) {
  // Asked once a kind: each answer holds the page up, and a call may be running beside.
  const codecs = { audio: trimmed("audio", codecsOf("audio")), video: trimmed("video", codecsOf("video")) };
  for (const each of transceivers) {
    const kind = each.receiver.track.kind === "audio" ? "audio" : "video";
    if (codecs[kind].length > 0) each.setCodecPreferences(codecs[kind]);
  }
}

/** @param {RTCPeerConnection | null} peer @param {string | undefined} mid */
export function trackAt(peer, mid) {
  if (mid === undefined) return null;
  return peer?.getTransceivers().find((each) => each.mid === mid)?.receiver.track ?? null;
}

/**
 * @param {RTCRtpSender} sender
 * @param {{ rid: string, is_wanted: boolean }[]} wanted
 * @returns {Promise<boolean>}
 */
export async function obeyLayers(sender, wanted) {
  const parameters = sender.getParameters();
  const isWanted = new Map(wanted.map((each) => [each.rid, each.is_wanted]));
  let isNew = false;
  for (const encoding of parameters.encodings ?? []) {
    const active = isWanted.get(encoding.rid ?? "") ?? true;
    if ((encoding.active ?? true) === active) continue;
    encoding.active = active;
    isNew = true;
  }
  if (!isNew) return true;
  try {
    await sender.setParameters(parameters);
    return true;
  } catch {
    // Another change was under way: the caller tries again.
    return false;
  }
}
