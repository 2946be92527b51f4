/**
 * The provider's end of a call: one seat, one Call, one <call-stage>, for one visit at a time.
 *
 * Public face:
 *   join(visitId) · leave() · takeOver()
 *   .visitId .state .stage      state: idle | joining | seat_taken | in | reconnecting
 *   .trouble                    "", or a key of the catalogue saying why the call is not as it should be
 *   .maySeat                    false: whoever is in the lobby stays there (the visit is being put back)
 *   setNames(roster)
 * Events: change · closed { outcome } · visit-changed
 */
import { api } from "../shared/api.js";
import { Call } from "../shared/call.js";
import "../shared/call_stage.js";
import { acquire } from "../shared/device_check.js";
import { el } from "../shared/dom.js";
import { SignalingClient } from "../shared/signaling_client.js";

/** @typedef {{ participant_id: string, name: string, kind: string }} Seat */

const ASK_AGAIN_MS = 3_000;
const HOOKS = /** @type {const} */ ([
  ["[data-source='mic']", "mute"],
  ["[data-source='camera']", "camera"],
  [".leave", "leave-call"],
]);

export class CallDesk extends EventTarget {
  constructor() {
    super();
    this.visitId = "";
    this.state = "idle";
    this.trouble = "";
    this.maySeat = true;
    /** @type {any} */
    this.stage = null;
    /** @type {SignalingClient | null} */
    this._client = null;
    /** @type {Call | null} */
    this._call = null;
    /** @type {Map<string, { name: string, kind: string }>} */
    this._names = new Map();
    /** @type {Set<string>} those the server was asked to let in a moment ago */
    this._asked = new Set();
    this._turn = 0;
  }

  get isIn() {
    return this.state !== "idle";
  }

  /** @param {string} visitId */
  async join(visitId) {
    this._end();
    const turn = ++this._turn;
    this.visitId = visitId;
    this.maySeat = true;
    this.trouble = "";
    const client = new SignalingClient({
      ticketFor: () => api.post(`/v1/visits/${visitId}/join-tickets`),
      client: { name: "provider", version: "1" },
    });
    this._client = client;
    this._hear(client);
    const call = new Call({ client });
    this._call = call;
    call.addEventListener("failed", () => this._say("provider.call.failed"));
    this._showStage(call);
    this._enter("joining");
    void client.connect();
    const found = await acquire();
    if (turn !== this._turn) {
      found.mic?.stop();
      found.camera?.stop();
      return;
    }
    if (!found.mic) this._say(`device.fix.microphone.${found.micReason}`);
    else if (!found.camera) this._say(`device.fix.camera.${found.cameraReason}`);
    await call.start({ mic: found.mic, camera: found.camera });
  }

  /** Give the seat up; nothing of the visit changes by it.  @param {"left" | "page_closed"} [cause] */
  leave(cause = "left") {
    this._turn += 1;
    this._end(cause);
    this._enter("idle");
  }

  /** The page goes: a word to the room, and no more. */
  sayPageClosed() {
    this._client?.tell("leave", { cause: "page_closed" });
  }

  async takeOver() {
    await this._client?.takeOver();
  }

  /** @param {readonly Seat[]} roster */
  setNames(roster) {
    this._names = new Map(roster.map(({ participant_id: id, name, kind }) => [id, { name, kind }]));
    this.stage?.setNames(this._names);
  }

  /** Guests in the lobby, whom the provider lets in one by one.
   * @returns {{ participantId: string, name: string, kind: string }[]} */
  get waitingGuests() {
    if (this.state !== "in" || !this._client?.mayAdmit) return [];
    return [...this._client.participants.values()]
      .filter((seat) => seat.state === "lobby" && seat.kind !== "patient")
      .map((seat) => ({ participantId: seat.participant_id, name: this._names.get(seat.participant_id)?.name ?? "", kind: seat.kind }));
  }

  /** @param {string} participantId */
  async admit(participantId) {
    this.trouble = "";
    try {
      await this._client?.request("admit-participant", { participant_id: participantId });
    } catch {
      this._say("provider.errors.unexpected");
    }
  }

  /** Whether somebody of this kind is active in the room.  @param {string} kind */
  has(kind) {
    const seats = [...(this._client?.participants.values() ?? [])];
    return seats.some((seat) => seat.kind === kind && seat.state === "active" && !seat.is_reconnecting);
  }

  /** @param {SignalingClient} client */
  _hear(client) {
    client.addEventListener("state", () => {
      if (client === this._client) this._onSeat(client.state);
    });
    client.addEventListener("room", () => {
      if (client !== this._client) return;
      this._letIn();
      this.dispatchEvent(new CustomEvent("change"));
    });
    client.addEventListener("visit-changed", () => this.dispatchEvent(new CustomEvent("visit-changed")));
    client.addEventListener("closed", (event) => {
      if (client !== this._client) return;
      const { outcome } = /** @type {CustomEvent} */ (event).detail;
      this._turn += 1;
      this._end();
      this._enter("idle");
      this.dispatchEvent(new CustomEvent("closed", { detail: { outcome } }));
    });
  }

  /** @param {string} seat */
  _onSeat(seat) {
    if (seat === "active") this._letIn();
    if (seat === "closed") return;
    const shown = /** @type {Record<string, string>} */ ({ active: "in", reconnecting: "reconnecting", seat_taken: "seat_taken" });
    this._enter(shown[seat] ?? "joining");
  }

  /** The called patient's seat turns active by the server; should that be late, by us. */
  _letIn() {
    const client = this._client;
    if (!client || client.state !== "active" || !client.mayAdmit || !this.maySeat) return;
    for (const seat of client.participants.values()) {
      const id = seat.participant_id;
      if (seat.kind !== "patient" || seat.state !== "lobby" || this._asked.has(id)) continue;
      this._asked.add(id);
      setTimeout(() => {
        this._asked.delete(id);
        if (client === this._client) this._letIn();
      }, ASK_AGAIN_MS);
      // Refused or cut: asked again a little later.
      client.request("admit-participant", { participant_id: id }).catch(() => undefined);
    }
  }

  /** @param {Call} call */
  _showStage(call) {
    const stage = el("call-stage", { class: "console-stage" });
    stage.addEventListener("leave", () => this.dispatchEvent(new CustomEvent("leave-asked")));
    stage.attach(call, { names: this._names });
    for (const [selector, hook] of HOOKS) stage.querySelector(selector).dataset.do = hook;
    this.stage = stage;
  }

  /** @param {"left" | "page_closed"} [cause] */
  _end(cause = "left") {
    const client = this._client;
    const call = this._call;
    this._client = null;
    this._call = null;
    this._asked.clear();
    this.stage?.remove();
    this.stage = null;
    call?.stop();
    client?.leave(cause);
  }

  /** @param {string} key */
  _say(key) {
    this.trouble = key;
    this.dispatchEvent(new CustomEvent("change"));
  }

  /** @param {string} state */
  _enter(state) {
    this.state = state;
    if (state === "idle") this.visitId = "";
    this.dispatchEvent(new CustomEvent("change"));
  }
}
