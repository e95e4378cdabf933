/* Short notes at the edge of the page. A good one leaves after eight seconds unless it is looked at; a bad one stays. */
import { element, icon } from "./elements.js";

const ICONS = { success: "circle-check", error: "alert-triangle", warning: "alert-triangle", info: "info-circle" };
const MOST = 4;

export function toast(text, tone = "info") {
  const area = document.getElementById("toasts");
  if (!area || !text) return;
  const kind = tone in ICONS ? tone : "info";
  const close = element("button", { type: "button", class: "icon-button", "data-toast-close": "", "aria-label": "Dismiss" }, icon("x"));
  const note = element("div", { class: `toast-note toast-${kind}`, "data-toast": "" }, icon(ICONS[kind]), element("p", {}, text), close);
  while (area.children.length >= MOST) area.firstElementChild.remove();
  area.append(note);
  leaveLater(note);
}

function leaveLater(note) {
  if (note.classList.contains("toast-error") || note.classList.contains("toast-warning")) return;
  const attempt = () => {
    if (note.matches(":hover, :focus-within")) setTimeout(attempt, 2000);
    else note.remove();
  };
  setTimeout(attempt, 8000);
}

document.querySelectorAll("[data-toast]").forEach(leaveLater);
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.closest("[data-toast-close]")) event.target.closest("[data-toast]").remove();
});
document.addEventListener("toast", (event) => toast(event.detail?.text ?? event.detail?.value, event.detail?.tone));
