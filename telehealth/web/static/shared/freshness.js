/**
 * Whether what the page shows is live.
 *
 * Public face:
 *   freshnessOf(silenceMs)          "live" | "catching_up" | "offline"; pure
 *   new Freshness(element)          .heard() after every answer; fires `freshness` { level }
 * Sentences: common.fresh.live, .catching_up, .offline ({time}).
 */
import { language, say } from "./i18n.js";

const LIVE_MS = 10_000;
const CATCHING_UP_MS = 20_000;

/** @param {number} silenceMs */
export function freshnessOf(silenceMs) {
  if (silenceMs <= LIVE_MS) return "live";
  return silenceMs <= CATCHING_UP_MS ? "catching_up" : "offline";
}

export class Freshness extends EventTarget {
  /** @param {HTMLElement} element */
  constructor(element) {
    super();
    this._element = element;
    this._element.classList.add("freshness");
    this._heardAt = Date.now();
    this.level = "live";
    this._show();
    this._timer = setInterval(() => this._look(), 1_000);
    document.addEventListener("languagechange", () => this._show());
  }

  heard() {
    this._heardAt = Date.now();
    this._look();
  }

  stop() {
    clearInterval(this._timer);
  }

  _look() {
    const level = freshnessOf(Date.now() - this._heardAt);
    if (level === this.level) return;
    this.level = level;
    this._show();
    this.dispatchEvent(new CustomEvent("freshness", { detail: { level } }));
  }

  _show() {
    const time = new Intl.DateTimeFormat(language(), { timeStyle: "short" }).format(this._heardAt);
    this._element.dataset.level = this.level;
    this._element.textContent = say(`common.fresh.${this.level}`, { time });
  }
}
