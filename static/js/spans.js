/* What lasted: from the question to an agent until its answer, from the hold of an action until people have answered.
   What has no end yet is open; a reader must see that it goes on. Pure. */

const ANSWERED = new Set(["turn.completed", "turn.failed"]);
const DECIDED = new Set(["action.released", "action.refused", "action.voided", "action.recalled"]);
const ENDED = new Set(["run.succeeded", "run.failed", "run.cancelled"]);

/** Spans {lane, state, from, to} by event number. `from` is 0 when it began before these events, `to` is null while open.
    `out` names what is open and began before them: {seq, lane, state}. */
export function spansOf(events, out = []) {
  const first = events[0]?.seq ?? Infinity;
  const found = [], open = new Map();
  const begin = (key, lane, state, from) => {
    const span = { lane, state, from, to: null };
    open.set(key, span);
    found.push(span);
  };
  const end = (key, at) => {
    const span = open.get(key);
    if (!span) return false;
    span.to = at;
    open.delete(key);
    return true;
  };
  for (const one of out) if (one.seq < first) begin(`${one.state} ${one.seq}`, one.lane, one.state, 0);
  for (const { seq, type, cause, lane } of events) {
    if (type === "turn.requested") begin(`running ${seq}`, lane, "running", seq);
    else if (ANSWERED.has(type)) {
      if (!end(`running ${cause}`, seq) && cause < first) found.push({ lane, state: "running", from: 0, to: seq });
    } else if (type === "action.held") {
      const known = open.get(`held ${cause}`);
      if (known) known.from = seq;
      else begin(`held ${cause}`, lane, "held", seq);
    } else if (DECIDED.has(type)) {
      if (!end(`held ${cause}`, seq) && type === "action.released" && cause < first) found.push({ lane, state: "held", from: 0, to: seq });
    } else if (ENDED.has(type)) {
      for (const key of [...open.keys()]) if (key.startsWith("running ")) end(key, seq);
    }
  }
  return found;
}
