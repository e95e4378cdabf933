/* The time slider of a run: says which event is meant while it is moved, and goes there when it rests.
   The two forms work without this; here the slider goes by itself and keeps the focus on the page it leads to. */
import { whenPresent } from "./elements.js";

const REST = 450;
const FOCUS = "countersign.moment";

class Moment {
  constructor(root) {
    this.root = root;
    this.range = root.querySelector("[data-moment-range]");
    this.number = root.querySelector("[data-moment-number]");
    this.head = root.querySelector("[data-moment-head]");
    this.form = root.querySelector("[data-moment-form]");
    this.touched = false;
    root.querySelector("[data-moment-look]").hidden = true;
    this.range.addEventListener("input", () => this.moved());
    this.range.addEventListener("change", () => this.rest());
    document.addEventListener("cs:events", (event) => {
      if (event.detail.stream === root.dataset.liveMoment) this.grow(event.detail.head, event.detail.events);
    });
    this.takeFocus();
  }

  moved() {
    this.touched = true;
    clearTimeout(this.timer);
    this.number.value = this.range.value;
    this.words();
  }

  /** Every arrow key is a change of its own: the page is asked for only once the slider rests. */
  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      try { sessionStorage.setItem(FOCUS, location.pathname); } catch { /* the focus is not kept */ }
      this.form.requestSubmit();
    }, REST);
  }

  /** The run has gone on: there is more to look back on. */
  grow(head, events) {
    const last = Math.max(head ?? 0, events.at(-1)?.seq ?? 0, Number(this.range.max));
    for (const field of [this.range, this.number]) {
      field.max = String(last);
      if (!this.touched && document.activeElement !== field) field.value = String(last);
    }
    this.head.textContent = String(last);
    this.words();
  }

  words() {
    this.range.setAttribute("aria-valuetext", `after event ${this.range.value} of ${this.range.max}`);
  }

  takeFocus() {
    try {
      if (sessionStorage.getItem(FOCUS) !== location.pathname) return;
      sessionStorage.removeItem(FOCUS);
      this.range.focus({ preventScroll: true });
    } catch { /* nothing was kept */ }
  }
}

whenPresent("[data-moment]", (root) => new Moment(root));
