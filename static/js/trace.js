/* The trace of a run: a windowed list of its events. Only rows in sight exist, so a hundred thousand cost what ten cost.
   Owns filtering, following the latest, and the keys inside the list; the address bar names what is filtered. */
import { openDrawer, isDrawerOpen } from "./drawer.js";
import { element, whenPresent } from "./elements.js";
import { Rows } from "./rows.js";
import { revealed } from "./visible.js";

const OLDER = 2000, NEAR_TOP = 30;
const BEYOND = 8, HEAD = 29, MOST_KINDS = 24, MOST_AGENTS = 300;
const hovers = window.matchMedia("(hover: hover)");
let count = 0;

export class Trace {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-trace-${name}]`);
    this.view = this.part("view");
    this.holder = this.part("rows");
    this.rows = new Rows(this.holder, `trace${count++}-row`);
    this.events = [];
    this.texts = [];
    this.shown = [];
    this.lanes = new Map();
    this.kinds = new Set();
    this.active = -1;
    this.unseen = 0;
    this.top = 0;
    this.following = root.dataset.traceFollow !== "no";
    this.pointerInside = false;
    this.frame = 0;
    const address = new URLSearchParams(location.search);
    this.wanted = {
      text: address.get("text") ?? "",
      kinds: new Set((address.get("kind") ?? "").split(",").filter(Boolean)),
      lane: address.get("agent") ?? "",
    };
    this.listen();
    this.measure();
    const block = root.querySelector('script[type="application/json"]');
    if (block) this.add(JSON.parse(block.textContent));
    root.dataset.liveCursor = String(Math.max(Number(root.dataset.liveCursor) || 0, this.last()));
    const asked = Number(address.get("event"));
    this.olderUrl = root.closest("[data-older-url]")?.dataset.olderUrl ?? "";
    if (asked && this.placeOf(asked) < 0) this.openEvent(asked);
    else if (asked) this.choose(this.placeOf(asked), { open: true });
    this.draw();
  }

  last() { return this.events.length > 0 ? this.events[this.events.length - 1].seq : 0; }

  /** Adds events that come after those already here; others are ignored. */
  add(events) {
    let fits = 0;
    for (const event of events) {
      if (event.seq <= this.last()) continue;
      this.events.push(event);
      this.learn(event);
      if (!this.matches(this.events.length - 1)) continue;
      this.shown.push(this.events.length - 1);
      fits += 1;
    }
    if (!this.isHeld()) this.unseen = 0;
    else this.unseen += fits;
    this.later();
  }

  /** Whether events before the first one here have not been asked for. */
  hasOlder() { return this.olderUrl !== "" && this.events.length > 0 && this.events[0].seq > 1; }

  /** Fetches the events before those here, and puts them above without moving what is in sight. */
  async older() {
    if (this.asking || !this.hasOlder()) return;
    this.asking = true;
    try {
      const answer = await fetch(`${this.olderUrl}?before=${this.events[0].seq}&limit=${OLDER}`, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      this.prepend((await answer.json()).events);
      this.asking = false;
    } catch {
      setTimeout(() => { this.asking = false; }, 3000);
      return;
    }
    this.later();
  }

  prepend(events) {
    const first = this.events[0].seq;
    const fresh = events.filter((event) => event.seq < first);
    const kept = this.active >= 0 ? this.events[this.shown[this.active]]?.seq : null;
    const before = this.shown.length, top = this.view.scrollTop;
    this.events = [...fresh, ...this.events];
    this.texts = [...new Array(fresh.length), ...this.texts];
    for (const event of fresh) this.learn(event);
    this.shown = [];
    for (let at = 0; at < this.events.length; at += 1) if (this.matches(at)) this.shown.push(at);
    this.active = kept === null || kept === undefined ? -1 : this.placeOf(kept);
    this.holder.style.height = `${this.shown.length * this.height}px`;
    this.view.scrollTop = this.top = top + (this.shown.length - before) * this.height;
    this.draw();
  }

  isFiltered() { return this.wanted.text !== "" || this.wanted.kinds.size > 0 || this.wanted.lane !== ""; }

  learn(event) {
    const lane = String(event.lane ?? "");
    if (lane && !this.lanes.has(lane)) {
      this.lanes.set(lane, this.lanes.size);
      this.root.style.setProperty("--lanes", String(Math.min(this.lanes.size, 8)));
      if (this.lanes.size <= MOST_AGENTS) {
        const option = element("option", { value: lane }, revealed(lane));
        this.part("lane").append(option);
        option.selected = lane === this.wanted.lane;
      }
    }
    const kind = String(event.kind ?? "");
    if (kind && !this.kinds.has(kind) && this.kinds.size < MOST_KINDS) {
      this.kinds.add(kind);
      const pressed = String(this.wanted.kinds.has(kind));
      this.part("kinds").append(element("button", { type: "button", class: "chip", "aria-pressed": pressed, "data-kind": kind }, revealed(kind).replaceAll("_", " ")));
    }
  }

  textOf(at) {
    const event = this.events[at];
    this.texts[at] ??= `${event.seq} ${event.title} ${event.detail} ${event.lane} ${event.type} ${event.state} ${event.actor}`.toLowerCase();
    return this.texts[at];
  }

  matches(at) {
    const event = this.events[at];
    const { text, kinds, lane } = this.wanted;
    if (kinds.size > 0 && !kinds.has(event.kind)) return false;
    if (lane && event.lane !== lane) return false;
    return text === "" || this.textOf(at).includes(text.toLowerCase());
  }

  refilter() {
    const kept = this.active >= 0 ? this.events[this.shown[this.active]]?.seq : null;
    this.shown = [];
    for (let at = 0; at < this.events.length; at += 1) if (this.matches(at)) this.shown.push(at);
    this.active = kept === null || kept === undefined ? -1 : this.placeOf(kept);
    this.unseen = 0;
    this.name();
    this.draw();
    if (this.active >= 0) this.reveal(this.active);
    else if (!this.following) this.view.scrollTop = 0;
    this.later();
  }

  placeOf(seq) {
    let low = 0, high = this.shown.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.events[this.shown[middle]].seq;
      if (found === seq) return middle;
      if (found < seq) low = middle + 1; else high = middle - 1;
    }
    return -1;
  }

  /** True when new events must not move the list: the person is elsewhere in it, or has the pointer on it. */
  isHeld() { return !this.following || (this.pointerInside && hovers.matches); }

  measure() {
    this.height = parseFloat(getComputedStyle(this.root).getPropertyValue("--row")) || 30;
  }

  later() {
    this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  draw() {
    const total = this.shown.length;
    this.holder.style.height = `${total * this.height}px`;
    if (this.following && !this.isHeld()) this.view.scrollTop = this.view.scrollHeight;
    this.top = this.view.scrollTop;
    const first = Math.max(0, Math.floor(this.view.scrollTop / this.height) - BEYOND);
    const end = Math.min(total, Math.ceil((this.view.scrollTop + this.view.clientHeight) / this.height) + BEYOND);
    const seen = this.shown.slice(first, end).map((at) => this.events[at]);
    this.rows.show(seen, first, this.height, this.active, (event) => this.lanes.get(String(event.lane ?? "")) ?? 0);
    this.view.setAttribute("aria-rowcount", String(total + 1));
    const row = this.active >= 0 ? this.rows.at(this.active) : null;
    if (row) this.view.setAttribute("aria-activedescendant", row.id);
    else this.view.removeAttribute("aria-activedescendant");
    this.words(total);
    // Somebody who reads at the top, or searches, is shown what came before; nobody else waits for it.
    if (this.isFiltered() || (!this.following && this.view.scrollTop < NEAR_TOP * this.height)) this.older();
  }

  words(total) {
    const all = this.events.length;
    const number = (value) => value.toLocaleString("en-GB");
    const whole = this.hasOlder() ? this.last() : all;
    this.part("count").textContent = total === whole ? `${number(all)} event${all === 1 ? "" : "s"}` : `${number(total)} of ${number(whole)} events`;
    const empty = this.part("empty");
    empty.hidden = total > 0;
    empty.textContent = all === 0 ? "Each turn, verdict and action will appear here as it happens." : "No event fits this filter.";
    const button = this.part("latest");
    button.hidden = this.atEnd() && this.unseen === 0;
    this.part("latest-words").textContent = this.unseen > 0 ? `${number(this.unseen)} new, show` : "Jump to the latest";
  }

  atEnd() { return this.view.scrollTop + this.view.clientHeight >= this.view.scrollHeight - this.height; }

  latest() {
    this.following = true;
    this.unseen = 0;
    this.view.scrollTop = this.view.scrollHeight;
    this.later();
  }

  reveal(place) {
    const top = place * this.height, bottom = top + this.height + HEAD;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    else if (bottom > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = bottom - this.view.clientHeight;
  }

  choose(place, { open = false } = {}) {
    if (place < 0 || place >= this.shown.length) return;
    this.active = place;
    this.following = place === this.shown.length - 1;
    this.reveal(place);
    this.draw();
    clearTimeout(this.opening);
    if (open) this.open(place);
    else if (isDrawerOpen()) this.opening = setTimeout(() => this.open(place, false), 150);
  }

  open(place, focus = true) {
    const event = this.events[this.shown[place]];
    if (event) this.openEvent(event.seq, focus);
  }

  openEvent(seq, focus = true) {
    if (!this.root.dataset.drawerUrl) return;
    this.name(seq);
    openDrawer(this.root.dataset.drawerUrl.replace(/\{seq\}|%7Bseq%7D/i, String(seq)), { from: this.view, focus });
  }

  /** Writes what is filtered and open into the address bar, so that a link shows a colleague the same thing. */
  name(seq = null) {
    const address = new URL(location.href);
    const entries = { text: this.wanted.text, kind: [...this.wanted.kinds].join(","), agent: this.wanted.lane, event: seq ?? "" };
    for (const [key, value] of Object.entries(entries)) {
      if (value) address.searchParams.set(key, String(value)); else address.searchParams.delete(key);
    }
    history.replaceState(history.state, "", address);
  }

  key(event) {
    if (event.target !== this.view || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((this.view.clientHeight - HEAD) / this.height) - 1);
    const end = this.shown.length - 1;
    const now = this.active >= 0 ? this.active : Math.max(-1, Math.ceil(this.view.scrollTop / this.height) - 1);
    const steps = {
      ArrowDown: Math.min(end, now + 1), ArrowUp: Math.max(0, now - 1),
      PageDown: Math.min(end, now + page), PageUp: Math.max(0, now - page), Home: 0, End: end,
    };
    if (event.key in steps) this.choose(steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.choose(this.active, { open: true });
    else return;
    event.preventDefault();
  }

  listen() {
    const text = this.part("text"), lane = this.part("lane");
    text.value = this.wanted.text;
    let pause = 0;
    text.addEventListener("input", () => {
      clearTimeout(pause);
      pause = setTimeout(() => { this.wanted.text = text.value.trim(); this.refilter(); }, 80);
    });
    lane.addEventListener("change", () => { this.wanted.lane = lane.value; this.refilter(); });
    this.part("kinds").addEventListener("click", (event) => {
      const chip = event.target.closest("[data-kind]");
      if (!chip) return;
      const kinds = this.wanted.kinds;
      if (!kinds.delete(chip.dataset.kind)) kinds.add(chip.dataset.kind);
      chip.setAttribute("aria-pressed", String(kinds.has(chip.dataset.kind)));
      this.refilter();
    });
    this.view.addEventListener("scroll", () => {
      // Only a person moves the list upwards; what is drawn here moves it down to the latest.
      if (this.atEnd()) { this.following = true; this.unseen = 0; } else if (this.view.scrollTop < this.top - 1) this.following = false;
      this.top = this.view.scrollTop;
      this.later();
    }, { passive: true });
    this.view.addEventListener("keydown", (event) => this.key(event));
    this.view.addEventListener("pointerenter", () => { this.pointerInside = true; });
    this.view.addEventListener("pointerleave", () => {
      this.pointerInside = false;
      if (this.following) this.unseen = 0;
      this.later();
    });
    this.holder.addEventListener("click", (event) => {
      const row = event.target.closest(".trace-row");
      if (row) this.choose(Number(row.dataset.place), { open: true });
    });
    this.part("latest").addEventListener("click", () => { this.latest(); this.view.focus({ preventScroll: true }); });
    new ResizeObserver(() => { this.measure(); this.later(); }).observe(this.view);
    document.addEventListener("cs:events", (event) => {
      if (event.detail.stream === this.root.dataset.liveStream) this.add(event.detail.events);
    });
    document.addEventListener("cs:drawer-closed", () => this.name());
  }
}

whenPresent("[data-trace]", (root) => new Trace(root));
