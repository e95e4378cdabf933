/* Sets the theme and the folded rail before the first paint, and obeys their switches. A classic script on
   purpose: it must run before anything is drawn. Owns <html data-bs-theme, data-theme-choice, data-rail>. */
(function () {
  "use strict";
  const root = document.documentElement;
  const CHOICES = ["auto", "light", "dark"];
  const WORDS = { auto: "as the system", light: "light", dark: "dark" };
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function recall(key) { try { return localStorage.getItem(key); } catch { return null; } }
  function keep(key, value) { try { localStorage.setItem(key, value); } catch { /* private window: not remembered */ } }

  function choice() {
    const kept = recall("countersign.theme");
    return CHOICES.includes(kept) ? kept : "auto";
  }
  function apply() {
    const chosen = choice();
    root.dataset.themeChoice = chosen;
    root.dataset.bsTheme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-label", `Theme: ${WORDS[chosen]}`);
      button.title = `Theme: ${WORDS[chosen]}`;
    }
  }
  function showRail(open) {
    root.toggleAttribute("data-rail-open", open);
    for (const button of document.querySelectorAll("[data-rail-open]")) {
      if (button !== root) button.setAttribute("aria-expanded", String(open));
    }
    for (const veil of document.querySelectorAll("[data-rail-close]")) veil.hidden = !open;
    const target = document.querySelector(open ? ".rail-link" : "button[data-rail-open]");
    if (target) target.focus();
  }

  apply();
  if (recall("countersign.rail") === "folded") root.dataset.rail = "folded";
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-theme-switch]")) {
      keep("countersign.theme", CHOICES[(CHOICES.indexOf(choice()) + 1) % CHOICES.length]);
      apply();
    } else if (event.target.closest("[data-rail-fold]")) {
      root.dataset.rail = root.dataset.rail === "folded" ? "open" : "folded";
      keep("countersign.rail", root.dataset.rail);
    } else if (event.target.closest("button[data-rail-open]")) {
      showRail(!root.hasAttribute("data-rail-open"));
    } else if (event.target.closest("[data-rail-close]")) {
      showRail(false);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.hasAttribute("data-rail-open")) showRail(false);
  });
})();
