/* The rows of a trace that are in sight: a fixed number of elements, refilled with text while the list moves under them. */
import { element, icon, setIcon } from "./elements.js";
import { toneOf } from "./states.js";
import { fineTime } from "./times.js";
import { revealed } from "./visible.js";

const MOST_LANES = 8;

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function build(id) {
  const part = (name, ...children) => element("span", { class: name, role: "gridcell" }, ...children);
  const plain = (name) => element("span", { class: name });
  const mark = plain("trace-mark"), lane = plain("trace-lane-name"), title = plain("trace-title");
  const detail = plain("trace-detail"), word = plain("trace-word"), picture = icon("circle");
  const lanes = element("span", { class: "trace-lanes", "aria-hidden": "true" }, mark);
  const seq = part("trace-seq"), time = part("trace-time"), state = part("trace-state", picture, word);
  const what = part("trace-what", title, detail);
  const root = element("div", { class: "trace-row", role: "row", id }, seq, time, part("trace-agent", lanes, lane), what, state);
  return { root, seq, time, mark, lane, title, detail, what, word, picture, state, tone: "" };
}

export class Rows {
  constructor(holder, name) {
    this.holder = holder;
    this.name = name;
    this.pool = [];
    this.first = 0;
  }

  /** Shows `events` (those in sight, `first` is the place of the first) with `laneOf` giving each one's lane number. */
  show(events, first, height, active, laneOf) {
    this.first = first;
    while (this.pool.length < events.length) {
      const row = build(`${this.name}-${this.pool.length}`);
      this.pool.push(row);
      this.holder.append(row.root);
    }
    while (this.pool.length > events.length) this.pool.pop().root.remove();
    events.forEach((event, at) => this.fill(this.pool[at], event, first + at, height, active === first + at, laneOf(event)));
  }

  fill(row, event, place, height, isActive, lane) {
    const { tone, icon: picture } = toneOf(event.state);
    row.root.style.transform = `translateY(${place * height}px)`;
    row.root.setAttribute("aria-rowindex", String(place + 2));
    row.root.setAttribute("aria-selected", String(isActive));
    row.root.dataset.place = String(place);
    row.root.dataset.seq = String(event.seq);
    put(row.seq, String(event.seq));
    const when = Date.parse(event.at);
    put(row.time, Number.isNaN(when) ? "" : fineTime(when));
    row.time.title = String(event.at ?? "");
    put(row.lane, revealed(event.lane));
    put(row.title, revealed(event.title));
    put(row.detail, revealed(event.detail));
    row.what.title = `${row.title.textContent} ${row.detail.textContent}`.trim();
    put(row.word, revealed(event.state).replaceAll("_", " "));
    row.mark.style.setProperty("--lane", String(Math.min(lane, MOST_LANES - 1)));
    if (row.tone !== tone + picture) {
      row.tone = tone + picture;
      row.mark.className = `trace-mark tone-${tone}`;
      row.state.className = `trace-state tone-${tone}`;
      setIcon(row.picture, picture);
    }
  }

  /** The element that shows this place of the list, if it is in sight. */
  at(place) {
    return this.pool[place - this.first]?.root ?? null;
  }
}
