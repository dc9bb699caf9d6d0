// The newest events of the store, or those that a search leaves.

import { name, payload } from './event.js';
import { bdi, count, empty, eventLink, field, form, h, more, say, streamLink, table, time, to } from './dom.js';

const COLUMNS = [
  ['Position', (row) => eventLink(row.position), 'number'],
  ['Event', (row) => name(row)],
  ['Stream', (row) => streamLink(row.aggregate, row.id, row.version)],
  ['Recorded', (row) => time(row.recorded_at)],
  ['User', (row) => row.user ? bdi(row.user) : '–'],
  ['Payload', (row) => h('details', {}, h('summary', {}, h('span', { class: 'peek' }, row.payload === null ? 'bytes' : beginning(row.payload))), payload(row))],
];

function beginning(text) {
  return bdi(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

export async function events({ ask, values }) {
  const found = await ask('events', values);
  const filter = form(['events'], values,
    field('name', 'Name', { placeholder: 'order.placed', class: 'grow' }),
    field('user', 'User'),
    field('correlation', 'Correlation'),
    field('where', 'Payload', { placeholder: '$.cents > 1000', class: 'grow' }),
    field('since', 'Since', { placeholder: '2h', list: 'ages' }),
    field('until', 'Until', { placeholder: '2026-11-03' }, 'A day, a moment in UTC, or an age such as 2h or 3days.'),
    h('datalist', { id: 'ages' }, ['15min', '1h', '24h', '7days', '30days'].map((value) => h('option', { value }))));
  const rows = table('Events', COLUMNS, found.events);
  let shown = found.events.length;
  const total = h('p', { class: 'muted', role: 'status' });
  const tell = (next) => {
    total.textContent = `${count(shown, 'event')}, newest first${next ? ', so far' : ''}`;
  };
  tell(found.next);
  const load = async (next) => {
    const page = await ask('events', { ...values, ...next });
    rows.add(page.events);
    if (page.events.length > 0) nothing.remove();
    shown += page.events.length;
    tell(page.next);
    say(count(page.events.length, 'more event', 'more events'));
    return [page.next, page.left];
  };
  const nothing = found.next
    ? empty('No event was found so far.', 'The newest events were looked through. Names, users, correlations and payloads have no index, so a search goes on in parts.')
    : empty('No event was found.', 'Take a part of the search away, or ', h('a', { href: to(['events']) }, 'show all events'), '.');
  return {
    title: 'Events',
    nodes: [
      h('h1', {}, 'Events'),
      filter,
      total,
      found.events.length === 0 && nothing,
      rows,
      more(found, load, found.events.length ? 'Show more' : 'Look on'),
    ],
  };
}
