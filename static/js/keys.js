/* The keys: one registry, the sheet that lists them, and moments in which no key counts.
   Owns no action itself; a page's links and buttons bring theirs by data-key. Can be switched off by the person. */
import { element, isTyping, whenPresent } from "./elements.js";

const registry = new Map();
const sheet = document.getElementById("keys-sheet");
const PREFIX_LASTS = 1200;
let prefix = "";
let prefixTimer = 0;
let deadUntil = 0;

/** Registers keys such as "g o", "/" or "Escape". `run` gets the event; returning false means "not mine". */
export function register(keys, label, run, { whenOff = keys === "Escape" } = {}) {
  registry.set(keys, { label, run, whenOff });
}

/** No key counts for so many milliseconds: what the person aimed at may have moved. */
export function deadFor(milliseconds) {
  deadUntil = Math.max(deadUntil, performance.now() + milliseconds);
}

function switchedOn() {
  try { return localStorage.getItem("countersign.keys") !== "off"; } catch { return true; }
}

function press(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog:modal")) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const keys = prefix ? `${prefix} ${event.key}` : event.key;
  clearTimeout(prefixTimer);
  prefix = "";
  const entry = registry.get(keys);
  if (entry && (entry.whenOff || switchedOn())) {
    if (performance.now() < deadUntil && event.key !== "Escape") { event.preventDefault(); return; }
    if (event.key === "Enter" && event.target.closest?.("a, button, summary, [role=grid]")) return;
    if (entry.run(event) !== false) event.preventDefault();
  } else if (switchedOn() && [...registry.keys()].some((known) => known.startsWith(`${keys} `))) {
    prefix = keys;
    prefixTimer = setTimeout(() => { prefix = ""; }, PREFIX_LASTS);
  }
}

function list() {
  const rows = [...registry].map(([keys, { label }]) => {
    const strokes = keys.split(" ").flatMap((key, at) => [at ? " then " : "", element("kbd", {}, key === "Escape" ? "Esc" : key)]);
    return element("div", {}, element("dt", {}, label), element("dd", {}, ...strokes));
  });
  sheet.querySelector("[data-keys-list]").replaceChildren(...rows);
  sheet.querySelector("[data-keys-switch]").checked = switchedOn();
}

export function showKeys() {
  if (!sheet || sheet.open) return;
  list();
  sheet.showModal();
}

document.addEventListener("keydown", press);
if (sheet) {
  register("?", "Show the keys", showKeys, { whenOff: true });
  sheet.querySelector("[data-keys-switch]").addEventListener("change", (event) => {
    try { localStorage.setItem("countersign.keys", event.target.checked ? "on" : "off"); } catch { /* not remembered */ }
  });
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-keys-open]")) showKeys();
    if (event.target.closest("[data-keys-close]") || event.target === sheet) sheet.close();
  });
}
register("/", "Filter or search", () => {
  const fields = [...document.querySelectorAll("main [data-filter-field], [data-filter-field]")];
  const field = fields.find((candidate) => candidate.closest("main") && candidate.offsetParent) ?? fields.find((candidate) => candidate.offsetParent);
  if (!field) return false;
  field.focus();
  field.select?.();
  return true;
});
whenPresent("[data-key]", (target) => {
  register(target.dataset.key, target.dataset.keyLabel ?? target.textContent.trim(), () => {
    if (!target.isConnected || target.disabled) return false;
    target.click();
    return true;
  });
});
