// The state after an event, with what the event changed.

import { h, visible } from './dom.js';

// Longer states are shown without their changes: comparing them takes too long.
const MOST_LINES = 600;

/** Lines of both texts in order, each with what became of it: ` `, `+` or `-`. */
export function changes(before, after) {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let begin = 0;
  while (begin < old.length && begin < now.length && old[begin] === now[begin]) begin += 1;
  let end = 0;
  while (end < old.length - begin && end < now.length - begin && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  const a = old.slice(begin, old.length - end);
  const b = now.slice(begin, now.length - end);
  if (a.length > MOST_LINES || b.length > MOST_LINES) return now.map((line) => [' ', line]);
  // The longest common part of what differs, from its end on.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const lines = now.slice(0, begin).map((line) => [' ', line]);
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([' ', b[j]]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      lines.push(['-', a[i]]);
      i += 1;
    } else {
      lines.push(['+', b[j]]);
      j += 1;
    }
  }
  return [...lines, ...now.slice(now.length - end).map((line) => [' ', line])];
}

/** A state, compared with the one before where that is known. */
export function state(text, before) {
  const marked = before !== null && before !== undefined;
  const lines = marked ? changes(before, text) : text.split('\n').map((line) => [' ', line]);
  const rows = lines.map(([mark, line]) => {
    const shown = [marked ? `${mark === '-' ? '−' : mark} ` : '', visible(line), '\n'];
    if (mark === '+') return h('ins', {}, shown);
    return mark === '-' ? h('del', {}, shown) : h('span', {}, shown);
  });
  return h('pre', { class: 'json state', tabindex: '0', 'aria-label': 'State' }, rows);
}
