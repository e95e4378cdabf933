/* Keeps relative times and deadlines moving. Words are those of config/templatetags/_times.py.
   Owns time[data-ago] and time[data-until]; the exact time is their title and is never touched. */

const MINUTE = 60, HOUR = 3600, DAY = 86400;
const zone = document.body.dataset.timeZone || undefined;

function formatter(options) {
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
  } catch {
    return new Intl.DateTimeFormat("en-GB", options);
  }
}
const date = formatter({ day: "numeric", month: "short", year: "numeric" });
const clock = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const fine = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });

/** 14:02:10, in the organisation's time zone. */
export function clockTime(when) { return clock.format(when); }
/** 14:02:10.123, in the organisation's time zone. */
export function fineTime(when) { return fine.format(when); }

const days = (count) => (count === 1 ? "1 day" : `${count} days`);

function coarse(seconds) {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  return days(Math.floor(seconds / DAY));
}

function precise(seconds) {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ${seconds % MINUTE} s`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${days(Math.floor(seconds / DAY))} ${Math.floor((seconds % DAY) / HOUR)} h`;
}

export function relative(when, now) {
  const seconds = (now - when) / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  if (Math.abs(seconds) >= 30 * DAY) return date.format(when);
  const length = coarse(Math.floor(Math.abs(seconds)));
  return seconds > 0 ? `${length} ago` : `in ${length}`;
}

export function remaining(when, now) {
  const seconds = Math.trunc((when - now) / 1000);
  if (seconds > 0) return `${precise(seconds)} left`;
  return seconds < -4 ? `ended ${coarse(-seconds)} ago` : "ended just now";
}

function tick() {
  if (document.hidden) return;
  const now = Date.now();
  for (const shown of document.querySelectorAll("time[data-ago], time[data-until]")) {
    const when = Date.parse(shown.dateTime);
    if (Number.isNaN(when)) continue;
    const words = "until" in shown.dataset ? remaining(when, now) : relative(when, now);
    if (shown.textContent !== words) shown.textContent = words;
  }
}

setInterval(tick, 1000);
document.addEventListener("visibilitychange", tick);
