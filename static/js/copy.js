/* Copies what data-copy holds, or what the element after it shows, exactly and whole. */
import { toast } from "./toast.js";

async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    (document.querySelector("dialog:modal") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

function wanted(button) {
  if (button.dataset.copyFrom !== "next") return button.dataset.copy;
  const source = button.nextElementSibling;
  return source?.dataset.copyText ?? source?.textContent ?? "";
}

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element && event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  event.preventDefault();
  if (await put(wanted(button))) {
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 1500);
    if (button.dataset.copyFrom) toast("Copied.", "success");
  } else {
    toast("The browser does not allow copying here. Select the text and copy it by hand.", "error");
  }
});
