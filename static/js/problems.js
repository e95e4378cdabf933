/* What went wrong with a request of htmx: shown where the person is looking, in the server's words when it has any. */
import { toast } from "./toast.js";

document.addEventListener("htmx:beforeSwap", (event) => {
  const detail = event.detail;
  if (!detail.isError || detail.xhr.status === 422) return;
  const box = detail.elt.closest?.("dialog[open]")?.querySelector("[data-problems]");
  const drawer = detail.requestConfig?.target?.id === "drawer-body" ? detail.requestConfig.target : null;
  const place = box ?? drawer ?? document.getElementById("problems");
  if (place) detail.target = place;
  if (/<(?:!doctype|html)\b/i.test(detail.serverResponse) || !detail.serverResponse.trim()) {
    detail.shouldSwap = false;
    toast(`The server answered ${detail.xhr.status} and gave no reason. Look at the page again before you repeat it.`, "error");
  } else {
    place?.scrollIntoView({ block: "nearest" });
  }
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig?.verb === "get") return;
  for (const box of document.querySelectorAll("#problems, [data-problems]")) box.replaceChildren();
});
for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, () => toast("The server could not be reached. What you sent may not have arrived: look again before you repeat it.", "error"));
}
