// Events that projections and subscriptions could not handle, and the verbs on them.

import { act, WHY } from './act.js';
import { bdi, count, empty, eventLink, field, form, h, more, number, pairs, plain, say, streamLink, tag, time, to, visible } from './dom.js';

function verbs(can, parked) {
  if (!can.verbs.basic || parked.discarded_at) return null;
  const key = `${plain(parked.key)} of ${plain(parked.reader)}`;
  const of = [parked.reader, parked.build, parked.partition, parked.number].join('-');
  const values = { reader: parked.reader, key: parked.key };
  return h('div', { class: 'more' },
    can.verbs.projections && act({
      can, id: `retry-${of}`, label: 'Retry', title: `Retry the parked events of the key ${key}?`,
      what: 'Each is handled again with the handlers of this program, in order, until one fails. Where handlers were mended, this program has to be of that release.',
      waiting: [values, 'event of this key', 'events of this key'],
      values: { verb: 'retry-parked', ...values },
      done: ({ handled }) => `${count(Number(handled), 'event')} of the key ${key} handled.`,
    }),
    act({
      can, id: `discard-${of}`, label: 'Discard', title: `Give up the event at position ${number(parked.position)}?`,
      what: `${plain(parked.reader)} will never contain it. The event itself stays in the store. Later events of the key wait until they are retried.`,
      fields: [WHY], isGrave: true, values: { verb: 'discard-parked', position: String(parked.position), ...values },
      done: ({ discarded, stream, position }) => `${discarded} of ${stream} at position ${position} is given up. Retry the key if more of its events are parked.`,
    }));
}

function card(can, parked) {
  const facts = [
    ['Reader', h('a', { href: to(['parked'], { reader: parked.reader }) }, bdi(parked.reader))],
    ['Stream', streamLink(parked.aggregate, parked.id, parked.version)],
    ['Key', bdi(parked.key)],
    ['Attempts', String(parked.attempts)],
    ['Parked', time(parked.parked_at)],
    ['Build', `${parked.build}, partition ${parked.partition}`],
  ];
  return h('li', { class: 'card' },
    h('header', {}, h('h2', {}, eventLink(parked.position), ' ', visible(parked.event)), parked.discarded_at && tag('discarded')),
    h('p', { class: 'bad reason' }, visible(parked.reason)),
    parked.discarded_at && h('p', {}, 'Discarded at ', time(parked.discarded_at), ': ', visible(parked.discarded_why ?? '')),
    pairs(facts),
    verbs(can, parked));
}

export async function parked({ ask, can, values }) {
  const found = await ask('parked', values);
  const filter = form(['parked'], values, field('reader', 'Reader', { class: 'grow' }, 'The name of a projection or subscription.'),
    h('div', { class: 'field check' }, h('input', { type: 'checkbox', id: 'field-discarded', name: 'discarded', value: '1' }),
      h('label', { for: 'field-discarded' }, 'with discarded ones')));
  const list = h('ul', { class: 'cards one', 'aria-label': 'Parked events' }, found.parked.map((row) => card(can, row)));
  const load = async (next) => {
    const page = await ask('parked', { ...values, ...next });
    list.append(...page.parked.map((row) => card(can, row)));
    say(count(page.parked.length, 'more event', 'more events'));
    return [page.next];
  };
  const nothing = found.has_read_models
    ? empty('No event is parked.', values.reader || values.discarded ? ['Nothing fits the search. ', h('a', { href: to(['parked']) }, 'Show those of all readers'), '.'] : 'Every reader could handle what it has read.')
    : empty('The store has no read models here.', 'If they are in another database, name it with --read-store; or in another schema, with --read-schema.');
  return {
    title: 'Parked events',
    nodes: [
      h('h1', {}, 'Parked events'),
      h('p', { class: 'muted' }, 'A reader parks an event that it cannot handle, and later events of the same key wait for it. Instances of sagas that are parked are under ',
        h('a', { href: to(['sagas']) }, 'Sagas'), '.'),
      filter,
      found.parked.length === 0 && nothing,
      list,
      more(found, load),
    ],
  };
}
