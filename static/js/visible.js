/* Makes hidden, bidi and control characters visible, as the template filter `visible` does on the server. */

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0\uFE00-\uFE0F\u180B-\u180F\u{E0000}-\u{E0FFF}]/gu;
const AS_THEY_ARE = new Set([" ", "\n", "\t"]);

/** The text with each hidden character replaced by its number, as in ⟨U+202E⟩. */
export function revealed(text) {
  return String(text ?? "").replace(HIDDEN, (character) => {
    if (AS_THEY_ARE.has(character)) return character;
    return `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
