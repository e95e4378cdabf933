/* The drawer at the right: details of one thing beside the page it belongs to. Fed by htmx; Esc closes it. */
import { register } from "./keys.js";

const drawer = document.getElementById("drawer");
const body = document.getElementById("drawer-body");
let opener = null;

export function openDrawer(url, { from = document.activeElement, focus = true } = {}) {
  if (!drawer || !window.htmx) { window.location.assign(url); return; }
  if (!drawer.open) {
    opener = from;
    drawer.show();
  }
  window.htmx.ajax("GET", url, { target: "#drawer-body", swap: "innerHTML" }).then(() => {
    const heading = body.querySelector("h1, h2");
    if (heading) {
      heading.id ||= "drawer-title";
      drawer.setAttribute("aria-labelledby", heading.id);
    }
    drawer.scrollTop = 0;
    if (focus) body.focus({ preventScroll: true });
  });
}

export function closeDrawer() {
  if (!drawer?.open) return;
  const inside = drawer.contains(document.activeElement);
  drawer.close();
  body.replaceChildren();
  if (inside && opener?.isConnected) opener.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("cs:drawer-closed"));
}

export function isDrawerOpen() { return Boolean(drawer?.open); }

if (drawer) {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("[data-drawer-close]")) { closeDrawer(); return; }
    const link = event.target.closest("a[data-drawer]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    openDrawer(link.href, { from: link });
  });
  document.addEventListener("drawer:close", closeDrawer);
  register("Escape", "Close what is open", closeDrawer);
}
