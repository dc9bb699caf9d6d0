// One stream as a time line, and one event.

import { facts, forms, missing, name, stored } from './event.js';
import { age, bdi, count, eventLink, h, number, time, to } from './dom.js';

function gap(before, event) {
  if (!before) return false;
  const seconds = (Date.parse(event.recorded_at) - Date.parse(before.recorded_at)) / 1000;
  return Number.isFinite(seconds) && h('span', { class: 'gap' }, seconds < 0 ? `${age(-seconds)} earlier` : `${age(seconds)} later`);
}

export async function stream({ ask, parts, values }) {
  const [aggregate, id] = parts;
  const page = await ask('stream', { aggregate, id, ...values });
  const here = (asked) => to(['stream', aggregate, id], asked);
  const last = page.events.at(-1)?.version ?? page.from;
  const step = (text, asked) => asked
    ? h('a', { class: 'button', href: here(asked) }, text)
    : h('span', { class: 'button off', 'aria-hidden': 'true' }, text);
  const paged = page.previous || page.next;
  const pages = (label) => paged && h('nav', { class: 'pages', 'aria-label': label },
    step('First', page.previous && { from: 1 }), step('Earlier', page.previous && { from: page.previous }),
    step('Later', page.next && { from: page.next }), step('Last', page.next && { last: 1 }));
  const before = (index) => index === 0 ? page.state_before : page.events[index - 1].read?.state ?? null;
  const said = missing(page.types, aggregate);
  const cards = page.events.map((event, index) => h('li', { id: `v${event.version}` },
    h('article', { class: 'card', 'aria-label': `version ${event.version}` },
      h('header', {}, h('span', { class: 'version' }, number(event.version)), h('h2', {}, name(event)), gap(page.events[index - 1], event)),
      facts(event, { stream: false }),
      forms(event, page.types, before(index)),
      stored(event))));
  return {
    title: `${aggregate}/${id}`,
    nodes: [
      h('p', { class: 'crumbs' }, h('a', { href: to(['streams']) }, 'Streams'), ' › ', h('a', { href: to(['streams'], { aggregate, order: 'id' }) }, bdi(aggregate))),
      h('h1', {}, bdi(aggregate), '/', bdi(id)),
      h('p', { class: 'muted' }, `${count(page.last_version, 'event')}, from `, time(page.first_at), ' to ', time(page.last_at),
        paged ? `. Shown: ${number(page.from)} to ${number(last)}.` : '.'),
      said && h('p', { class: 'hint', id: 'types' }, said),
      pages('Pages'),
      h('ol', { class: 'timeline' }, cards),
      page.events.length > 5 && pages('Pages, again'),
    ],
  };
}

export async function event({ ask, parts }) {
  const [asked] = parts;
  const found = await ask('event', /^\d+(\.\d+)?$/.test(asked) ? { position: asked } : { id: asked });
  const { event: shown, cause } = found;
  const said = missing(found.types, shown.aggregate);
  const step = (text, position) => position
    ? h('a', { class: 'button', href: to(['event', position]) }, text)
    : h('span', { class: 'button off', 'aria-hidden': 'true' }, text);
  return {
    title: shown.event,
    nodes: [
      h('p', { class: 'crumbs' }, h('a', { href: to(['events']) }, 'Events'), ' › ', `position ${number(shown.position)}`),
      h('h1', {}, name(shown)),
      h('nav', { class: 'pages', 'aria-label': 'Neighbours in the store' },
        step('Event before', found.before), step('Event after', found.after)),
      h('article', { class: 'card' },
        facts(shown),
        cause && h('p', {}, 'Its cause was ', eventLink(cause.position, bdi(cause.event)), ' at ', time(cause.recorded_at), '.'),
        said && h('p', { class: 'hint', id: 'types' }, said),
        forms(shown, found.types, found.state_before, true),
        found.is_cut && h('p', { class: 'muted' }, 'The payload is longer than a page shows: es show prints all of it.'),
        stored(shown)),
    ],
  };
}
