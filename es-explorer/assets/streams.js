// Streams, with a search.

import { choice, count, empty, field, form, h, more, number, say, streamLink, table, time, to, visible } from './dom.js';

const COLUMNS = [
  ['Stream', (row) => streamLink(row.aggregate, row.id)],
  ['Events', (row) => number(row.events), 'number'],
  ['Last event', (row) => h('span', {}, visible(row.last_event))],
  ['Last at', (row) => time(row.last_at)],
  ['First at', (row) => time(row.first_at)],
];

export async function streams({ ask, values }) {
  const [found, { aggregates }] = await Promise.all([ask('streams', values), ask('aggregates')]);
  const filter = form(['streams'], values,
    field('search', 'Id', { placeholder: '4711 or order/4711', class: 'grow' }, 'Any part of the id, or with % for any text: 47% begins with 47.'),
    choice('aggregate', 'Aggregate', [['', 'all'], ...aggregates.map((name) => [name, name])]),
    field('since', 'Since', { placeholder: '2h', list: 'ages' }),
    field('until', 'Until', { placeholder: '2026-11-03' }, 'A day, a moment in UTC, or an age such as 2h or 3days.'),
    choice('order', 'Order', [['recent', 'newest first'], ['id', 'by id']]),
    h('datalist', { id: 'ages' }, ['15min', '1h', '24h', '7days', '30days'].map((value) => h('option', { value }))));
  const byId = values.order === 'id';
  const rows = table('Streams', COLUMNS, found.streams);
  let shown = found.streams.length;
  const total = h('p', { class: 'muted', role: 'status' });
  const tell = (next) => {
    total.textContent = `${count(shown, 'stream')}${next ? ' so far' : ''}`;
  };
  tell(found.next);
  const load = async (next) => {
    const page = await ask('streams', { ...values, ...next });
    rows.add(page.streams);
    if (page.streams.length > 0) nothing.remove();
    shown += page.streams.length;
    tell(page.next);
    say(`${count(page.streams.length, 'more stream', 'more streams')}`);
    return [page.next, page.left];
  };
  const others = byId
    ? 'Nothing fits among those that were looked at. Look on below, or name the aggregate and the beginning of the id.'
    : ['Nothing fits among those that changed last. Look on below, or ',
      h('a', { href: to(['streams'], { ...values, since: '', until: '', order: 'id' }) }, 'look by id'), '.'];
  const nothing = found.next ? empty('No stream was found so far.', others)
    : empty('No stream was found.', 'Take a part of the search away, or ', h('a', { href: to(['streams']) }, 'show all streams'), '.');
  return {
    title: 'Streams',
    nodes: [
      h('h1', {}, 'Streams'),
      filter,
      byId && (values.since || values.until) && h('p', { class: 'hint' }, 'The times count only for the order “newest first”.'),
      found.exact.length > 0 && h('p', { class: 'hint' }, 'Written exactly so: ', found.exact.map((stream) =>
        [streamLink(stream.aggregate, stream.id), ` (${count(stream.events, 'event')}) `])),
      total,
      found.streams.length === 0 && nothing,
      rows,
      more(found, load, found.streams.length ? 'Show more' : 'Look on'),
    ],
  };
}
