/* Shows a turn's text while it arrives, as text, in [data-live-text="TURN"]. Keeps the last 20,000 characters. */
import { revealed } from "./visible.js";

const MOST = 20_000;

document.addEventListener("cs:text", (event) => {
  const { turn, chunk } = event.detail;
  for (const place of document.querySelectorAll("[data-live-text]")) {
    if (place.dataset.liveText !== String(turn)) continue;
    const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 24;
    const whole = place.textContent + revealed(chunk);
    place.textContent = whole.length > MOST ? `…${whole.slice(-MOST)}` : whole;
    place.hidden = false;
    if (atEnd) place.scrollTop = place.scrollHeight;
  }
});
