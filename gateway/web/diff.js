/** What two lists have in common, and what changed between two sentences: the longest common subsequence. Pure. */

/**
 * @param {string} before
 * @param {string} after
 * @returns {{kind: 'same'|'out'|'in', text: string}[]} neighbours of a kind are joined; each text keeps its spaces
 */
export function wordDiff(before, after) {
  const a = before.match(/\S+\s*/gu) ?? [];
  const b = after.match(/\S+\s*/gu) ?? [];
  const longest = table(a, b, same);
  const parts = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && same(a[i], b[j])) {
      put(parts, 'same', b[j]);
      [i, j] = [i + 1, j + 1];
    } else if (i < a.length && (j === b.length || longest[i + 1][j] >= longest[i][j + 1])) {
      put(parts, 'out', a[i]);
      i += 1;
    } else {
      put(parts, 'in', b[j]);
      j += 1;
    }
  }
  return parts;
}

/**
 * The longest common subsequence of two lists of words, as indices.
 * @param {string[]} a
 * @param {string[]} b
 * @returns {[number, number][]} [i, j]: a[i] equals b[j]
 */
export function common(a, b) {
  const equal = (one, other) => one === other;
  const longest = table(a, b, equal);
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (equal(a[i], b[j])) found.push([i++, j++]);
    else if (longest[i + 1][j] >= longest[i][j + 1]) i += 1;
    else j += 1;
  }
  return found;
}

/** longest[i][j]: length of the longest common subsequence of `a` from index i on and `b` from index j on. */
function table(a, b, equal) {
  const longest = Array.from({ length: a.length + 1 }, () => new Array(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i][j] = equal(a[i], b[j]) ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  return longest;
}

function same(a, b) {
  return a.trim() === b.trim();
}

function put(parts, kind, text) {
  const last = parts.at(-1);
  if (last?.kind === kind) last.text += text;
  else parts.push({ kind, text });
}
