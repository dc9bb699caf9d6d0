// Readers, with their lag as it changes.

import { act } from './act.js';
import { age, count, empty, h, number, pairs, plain, say, svg, tag, time, to, visible } from './dom.js';

const EVERY = 2000;
// Five minutes.
const POINTS = 150;
const WIDTH = 300;
const HEIGHT = 56;

// What was seen, for as long as the page is open.
const seen = new Map();
const KINDS = { running: 'good', inline: 'good', idle: '', stalled: 'warn', stopped: 'bad' };

function key(reader) {
  return JSON.stringify([reader.kind, reader.name, reader.build, reader.partition]);
}

function record(readers) {
  const now = Date.now();
  for (const reader of readers) {
    const points = seen.get(key(reader)) ?? [];
    points.push([now, reader.lag_events]);
    while (points.length > POINTS || now - points[0][0] > POINTS * EVERY) points.shift();
    seen.set(key(reader), points);
  }
}

function plot(reader) {
  const points = seen.get(key(reader));
  const now = points.at(-1)[0];
  const top = Math.max(...points.map(([, lag]) => lag));
  const most = Math.max(1, top);
  const place = ([at, lag]) => `${(WIDTH - (WIDTH * (now - at)) / (POINTS * EVERY)).toFixed(1)},${(HEIGHT - 3 - ((HEIGHT - 8) * lag) / most).toFixed(1)}`;
  // A first point alone is a short line.
  const all = points.length === 1 ? [[now - EVERY, points[0][1]], ...points] : points;
  const line = all.map(place).join(' ');
  const first = place(all[0]).split(',')[0];
  const label = `Lag of ${plainName(reader)}: now ${count(reader.lag_events, 'event')}, at most ${number(top)} in the last minutes`;
  return h('figure', { class: 'plot' },
    svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
      svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT - 3, y2: HEIGHT - 3 }),
      svg('polygon', { class: 'area', points: `${first},${HEIGHT - 3} ${line} ${WIDTH},${HEIGHT - 3}` }),
      svg('polyline', { class: 'line', points: line })),
    h('figcaption', {}, h('span', {}, '5 min ago'), h('span', {}, `max ${number(top)}`), h('span', {}, 'now')));
}

function plainName(reader) {
  return reader.partition ? `${reader.name}, partition ${reader.partition}` : reader.name;
}

function rebuild(can, reader) {
  if (!can.verbs.projections || reader.kind !== 'projection' || reader.stage !== 'live' || reader.partition) return null;
  return h('div', { class: 'more' }, act({
    can, id: `rebuild-${reader.name}-${reader.build}`, label: 'Rebuild', title: `Build the tables of ${plain(reader.name)} anew?`,
    what: 'The running application reads all events again, into new tables. What is read now stays there until they have caught up.',
    values: { verb: 'rebuild', projection: reader.name },
    done: ({ build }) => `build ${build} of ${reader.name} is asked for. Its card below shows how far it is, once the running application has begun.`,
  }));
}

function card(can, reader) {
  const facts = [
    ['Position', number(reader.position)],
    reader.version !== null && ['Version', `${reader.version}, build ${reader.build}`],
    ['Parked', reader.parked === 0 ? '0' : h('a', { href: parkedAt(reader) }, number(reader.parked))],
    reader.owner && ['Owner', h('bdi', { class: 'mono' }, visible(reader.owner))],
  ].filter(Boolean);
  return h('li', { class: 'card' },
    h('header', {}, h('h2', {}, visible(reader.name), reader.partition ? ` · ${reader.partition}` : ''),
      h('span', { class: 'tags' }, tag(reader.kind), reader.stage && tag(reader.stage), reader.state && tag(reader.state, KINDS[reader.state]))),
    h('p', { class: 'lag' }, h('span', { class: 'big' }, number(reader.lag_events)), ` ${reader.lag_events === 1 ? 'event' : 'events'} behind`,
      reader.lag_events > 0 && h('span', { class: 'muted' }, `, the first waits ${age(reader.lag_seconds)}`)),
    plot(reader),
    reader.reason && h('p', { class: reader.state === 'stopped' ? 'bad' : 'warn' }, visible(reader.reason)),
    pairs(facts),
    rebuild(can, reader));
}

function parkedAt(reader) {
  const isSaga = reader.kind === 'saga' || reader.kind === 'process manager';
  return isSaga ? to(['sagas', reader.name], { status: 'parked' }) : to(['parked'], { reader: reader.name });
}

export async function readers({ ask, can, signal }) {
  let answer = await ask('readers');
  record(answer.readers);
  const list = h('ul', { class: 'cards', 'aria-label': 'Readers' });
  const summary = h('p', { class: 'muted' });
  const trouble = h('div', { 'aria-live': 'polite' });
  let isLive = true;
  let timer = 0;
  const show = () => {
    summary.replaceChildren(`The store has ${count(answer.head, 'event')}, at `, time(answer.now), '.');
    // Only what changed is put in place, and nothing that somebody is pressing: the click would be lost.
    answer.readers.forEach((reader, index) => {
      const now = card(can, reader);
      const was = list.children[index];
      if (!was) list.append(now);
      else if (!was.matches(':active') && !was.isEqualNode(now)) replace(was, now);
    });
    while (list.children.length > answer.readers.length) list.lastElementChild.remove();
  };
  const look = async () => {
    if (isLive && !document.hidden) {
      try {
        const found = await ask('readers');
        // Somebody may have paused it meanwhile.
        if (isLive) {
          answer = found;
          record(answer.readers);
        }
        trouble.replaceChildren();
        show();
      } catch (error) {
        if (error.name === 'AbortError') return;
        trouble.replaceChildren(h('p', { class: 'bad' }, `${error.message} What is shown is old; it is looked at again.`));
      }
    }
    clearTimeout(timer);
    if (!signal.aborted) timer = setTimeout(look, EVERY);
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  // Whoever comes back to the window sees what is, and not what was.
  document.addEventListener('visibilitychange', look, { signal });
  const pause = h('button', { type: 'button', id: 'pause', 'aria-pressed': 'false', onclick: () => {
    isLive = !isLive;
    pause.setAttribute('aria-pressed', String(!isLive));
    pause.textContent = isLive ? 'Pause' : 'Go on';
    say(isLive ? 'The readers are looked at again.' : 'Paused.');
  } }, 'Pause');
  show();
  const where = answer.has_read_models ? 'Projections, subscriptions, sagas and process managers are listed once they have run.'
    : 'The store has no read models here. If they are in another database, name it with --read-store; or in another schema, with --read-schema.';
  return {
    title: 'Readers',
    nodes: [
      h('div', { class: 'heading' }, h('h1', {}, 'Readers'), pause),
      summary, trouble,
      answer.readers.length === 0 && empty('No reader was found.', where),
      list,
    ],
    begin: () => { timer = setTimeout(look, EVERY); },
  };
}

/** Puts a new card in place of one, and keeps the focus on its link or button. */
function replace(was, now) {
  const controls = [...was.querySelectorAll('a, button')];
  const focused = controls.indexOf(document.activeElement);
  was.replaceWith(now);
  if (focused >= 0) now.querySelectorAll('a, button')[focused]?.focus();
}
