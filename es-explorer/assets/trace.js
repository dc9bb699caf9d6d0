// What followed from a request, as a tree of causes.

import { age, bdi, count, empty, field, form, h, number, plain, say, svg, to } from './dom.js';

const ROW = 52;
const STEP = 26;
// Events that are deeper stand below each other.
const DEEPEST = 12;
// A tree of more events is no help to anybody.
const MOST = 2000;

/** Each event after its cause and before the next consequence of that cause, with its depth. */
export function tree(events) {
  const byId = new Map(events.map((event) => [event.event_id, event]));
  const below = new Map();
  for (const event of events) {
    const known = event.causation !== event.event_id && byId.has(event.causation);
    const cause = known ? event.causation : null;
    if (!below.has(cause)) below.set(cause, []);
    below.get(cause).push(event);
  }
  const shown = [];
  const seen = new Set();
  const visit = (roots) => {
    const waiting = roots.map((event) => ({ event, depth: 0, parent: null })).reverse();
    while (waiting.length > 0) {
      const next = waiting.pop();
      if (seen.has(next.event.event_id)) continue;
      seen.add(next.event.event_id);
      const row = shown.push(next) - 1;
      const children = below.get(next.event.event_id) ?? [];
      for (const event of [...children].reverse()) waiting.push({ event, depth: next.depth + 1, parent: row });
    }
  };
  visit(below.get(null) ?? []);
  // Events that name each other as the cause. Only an application that makes its own metadata has them.
  visit(events.filter((event) => !seen.has(event.event_id)));
  return shown;
}

function cut(text, most) {
  const characters = [...plain(text)];
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : characters.join('');
}

function draw(events, width) {
  const shown = tree(events);
  const began = Date.parse(events[0].recorded_at);
  const x = (depth) => 14 + Math.min(depth, DEEPEST) * STEP * (width < 600 ? 0.5 : 1);
  const y = (row) => row * ROW + ROW / 2;
  const lines = [];
  const nodes = shown.map(({ event, depth, parent }, row) => {
    if (parent !== null) {
      const from = shown[parent];
      lines.push(svg('path', { class: 'branch', d: `M${x(from.depth)} ${y(parent)}V${y(row) - 8}Q${x(from.depth)} ${y(row)} ${x(from.depth) + 8} ${y(row)}H${x(depth)}` }));
    }
    const left = x(depth) + 14;
    const room = Math.max(8, Math.floor((width - left - 8) / 7.6));
    const seconds = (Date.parse(event.recorded_at) - began) / 1000;
    const later = row === 0 || !Number.isFinite(seconds) ? '' : ` · +${age(Math.max(0, seconds))}`;
    const by = event.user ? ` · ${event.user}` : '';
    const stream = `${event.aggregate}/${event.id}`;
    const label = `${plain(event.event)}, ${plain(stream)} version ${event.version}, depth ${depth}`;
    return svg('a', { href: to(['event', event.position]), 'aria-label': label },
      svg('rect', { class: 'hit', x: left - 8, y: row * ROW + 3, width: Math.max(60, width - left + 4), height: ROW - 6, rx: 6 }),
      svg('circle', { class: depth === 0 ? 'dot root' : 'dot', cx: x(depth), cy: y(row), r: 6 }),
      svg('text', { class: 'title', x: left, y: y(row) - 3 }, cut(event.event, room)),
      svg('text', { class: 'under', x: left, y: y(row) + 15 }, cut(`${stream} · v${event.version}${later}${by}`, room)));
  });
  return svg('svg', { class: 'tree', width, height: shown.length * ROW, role: 'group', 'aria-label': 'Tree of causes' }, lines, nodes);
}

export async function trace({ ask, parts, values, signal, width }) {
  const filter = form(['trace'], { correlation: parts[0] }, field('correlation', 'Correlation, or the id of an event', { class: 'grow', required: true },
    'Both are in the metadata of events.'));
  const title = h('h1', {}, 'Trace');
  if (!parts[0]) {
    // The form puts what it asks for into the address, of which it is a part of its own.
    if (values.correlation) {
      location.replace(to(['trace', values.correlation]));
    }
    return {
      title: 'Trace',
      nodes: [title, filter, empty('Which request?', 'Name a correlation. Each event links to its trace, too: ', h('a', { href: to(['events']) }, 'choose an event'), '.')],
    };
  }
  let part = await ask('trace', { correlation: parts[0], ...values });
  const began = part.after;
  const events = part.events;
  const summary = h('p', { class: 'muted', role: 'status' });
  const holder = h('div', {});
  const controls = h('div', { class: 'more' });
  const { correlation } = part;
  let isStopped = false;
  const show = (isDone) => {
    const looked = part.of === null ? `up to position ${part.looked_to}` : `through ${number(part.looked_to - began)} of ${count(part.of - began, 'event')}`;
    const more = part.next && !isDone ? `, looked ${looked}` : '';
    summary.textContent = `${count(events.length, 'event')} with this correlation${more}.`;
    const earlier = !(began === 0 || began === '0') && events.every((event) => event.event_id !== correlation) && h('p', { class: 'hint' },
      `Earlier events than position ${number(began)} were not looked at. `,
      h('a', { href: to(['trace', parts[0]], { after: 0 }) }, 'Look from the beginning'));
    if (events.length > 0) {
      holder.replaceChildren(draw(events, width()), ...(earlier ? [earlier] : []));
    } else if (isDone) {
      holder.replaceChildren(empty('No event has this correlation.', 'Is it written exactly as in the metadata of the event? ', earlier || ''));
    }
  };
  const goOn = async () => {
    controls.replaceChildren(h('button', { type: 'button', onclick: () => { isStopped = true; } }, 'Stop looking'));
    try {
      while (part.next && !isStopped && events.length < MOST) {
        show(false);
        part = await ask('trace', part.next);
        events.push(...part.events);
      }
      controls.replaceChildren();
      show(!part.next);
      if (part.next) {
        controls.replaceChildren(h('button', { type: 'button', onclick: () => { isStopped = false; goOn(); } }, 'Look on'));
      } else {
        say(summary.textContent);
      }
    } catch (error) {
      if (error.name === 'AbortError') return;
      controls.replaceChildren(h('p', { role: 'alert', class: 'bad' }, error.message), h('button', { type: 'button', onclick: goOn }, 'Try again'));
    }
  };
  show(!part.next);
  const resized = () => { if (events.length > 0) show(!part.next); };
  window.addEventListener('resize', resized, { signal });
  return {
    title: `Trace ${correlation}`,
    nodes: [title, filter, correlation !== parts[0] && h('p', {}, 'Its correlation is ', bdi(correlation), '.'), summary, holder, controls],
    begin: () => {
      // Now that the width is known.
      show(!part.next);
      if (part.next) goOn();
    },
  };
}
