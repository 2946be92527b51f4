/**
 * One seat in a room, over as many sockets as it takes.
 *
 * Public face:
 *   new SignalingClient({ ticketFor, client })   ticketFor: async () => the join-tickets answer
 *   connect() · leave() · takeOver()
 *   request(type, fields) → promise of the answer; rejects with Refused or Disconnected
 *   tell(type, fields)    for messages that are answered by nothing, or by an event
 *   .state         idle | connecting | seat_taken | lobby | active | reconnecting | closed
 *   .admission     the `admitted` message, or null
 *   .participantId .mayAdmit .participants (Map) .publications (Map)
 * Events (CustomEvent; `detail` is the server's message): every server type by its own name
 * (`welcome`, `admitted`, `slots-mapped`, `media-rebuild`, `media-move`, `participant-…`, `publication-…`,
 * `visit-changed`, `room-ended`, `goodbye`, `refused`), and our own:
 *   state   { state }            room   null, when participants or publications changed
 *   closed  { code, outcome }    outcome: left | removed | ended | superseded | refused | broken
 */

export const SUBPROTOCOL = "telehealth.v1";

/** @typedef {{ ticket: string, socket_url: string, participant_id: string, entry: string }} JoinTicket */
/** @typedef {{ participant_id: string, role: string, kind: string, state: string, is_reconnecting: boolean }} Participant */
/** @typedef {{ publication_id: string, participant_id: string, source: string, is_muted: boolean }} Publication */
/** @typedef {{ type: string, [field: string]: any }} Message */

/** An expected no. */
export class Refused extends Error {
  /** @param {Message} message */
  constructor(message) {
    super(message.code);
    this.name = "Refused";
    this.code = String(message.code);
    this.mayRetry = Boolean(message.may_retry);
    this.retryAfterMs = Number(message.retry_after_ms ?? 0);
  }
}

/** The socket went before the answer came. */
export class Disconnected extends Error {
  constructor() {
    super("disconnected");
    this.name = "Disconnected";
    this.code = "disconnected";
  }
}

/** Optional behaviour we have: our Call holds two connections while it comes over to another node. */
const FEATURES = ["media-move"];

/** What a close code asks of us; any other code: come back with back-off. */
const OUTCOME = new Map([
  [1000, "left"],
  [1002, "broken"],
  [1003, "broken"],
  [1007, "broken"],
  [1009, "broken"],
  [4400, "broken"],
  [4401, "refused"],
  [4403, "removed"],
  [4409, "superseded"],
  [4410, "ended"],
]);
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const ANSWER_WITHIN_MS = 15_000;

export class SignalingClient extends EventTarget {
  /**
   * @param {{
   *   ticketFor: () => Promise<JoinTicket>,
   *   client: { name: string, version: string },
   *   deviceId?: string,
   *   open?: (url: string, protocol: string) => WebSocket,
   *   later?: (run: () => void, ms: number) => any,
   *   forget?: (timer: any) => void,
   *   random?: () => number,
   * }} means
   */
  constructor(means) {
    super();
    this.state = "idle";
    this.participantId = "";
    this.mayAdmit = false;
    /** @type {Map<string, Participant>} */
    this.participants = new Map();
    /** @type {Map<string, Publication>} */
    this.publications = new Map();
    /** @type {Message | null} the `admitted` of this stay, for a Call made later */
    this.admission = null;
    this._ticketFor = means.ticketFor;
    this._client = means.client;
    this._deviceId = means.deviceId ?? crypto.randomUUID();
    this._open = means.open ?? ((url, protocol) => new WebSocket(url, protocol));
    this._later = means.later ?? ((run, ms) => setTimeout(run, ms));
    this._forget = means.forget ?? ((timer) => clearTimeout(timer));
    this._random = means.random ?? Math.random;
    /** @type {WebSocket | null} */
    this._socket = null;
    /** @type {Map<number, { resolve: (m: Message) => void, reject: (e: Error) => void, timer: any }>} */
    this._waiting = new Map();
    this._nextId = 1;
    this._seq = 0;
    this._failures = 0;
    this._attempt = 0;
    /** @type {any} */
    this._timer = null;
    /** @type {any} */
    this._pingTimer = null;
    this._pingEveryMs = 0;
    this._heardSincePing = true;
  }

  /** Take the seat; resolves once the first attempt is under way, `state` events tell the rest. */
  async connect() {
    if (!["idle", "closed"].includes(this.state)) return;
    this._failures = 0;
    this._enter("connecting");
    await this._attach();
  }

  /** Move the seat to this device, after state `seat_taken`. */
  async takeOver() {
    const welcome = await this.request("take-over", {});
    this._takeSeat(welcome);
  }

  /** Give the seat up.  @param {"left" | "page_closed"} [cause] */
  leave(cause = "left") {
    const socket = this._socket;
    if (socket?.readyState === 1 && ["lobby", "active"].includes(this.state)) {
      this.tell("leave", { cause });
    }
    this._end(1000, "left");
    socket?.close(1000);
  }

  /** @param {string} type @param {Record<string, unknown>} fields @returns {Promise<Message>} */
  request(type, fields) {
    return new Promise((resolve, reject) => {
      const id = this.tell(type, fields);
      if (id === 0) {
        reject(new Disconnected());
        return;
      }
      const timer = this._later(() => {
        this._waiting.delete(id);
        reject(new Disconnected());
      }, ANSWER_WITHIN_MS);
      this._waiting.set(id, { resolve, reject, timer });
    });
  }

  /** Send without waiting; returns the request's id, 0 when there is no socket.
   * @param {string} type @param {Record<string, unknown>} fields */
  tell(type, fields) {
    if (this._socket?.readyState !== 1) return 0;
    const id = this._nextId++;
    this._socket.send(JSON.stringify({ type, id, ...fields }));
    return id;
  }

  async _attach() {
    const attempt = ++this._attempt;
    /** @type {JoinTicket} */
    let ticket;
    try {
      ticket = await this._ticketFor();
    } catch (failure) {
      if (attempt !== this._attempt) return;
      // A refusal stands until a person acts; silence may pass.
      const status = /** @type {{ status?: number }} */ (failure).status ?? 0;
      if (status >= 400 && status < 500 && status !== 429) this._end(4401, "refused");
      else this._comeBack(false);
      return;
    }
    if (attempt !== this._attempt) return;
    const socket = this._open(ticket.socket_url, SUBPROTOCOL);
    this._socket = socket;
    this._nextId = 1;
    socket.onopen = () => void this._greet(ticket);
    socket.onmessage = (event) => this._hear(event.data);
    socket.onclose = (event) => this._onClose(socket, event.code);
  }

  /** @param {JoinTicket} ticket */
  async _greet(ticket) {
    try {
      const answer = await this.request("hello", {
        ticket: ticket.ticket,
        device_id: this._deviceId,
        client: this._client,
        features: FEATURES,
      });
      if (answer.type === "welcome") this._takeSeat(answer);
      else this._enter("seat_taken");
    } catch {
      // The server closes after a refused hello; the close code says what follows.
    }
  }

  /** @param {Message} welcome */
  _takeSeat(welcome) {
    this._failures = 0;
    this.participantId = welcome.participant_id;
    this.mayAdmit = welcome.may_admit;
    this._pingEveryMs = welcome.ping_every_s * 1000;
    this._heardSincePing = true;
    this._keepAlive();
  }

  /** @param {unknown} data */
  _hear(data) {
    if (typeof data !== "string") return;
    this._heardSincePing = true;
    /** @type {Message} */
    const message = JSON.parse(data);
    if (typeof message.seq === "number" && message.type !== "welcome") {
      if (message.seq <= this._seq) return;
      this._seq = message.seq;
    }
    this._apply(message);
    this._settle(message);
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  /** @param {Message} message */
  _settle(message) {
    if (typeof message.re !== "number") return;
    const waiting = this._waiting.get(message.re);
    if (!waiting) return;
    this._waiting.delete(message.re);
    this._forget(waiting.timer);
    if (message.type === "refused") waiting.reject(new Refused(message));
    else waiting.resolve(message);
  }

  /** Mirror the room.  @param {Message} message */
  _apply(message) {
    const apply = APPLY[message.type];
    if (!apply) return;
    apply(this, message);
    this.dispatchEvent(new CustomEvent("room", { detail: null }));
  }

  /** @param {WebSocket} socket @param {number} code */
  _onClose(socket, code) {
    if (socket !== this._socket) return;
    this._drop();
    const outcome = OUTCOME.get(code);
    if (outcome) this._end(code, outcome);
    // 4440 and 49xx: the way in is open, only this socket is not.
    else this._comeBack(code === 4440 || code >= 4900);
  }

  /** @param {boolean} isAtOnce */
  _comeBack(isAtOnce) {
    this._enter("reconnecting");
    const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this._failures);
    const wait = (isAtOnce && this._failures === 0 ? FIRST_WAIT_MS : ceiling) * (0.5 + this._random() / 2);
    this._failures += 1;
    this._forget(this._timer);
    this._timer = this._later(() => void this._attach(), wait);
  }

  _keepAlive() {
    this._forget(this._pingTimer);
    if (this._pingEveryMs <= 0) return;
    this._pingTimer = this._later(() => {
      if (!this._heardSincePing) {
        // A dead path may take minutes to be closed by the system: go now.
        const socket = this._socket;
        this._drop();
        socket?.close();
        this._comeBack(true);
        return;
      }
      this._heardSincePing = false;
      this.tell("ping", {});
      this._keepAlive();
    }, this._pingEveryMs);
  }

  _drop() {
    this._socket = null;
    this.admission = null;
    this._forget(this._pingTimer);
    for (const { reject, timer } of this._waiting.values()) {
      this._forget(timer);
      reject(new Disconnected());
    }
    this._waiting.clear();
  }

  /** @param {number} code @param {string} outcome */
  _end(code, outcome) {
    this._attempt += 1;
    this._forget(this._timer);
    this._drop();
    if (this.state === "closed") return;
    this._enter("closed");
    this.dispatchEvent(new CustomEvent("closed", { detail: { code, outcome } }));
  }

  /** @param {string} state */
  _enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state } }));
  }
}

/** @param {SignalingClient} it @param {Message} message */
function seat(it, message) {
  it.participants.set(message.participant.participant_id, message.participant);
}

/** @param {SignalingClient} it @param {Message} message @param {Partial<Participant>} change */
function change(it, message, change) {
  const seen = it.participants.get(message.participant_id);
  if (seen) it.participants.set(seen.participant_id, { ...seen, ...change });
}

/** @param {SignalingClient} it @param {string} participantId */
function forgetPublications(it, participantId) {
  for (const [id, publication] of it.publications) {
    if (publication.participant_id === participantId) it.publications.delete(id);
  }
}

/** For a Call made later: the media has another place now.  @param {SignalingClient} it @param {Message} message */
function moveMedia(it, message) {
  if (it.admission) it.admission = { ...it.admission, room_epoch: message.room_epoch, ice_servers: message.ice_servers };
}

/** @type {Record<string, (it: SignalingClient, message: Message) => void>} */
const APPLY = {
  welcome: (it, message) => {
    it._seq = message.seq;
    it.participantId = message.participant_id;
    it.participants = new Map(
      message.room.participants.map((/** @type {Participant} */ one) => [one.participant_id, one]),
    );
    it.publications = new Map(
      message.room.publications.map((/** @type {Publication} */ one) => [one.publication_id, one]),
    );
    it._enter(message.state.startsWith("active") ? "active" : "lobby");
  },
  admitted: (it, message) => {
    it.admission = message;
    it._enter("active");
  },
  "media-rebuild": moveMedia,
  "media-move": moveMedia,
  "participant-waiting": seat,
  "participant-joined": seat,
  "participant-admitted": seat,
  "participant-changed": seat,
  "participant-returned": (it, message) => {
    change(it, message, { state: "lobby" });
    forgetPublications(it, message.participant_id);
    if (message.participant_id === it.participantId) {
      it.admission = null;
      it._enter("lobby");
    }
  },
  "participant-away": (it, message) => change(it, message, { is_reconnecting: true }),
  "participant-back": (it, message) => change(it, message, { is_reconnecting: false }),
  "participant-left": (it, message) => {
    it.participants.delete(message.participant_id);
    forgetPublications(it, message.participant_id);
  },
  "publication-added": (it, message) => {
    it.publications.set(message.publication.publication_id, message.publication);
  },
  "publication-changed": (it, message) => {
    it.publications.set(message.publication.publication_id, message.publication);
  },
  "publication-removed": (it, message) => {
    it.publications.delete(message.publication_id);
  },
};
