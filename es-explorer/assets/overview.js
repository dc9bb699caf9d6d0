// How much the store has.

import { age, bdi, bytes, count, empty, h, number, pairs, svg, tag, time, to, visible } from './dom.js';

const SPANS = { 3600: 'last hour', 86400: 'last 24 hours', 604800: 'last 7 days' };

export async function overview({ ask }) {
  const store = await ask('overview');
  const facts = [
    ['Store', bdi(store.store)],
    ['Database', `${store.database}${store.schema ? `, schema ${store.schema}` : ''}, tables of version ${store.tables_version}`],
    ['Size', bytes(store.bytes)],
    ['First event', time(store.first_at)],
    ['Newest event', time(store.last_at)],
    ['Store id', bdi(store.store_id ?? '–')],
  ];
  const tiles = [[store.events, 'events in all'], ...store.lately.map(({ seconds, events }) => [events, SPANS[seconds] ?? age(seconds)])];
  const most = Math.max(1, ...store.names.map((name) => name.events));
  const bars = store.names.map((name) => h('li', {},
    h('a', { href: to(['events'], { name: name.event }) }, visible(name.event)), ' ', tag(`v${name.schema_version}`),
    h('span', { class: 'amount' }, number(name.events)),
    svg('svg', { class: 'bar', 'aria-hidden': 'true' }, svg('rect', { width: `${(100 * name.events) / most}%`, height: '100%' }))));
  return {
    title: 'Overview',
    nodes: [
      h('h1', {}, 'Overview'),
      h('ul', { class: 'tiles' }, tiles.map(([value, name]) => h('li', {}, h('span', { class: 'big' }, number(value)), h('span', {}, name)))),
      pairs(facts, { wide: true }),
      store.events === 0 && empty('The store has no event yet.', 'It is shown here once the application has appended one.'),
      h('div', { class: 'columns' },
        h('section', {}, h('h2', {}, 'Aggregates'),
          h('ul', { class: 'links' }, store.aggregates.map((name) => h('li', {}, h('a', { href: to(['streams'], { aggregate: name, order: 'id' }) }, bdi(name))))),
          store.aggregates.length >= store.most_aggregates && h('p', { class: 'muted' }, `The first ${number(store.most_aggregates)}.`)),
        h('section', {}, h('h2', {}, 'Events by name'),
          store.names_of > 0 && h('p', { class: 'muted' }, store.names_of < store.events ? `Of the newest ${count(store.names_of, 'event')}.` : `Of all ${count(store.names_of, 'event')}.`),
          h('ul', { class: 'bars' }, bars))),
    ],
  };
}
