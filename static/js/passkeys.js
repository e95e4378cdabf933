/* What allauth's scripts say when a passkey could not be used: in words, where the person is looking. */
import { toast } from "./toast.js";

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const name = event.detail?.exception?.name;
  toast(
    name === "NotAllowedError" ? "No passkey was given: it was cancelled, or none fits. Try again, or use another way."
      : name === "InvalidStateError" ? "This device holds a passkey of yours for Countersign already. Use that one, or another device."
        : "This browser could not use a passkey here. Try again, or use another way.",
    "error",
  );
});
