/* Shows that something is on its way, only when it takes longer than 300 ms, and stops a second submit. */

const SOON = 300;
const timers = new WeakMap();

function begin(target) {
  if (!target || timers.has(target)) return;
  timers.set(target, setTimeout(() => target.classList.add("waits-long"), SOON));
}

function end(target) {
  if (!target) return;
  clearTimeout(timers.get(target));
  timers.delete(target);
  target.classList.remove("waits-long");
}

function free(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, target } = event.detail;
  if (elt instanceof HTMLFormElement) {
    if ("sent" in elt.dataset) { event.preventDefault(); return; }
    elt.dataset.sent = "";
    event.detail.requestConfig?.triggeringEvent?.submitter?.setAttribute("aria-busy", "true");
  }
  begin(target);
});
document.addEventListener("htmx:afterRequest", (event) => {
  end(event.detail.target);
  if (event.detail.elt instanceof HTMLFormElement) free(event.detail.elt);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("form[data-once]")) return;
  if ("sent" in form.dataset) { event.preventDefault(); return; }
  form.dataset.sent = "";
  event.submitter?.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(free));
