/* Keeps the moving parts of a page up to date: when a stream that they hang on has changed, the page's own address is
   asked for those parts alone, and fragments.js puts them in place. One question at a time, at most one in 400 ms. */
import { say, whenPresent } from "./elements.js";

const PAUSE = 400, LONGEST = 10_000;

class Refresh {
  constructor(place) {
    this.place = place;
    this.streams = new Set((place.dataset.refreshOn ?? "").split(" ").filter(Boolean));
    this.wanted = false;
    this.asking = false;
    this.failures = 0;
    for (const name of ["cs:events", "countersign:changed"]) {
      document.addEventListener(name, (event) => {
        const stream = event.detail?.stream;
        if (stream === undefined || this.streams.has(stream)) this.soon();
      });
    }
    document.addEventListener("cs:live", (event) => { if (event.detail.state === "live" && (this.missed || this.unsure)) this.soon(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.wanted) this.soon(); });
  }

  get missed() { return this.failures > 0 || this.wanted; }

  /** Without a cursor nobody says what changed before the socket was open, or while it was not. */
  get unsure() { return this.place.dataset.liveStream !== undefined && this.place.dataset.liveCursor === undefined; }

  soon() {
    this.wanted = true;
    if (this.asking || this.timer || document.hidden) return;
    const wait = this.failures > 0 ? Math.min(LONGEST, PAUSE * 2 ** this.failures) : PAUSE;
    this.timer = setTimeout(() => { this.timer = 0; this.ask(); }, wait);
  }

  async ask() {
    if (!this.place.isConnected) return;
    this.asking = true;
    this.wanted = false;
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragments": "1" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      this.failures = 0;
      say("cs:page", { html: await answer.text() });
    } catch {
      this.failures += 1;
      this.wanted = true;
    }
    this.asking = false;
    if (this.wanted && this.failures < 8) this.soon();
  }
}

whenPresent("[data-refresh-on]", (place) => new Refresh(place));
