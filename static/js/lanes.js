/* The trace from left to right: a lane for each agent, a mark for each event, a bar for what lasts. Every event takes the
   same width, so that a busy second can be read and a quiet night takes no room; the axis says when it was.
   Only marks in sight exist. The list shows the same events for whoever cannot use a picture. */
import { element, whenPresent } from "./elements.js";
import { spansOf } from "./spans.js";
import { toneOf } from "./states.js";
import { clockTime, fineTime } from "./times.js";
import { revealed } from "./visible.js";

const STEP = 24, LANE = 40, AXIS = 28, BEYOND = 10, OLDER = 2000, TICK = 5, QUIET = 60_000, MOST_KINDS = 24;
const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Lanes {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-lanes-${name}]`);
    this.view = this.part("view");
    this.canvas = this.part("canvas");
    this.names = this.part("names");
    this.axis = this.part("axis");
    this.svg = this.canvas.appendChild(shape("svg", { class: "lanes-bars", "aria-hidden": "true" }));
    this.marks = new Map();
    this.lanes = new Map();
    this.kinds = new Set();
    this.events = [];
    this.shown = [];
    this.active = -1;
    this.following = true;
    this.olderUrl = root.closest("[data-older-url]")?.dataset.olderUrl ?? "";
    this.wanted = new Set((new URLSearchParams(location.search).get("kind") ?? "").split(",").filter(Boolean));
    const given = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
    this.out = given.out;
    this.add(given.events);
    for (const one of this.out) this.lane(one.lane);
    root.dataset.liveCursor = String(Math.max(Number(root.dataset.liveCursor) || 0, this.events.at(-1)?.seq ?? 0));
    this.listen();
    this.draw();
  }

  add(events) {
    const last = this.events.at(-1)?.seq ?? 0;
    this.take([...this.events, ...events.filter((event) => event.seq > last)]);
  }

  take(events) {
    this.events = events;
    for (const event of events) { this.lane(event.lane); this.kind(event.kind); }
    this.spans = spansOf(events, this.out);
    this.filter();
  }

  filter() {
    this.shown = this.wanted.size ? this.events.filter((event) => this.wanted.has(event.kind)) : this.events;
    this.active = Math.min(this.active, this.shown.length - 1);
    this.later();
  }

  lane(name) {
    const lane = String(name ?? "");
    if (this.lanes.has(lane)) return;
    this.lanes.set(lane, this.lanes.size);
    this.names.append(element("span", { class: "lanes-name", title: revealed(lane) }, lane ? revealed(lane) : "the run"));
  }

  kind(name) {
    if (!name || this.kinds.has(name) || this.kinds.size >= MOST_KINDS) return;
    this.kinds.add(name);
    const pressed = String(this.wanted.has(name));
    this.part("kinds").append(element("button", { type: "button", class: "chip", "aria-pressed": pressed, "data-kind": name }, revealed(name).replaceAll("_", " ")));
  }

  /** The place of an event, or of the next one that is shown. */
  placeOf(seq) {
    let low = 0, high = this.shown.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.shown[middle].seq < seq) low = middle + 1; else high = middle;
    }
    return low;
  }

  x(place) { return place * STEP + STEP / 2; }
  y(lane) { return AXIS + (this.lanes.get(String(lane ?? "")) ?? 0) * LANE + LANE / 2; }

  later() { this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.draw(); }); }

  size() {
    this.now = this.x(this.shown.length) + STEP / 2;
    this.canvas.style.width = `${this.now + STEP * 2}px`;
    this.canvas.style.height = `${AXIS + this.lanes.size * LANE}px`;
  }

  draw() {
    const total = this.shown.length, label = this.names.offsetWidth;
    this.size();
    if (this.following) this.view.scrollLeft = this.view.scrollWidth;
    const left = this.view.scrollLeft, width = Math.max(0, this.view.clientWidth - label);
    const first = Math.max(0, Math.floor(left / STEP) - BEYOND);
    const end = Math.min(total, Math.ceil((left + width) / STEP) + BEYOND);
    this.bars(first * STEP, Math.max((end - first + 4) * STEP, width), first, end);
    this.place(first, end);
    this.ticks(first, end);
    const number = (value) => value.toLocaleString("en-GB");
    const all = this.hasOlder() ? this.events.at(-1).seq : this.events.length;
    this.part("count").textContent = this.shown === this.events ? `${number(all)} events` : `${number(total)} of ${number(all)} events`;
    this.part("empty").hidden = total > 0;
    this.part("latest").hidden = this.atEnd();
    if (this.hasOlder() && (left < 30 * STEP || total < 60)) this.older();
  }

  bars(from, width, first, end) {
    this.svg.style.transform = `translateX(${from}px)`;
    const height = AXIS + this.lanes.size * LANE;
    for (const [name, value] of Object.entries({ width, height, viewBox: `${from} 0 ${width} ${height}` })) this.svg.setAttribute(name, value);
    const parts = [];
    for (let at = 0; at < this.lanes.size; at += 1) {
      const y = AXIS + at * LANE + LANE / 2;
      parts.push(shape("line", { class: "lanes-line", x1: from, x2: from + width, y1: y, y2: y }));
    }
    for (let at = Math.max(1, first); at < end; at += 1) {
      if (Date.parse(this.shown[at].at) - Date.parse(this.shown[at - 1].at) < QUIET) continue;
      parts.push(shape("line", { class: "lanes-quiet", x1: at * STEP, x2: at * STEP, y1: AXIS, y2: height }));
    }
    for (const span of this.spans) {
      const start = span.from ? this.x(this.placeOf(span.from)) : 0;
      const stop = span.to === null ? this.now : this.x(this.placeOf(span.to));
      if (stop < from || start > from + width) continue;
      const low = span.state === "held", thick = low ? 3 : 8;
      const y = this.y(span.lane) + (low ? 13 : -thick / 2);
      const tone = span.to === null || low ? toneOf(span.state).tone : "neutral";
      const open = span.to === null ? " is-open" : "";
      parts.push(shape("rect", { class: `lanes-bar tone-${tone}${open}`, x: start, y, width: Math.max(2, stop - start), height: thick, rx: span.to === null ? 0 : thick / 2 }));
      if (span.to === null) parts.push(shape("path", { class: `lanes-bar tone-${tone} is-open`, d: `M${stop} ${y - 3}l9 ${thick / 2 + 3}l-9 ${thick / 2 + 3}z` }));
    }
    parts.push(shape("line", { class: "lanes-now", x1: this.now, x2: this.now, y1: AXIS - 6, y2: height }));
    this.svg.replaceChildren(...parts);
  }

  place(first, end) {
    const kept = new Set();
    const tabbed = this.active >= first && this.active < end ? this.active : Math.min(first + BEYOND, end - 1);
    for (let at = first; at < end; at += 1) {
      const event = this.shown[at];
      kept.add(event.seq);
      let mark = this.marks.get(event.seq);
      if (!mark) {
        mark = this.mark(event);
        this.marks.set(event.seq, mark);
        this.canvas.append(mark);
      }
      mark.style.transform = `translate(${at * STEP}px, ${this.y(event.lane) - STEP / 2}px)`;
      mark.tabIndex = at === tabbed ? 0 : -1;
    }
    for (const [seq, mark] of this.marks) {
      if (kept.has(seq)) continue;
      mark.remove();
      this.marks.delete(seq);
    }
  }

  mark(event) {
    const { tone } = toneOf(event.state), when = Date.parse(event.at);
    const words = [`Event ${event.seq}`, Number.isNaN(when) ? "" : fineTime(when), revealed(event.title), revealed(event.detail), revealed(event.state).replaceAll("_", " ")];
    const said = words.filter(Boolean).join(", ");
    const address = this.root.dataset.drawerUrl.replace(/\{seq\}|%7Bseq%7D/i, String(event.seq));
    return element("a", { class: `lanes-mark tone-${tone}`, href: address, "data-drawer": "", "data-seq": event.seq, "aria-label": said, title: said });
  }

  ticks(first, end) {
    const parts = [];
    for (let at = Math.ceil(first / TICK) * TICK; at < end; at += TICK) {
      const when = Date.parse(this.shown[at].at);
      const tick = element("span", { class: "lanes-tick" }, Number.isNaN(when) ? String(this.shown[at].seq) : clockTime(when));
      tick.style.transform = `translateX(${at * STEP}px)`;
      if (this.now - at * STEP > TICK * STEP / 2) parts.push(tick);
    }
    const now = element("span", { class: "lanes-tick is-now" }, this.root.dataset.lanesNow);
    now.style.transform = `translateX(${this.now - STEP}px)`;
    this.axis.replaceChildren(...parts, now);
  }

  hasOlder() { return this.olderUrl !== "" && this.events.length > 0 && this.events[0].seq > 1; }

  async older() {
    if (this.asking) return;
    this.asking = true;
    try {
      const answer = await fetch(`${this.olderUrl}?before=${this.events[0].seq}&limit=${OLDER}`, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const before = this.shown.length, first = this.events[0].seq, left = this.view.scrollLeft;
      this.take([...(await answer.json()).events.filter((event) => event.seq < first), ...this.events]);
      const more = this.shown.length - before;
      if (this.active >= 0) this.active += more;
      this.size();
      // What is in sight stays where it is.
      if (!this.following) this.view.scrollLeft = this.left = left + more * STEP;
      this.asking = false;
      this.later();
    } catch {
      setTimeout(() => { this.asking = false; }, 3000);
    }
  }

  atEnd() { return this.view.scrollLeft + this.view.clientWidth >= this.view.scrollWidth - STEP; }

  latest() {
    this.following = true;
    this.draw();
    this.view.focus({ preventScroll: true });
  }

  choose(place) {
    if (place < 0 || place >= this.shown.length) return;
    this.active = place;
    const x = place * STEP, width = this.view.clientWidth - this.names.offsetWidth;
    this.following = place === this.shown.length - 1;
    if (x < this.view.scrollLeft) this.view.scrollLeft = x - STEP;
    else if (x + STEP > this.view.scrollLeft + width) this.view.scrollLeft = x + STEP * 2 - width;
    this.draw();
    this.marks.get(this.shown[place].seq)?.focus({ preventScroll: true });
  }

  /** The nearest mark of the next lane up or down that has one in sight. */
  beside(step) {
    const from = this.shown[this.active] ?? this.shown.at(-1);
    const lanes = [...this.lanes.keys()];
    for (let at = lanes.indexOf(String(from.lane ?? "")) + step; at >= 0 && at < lanes.length; at += step) {
      const places = [...this.marks.keys()].map((seq) => this.placeOf(seq)).filter((place) => String(this.shown[place].lane ?? "") === lanes[at]);
      if (places.length) return places.reduce((best, place) => (Math.abs(place - this.active) < Math.abs(best - this.active) ? place : best));
    }
    return -1;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.shown.length) return;
    const mark = event.target.closest(".lanes-mark");
    if (mark) this.active = this.placeOf(Number(mark.dataset.seq));
    else if (this.active < 0) this.active = this.shown.length;
    const steps = { ArrowRight: () => this.active + 1, ArrowLeft: () => this.active - 1, Home: () => 0, End: () => this.shown.length - 1, ArrowUp: () => this.beside(-1), ArrowDown: () => this.beside(1) };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.choose(steps[event.key]());
  }

  listen() {
    this.part("kinds").addEventListener("click", (event) => {
      const chip = event.target.closest("[data-kind]");
      if (!chip) return;
      if (!this.wanted.delete(chip.dataset.kind)) this.wanted.add(chip.dataset.kind);
      chip.setAttribute("aria-pressed", String(this.wanted.has(chip.dataset.kind)));
      const address = new URL(location.href);
      if (this.wanted.size) address.searchParams.set("kind", [...this.wanted].join(","));
      else address.searchParams.delete("kind");
      history.replaceState(history.state, "", address);
      this.filter();
    });
    this.view.addEventListener("scroll", () => {
      if (this.atEnd()) this.following = true;
      else if (this.view.scrollLeft < (this.left ?? Infinity) - 1) this.following = false;
      this.left = this.view.scrollLeft;
      this.later();
    }, { passive: true });
    this.view.addEventListener("keydown", (event) => this.key(event));
    this.part("latest").addEventListener("click", () => this.latest());
    new ResizeObserver(() => this.later()).observe(this.view);
    document.addEventListener("cs:events", (event) => {
      if (event.detail.stream === this.root.dataset.liveStream) this.add(event.detail.events);
    });
  }
}

whenPresent("[data-lanes]", (root) => new Lanes(root));
