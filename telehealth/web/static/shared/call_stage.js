/**
 * The call as people see it: tiles, self-view, the bar.
 *
 * Public face:
 *   <call-stage>  .attach(call, { names })   names: Map participant id → { name, kind }
 *                 .call                      the attached Call (end-to-end tests read its stats)
 *                 .setNames(names)
 * Events: leave (the Leave button) · rejoin-tapped (sound was unlocked by a tap)
 * Sentences: call.*  Keyboard: M switches the microphone, unless typing.
 * Styles: shared/call.css
 */
import { acquire } from "./device_check.js";
import { el } from "./dom.js";
import { say } from "./i18n.js";

/** @typedef {import("./call.js").Call} Call */
/** @typedef {import("./call.js").Tile} Tile */
/** @typedef {Map<string, { name: string, kind: string }>} Names */

const Base = globalThis.HTMLElement ?? /** @type {typeof HTMLElement} */ (class {});

/** @param {string} name */
export function initialsOf(name) {
  const words = name.trim().split(/\s+/).filter(Boolean);
  return [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => word?.[0] ?? "").join("").toUpperCase();
}

export class CallStage extends Base {
  constructor() {
    super();
    /** @type {Call | null} */
    this.call = null;
    /** @type {Names} */
    this._names = new Map();
    /** @type {Map<string, any>} */
    this._tiles = new Map();
    this._onChange = () => this._show();
    /** @param {KeyboardEvent} event */
    this._onKey = (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      const isTyping = target.matches?.("input, textarea, select, [contenteditable]");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key.toLowerCase() === "m") void this._toggle("mic");
    };
  }

  /** @param {Call} call @param {{ names?: Names }} [options] */
  attach(call, { names } = {}) {
    this.detach();
    this.call = call;
    if (names) this._names = names;
    this._build();
    call.addEventListener("change", this._onChange);
    document.addEventListener("keydown", this._onKey);
    this._show();
  }

  detach() {
    this.call?.removeEventListener("change", this._onChange);
    document.removeEventListener("keydown", this._onKey);
    this._sizes?.disconnect();
    this._tiles.clear();
    this.call = null;
  }

  disconnectedCallback() {
    this.detach();
  }

  /** @param {Names} names */
  setNames(names) {
    this._names = names;
    this._show();
  }

  _build() {
    this._banner = el("p", { class: "stage-banner", hidden: true });
    this._unlock = el(
      "button",
      { type: "button", class: "stage-unlock", hidden: true, onclick: () => void this._playAll() },
      say("call.tap_to_hear"),
    );
    this._grid = el("div", { class: "stage-grid" });
    this._mic = this._control("mic", "M");
    this._camera = this._control("camera");
    this._screen = this._control("screen");
    this._screen.hidden = !canShareScreen();
    this._bar = el(
      "div",
      { class: "stage-bar", role: "toolbar", "aria-label": say("call.controls") },
      this._mic,
      this._camera,
      this._screen,
      el(
        "button",
        { type: "button", class: "stage-button leave", onclick: () => this.dispatchEvent(new CustomEvent("leave")) },
        say("call.leave"),
      ),
    );
    this.classList.add("stage");
    this.replaceChildren(this._banner, this._unlock, this._grid, this._bar);
    // A picture is asked for no larger than it is shown.
    this._sizes = globalThis.ResizeObserver ? new ResizeObserver(() => this._tellWidths()) : null;
    this._sizes?.observe(this._grid);
  }

  /** @param {"mic" | "camera" | "screen"} source @param {string} [shortcut] */
  _control(source, shortcut) {
    return el("button", {
      type: "button",
      class: "stage-button",
      "data-source": source,
      "aria-keyshortcuts": shortcut,
      onclick: () => void this._toggle(source),
    });
  }

  /** @param {"mic" | "camera" | "screen"} source */
  async _toggle(source) {
    const call = this.call;
    if (!call) return;
    if (source === "screen") await this._toggleScreen(call);
    else if (source === "mic" && call.hasTrack("mic")) {
      await call.setMuted("mic", !call.isMuted("mic"));
    } else if (source === "camera" && call.hasTrack("camera")) {
      // Let the camera go, so that its light goes out too.
      await call.setTrack("camera", null);
    } else {
      const found = await acquire({ camera: source === "camera" });
      const track = source === "mic" ? found.mic : found.camera;
      const other = source === "mic" ? found.camera : found.mic;
      other?.stop();
      if (track) await call.setTrack(source, track);
      else this._tell(say(`device.fix.${source === "mic" ? "microphone" : "camera"}.${source === "mic" ? found.micReason : found.cameraReason}`));
    }
  }

  /** @param {Call} call */
  async _toggleScreen(call) {
    if (call.hasTrack("screen")) {
      await call.setTrack("screen", null);
      return;
    }
    try {
      const shared = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } });
      const track = shared.getVideoTracks()[0];
      if (!track) return;
      track.contentHint = "detail";
      track.onended = () => void call.setTrack("screen", null);
      await call.setTrack("screen", track);
    } catch {
      this._tell(say("call.screen_refused"));
    }
  }

  _tellWidths() {
    const ratio = globalThis.devicePixelRatio || 1;
    const shown = [...this._tiles].map(([id, tile]) => /** @type {[string, number]} */ ([id, tile.clientWidth * ratio]));
    this.call?.setWidths(new Map(shown.filter(([, px]) => px > 0)));
  }

  /** @param {string} text */
  _tell(text) {
    this._banner.textContent = text;
    this._banner.hidden = text === "";
  }

  _show() {
    const call = this.call;
    if (!call) return;
    const tiles = call.tiles();
    const present = new Set(tiles.map((tile) => tile.participantId));
    for (const [id, element] of this._tiles) {
      if (present.has(id)) continue;
      element.remove();
      this._tiles.delete(id);
    }
    for (const tile of tiles) this._showTile(tile);
    const others = tiles.filter((tile) => !tile.isSelf).length;
    this._grid.dataset.others = String(others);
    this._showControl(this._mic, "mic");
    this._showControl(this._camera, "camera");
    this._showControl(this._screen, "screen");
    this._tellWidths();
    this.dataset.connection = call.connection;
    if (call.connection === "reconnecting") this._tell(say("call.reconnecting"));
    else if (call.connection === "connecting") this._tell(say("call.connecting"));
    else if (others === 0) this._tell(say("call.alone"));
    else this._tell(call.quality.notice === null ? "" : say(call.quality.notice));
  }

  /** @param {Tile} tile */
  _showTile(tile) {
    let element = this._tiles.get(tile.participantId);
    if (!element) {
      element = tileElement();
      this._tiles.set(tile.participantId, element);
      this._grid.append(element);
    }
    const known = this._names.get(tile.participantId);
    const name = tile.isSelf ? say("call.you") : (known?.name ?? say(`call.kind.${tile.kind}`));
    element.classList.toggle("self", tile.isSelf);
    element.classList.toggle("reconnecting", tile.isReconnecting);
    element.dataset.kind = tile.kind;
    element.querySelector(".tile-name").textContent = name;
    element.querySelector(".tile-kind").textContent = tile.isSelf ? "" : say(`call.kind.${tile.kind}`);
    element.querySelector(".tile-mic").textContent = tile.isMicOn ? "" : say("call.mic_off");
    element.querySelector(".tile-away").textContent = tile.isSelf ? "" : troubleOf(tile, name);
    element.querySelector(".tile-initials").textContent = initialsOf(known?.name ?? name);
    const shown = tile.screen ?? tile.video;
    element.classList.toggle("has-picture", shown !== null);
    element.classList.toggle("shows-screen", tile.screen !== null);
    element.classList.toggle("speaking", tile.isSpeaking && tile.isMicOn);
    showLink(element.querySelector(".tile-link"), tile.link);
    play(element.querySelector("video"), shown);
    if (!tile.isSelf) void this._hear(element.querySelector("audio"), tile.audio);
  }

  /** @param {HTMLAudioElement} audio @param {MediaStreamTrack | null} track */
  async _hear(audio, track) {
    if (!play(audio, track)) return;
    try {
      await audio.play();
    } catch (error) {
      if (error instanceof Error && error.name === "NotAllowedError") this._unlock.hidden = false;
    }
  }

  async _playAll() {
    this._unlock.hidden = true;
    for (const audio of this._grid.querySelectorAll("audio")) {
      if (audio.srcObject) await audio.play();
    }
  }

  /** @param {HTMLElement} button @param {"mic" | "camera" | "screen"} source */
  _showControl(button, source) {
    const isOn = !this.call?.isMuted(source);
    button.setAttribute("aria-pressed", String(isOn));
    button.replaceChildren(
      el("span", {}, say(`call.${source}`)),
      el("span", { class: "stage-state" }, say(isOn ? "call.on" : "call.off")),
    );
  }
}

/** Phones have no screen to share that others could read.  */
function canShareScreen() {
  return Boolean(globalThis.navigator?.mediaDevices?.getDisplayMedia) && globalThis.matchMedia?.("(pointer: fine)").matches;
}

/** @param {Tile} tile @param {string} name */
function troubleOf(tile, name) {
  if (tile.isReconnecting) return say("call.is_reconnecting", { name });
  return tile.link === "poor" ? say("call.is_weak", { name }) : "";
}

/** Bars for the eye, a word for everybody else.  @param {HTMLElement} bars @param {string} link */
function showLink(bars, link) {
  bars.dataset.link = link;
  bars.setAttribute("aria-label", say(`call.link.${link}`));
  bars.title = say(`call.link.${link}`);
}

function tileElement() {
  const video = el("video", { autoplay: true, playsinline: true });
  video.muted = true;
  return el(
    "figure",
    { class: "tile" },
    video,
    el("audio", { autoplay: true }),
    el("div", { class: "tile-initials", "aria-hidden": "true" }),
    el("div", { class: "tile-away" }),
    el(
      "figcaption",
      { class: "tile-caption" },
      el("span", { class: "tile-name" }),
      el("span", { class: "tile-kind" }),
      el("span", { class: "tile-mic" }),
      el("span", { class: "tile-link", role: "img" }, el("i"), el("i"), el("i")),
    ),
  );
}

/** Show or sound a track; true when it changed.
 * @param {HTMLMediaElement} media @param {MediaStreamTrack | null} track */
function play(media, track) {
  const now = media.srcObject instanceof MediaStream ? media.srcObject.getTracks()[0] : undefined;
  if (now === (track ?? undefined)) return false;
  media.srcObject = track ? new MediaStream([track]) : null;
  return track !== null;
}

if (globalThis.customElements) customElements.define("call-stage", CallStage);
