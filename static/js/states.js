/* Which colour and icon each state word has: the same table as config/templatetags/_states.py (a test compares). */

const TONES = {
  running: ["loader-2", "running started requested claimed executing assessing proposed open detached sending"],
  waiting: ["clock-pause", "waiting held pending paused conditional reserved hold stands"],
  succeeded: ["circle-check", "succeeded completed approved executed released allowed passed pass discharged published performed settled resumed active verified accepted in allow sent"],
  failed: ["circle-x", "failed rejected refused violated breached fatal exhausted deadlocked out firing dead_letter refuse"],
  provisional: ["circle-dashed", "degraded provisional suspect suspected repairable sent_back upstream_suspect unconfirmed"],
  withdrawn: ["circle-minus", "withdrawn expired cancelled superseded stale lapsed revoked voided dropped retracted retired draft idle ended"],
};
const ICONS = {
  paused: "player-pause", held: "hand-stop", hold: "hand-stop", refused: "ban", cancelled: "player-stop",
  unconfirmed: "help-circle", sent_back: "arrow-back-up", upstream_suspect: "arrow-back-up",
  repairable: "rotate-clockwise", draft: "pencil", expired: "hourglass", firing: "bell-ringing",
};
const NEUTRAL = { tone: "neutral", icon: "circle" };

export const STATES = new Map(
  Object.entries(TONES).flatMap(([tone, [icon, states]]) =>
    states.split(" ").map((state) => [state, { tone, icon: ICONS[state] ?? icon }])),
);

export function toneOf(state) {
  return STATES.get(String(state ?? "").toLowerCase()) ?? NEUTRAL;
}
