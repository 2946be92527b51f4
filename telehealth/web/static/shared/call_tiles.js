/** One tile a person, from what the room says and what the peer connection holds. */

/** @typedef {import("./call.js").Call} Call */
/** @typedef {import("./call.js").Source} Source */
/** @typedef {import("./signaling_client.js").Participant} Participant */
/**
 * @typedef {object} Tile
 * @property {string} participantId
 * @property {string} kind
 * @property {boolean} isSelf
 * @property {boolean} isReconnecting
 * @property {boolean} isSpeaking
 * @property {string} link good, fair, poor or lost
 * @property {boolean} isMicOn
 * @property {boolean} isCameraOn
 * @property {MediaStreamTrack | null} audio
 * @property {MediaStreamTrack | null} video
 * @property {MediaStreamTrack | null} screen
 */

/** Others first, then self.  @param {Call} call @returns {Tile[]} */
export function tilesOf(call) {
  const present = [...call.client.participants.values()].filter((one) => one.state.startsWith("active"));
  return present.map((one) => tileOf(call, one)).sort((a, b) => Number(a.isSelf) - Number(b.isSelf));
}

/** @param {Call} call @param {Participant} one @returns {Tile} */
function tileOf(call, one) {
  const isSelf = one.participant_id === call.client.participantId;
  const publications = [...call.client.publications.values()];
  /** @param {Source} source */
  const published = (source) =>
    publications.find((each) => each.participant_id === one.participant_id && each.source === source && !each.is_muted);
  /** @param {Source} source */
  const live = (source) => {
    if (isSelf) return call.ownTrack(source);
    const found = published(source);
    return found && !one.is_reconnecting ? call.receivedTrack(found.publication_id) : null;
  };
  /** @param {Source} source */
  const isOn = (source) => (isSelf ? !call.isMuted(source) : published(source) !== undefined);
  const isCut = isSelf ? call.connection === "reconnecting" : one.is_reconnecting;
  return {
    participantId: one.participant_id,
    kind: one.kind,
    isSelf,
    isReconnecting: isCut || one.state.endsWith("_away"),
    isSpeaking: call.quality.isSpeaking(one.participant_id),
    link: call.quality.linkOf(one.participant_id),
    isMicOn: isOn("mic"),
    isCameraOn: isOn("camera"),
    audio: live("mic"),
    video: live("camera"),
    screen: live("screen"),
  };
}
