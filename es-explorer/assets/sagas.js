// Sagas and process managers, and how many of their instances stand where.

import { act, WHY } from './act.js';
import { amount, bdi, count, empty, h, more, number, plain, say, svg, table, tag, time, to, visible } from './dom.js';
import { instance, STATES } from './instance.js';

function sum(phases) {
  return (phases ?? []).reduce((all, { instances }) => all + instances, 0);
}

/** The phases as bars: how many instances stand where. */
function bars(name, status, phases, most) {
  return phases.map(({ phase, instances }) => h('li', { class: status },
    h('a', { href: to(['sagas', name], { status }) }, visible(phase)), ' ', tag(status, STATES[status]),
    h('span', { class: 'amount' }, number(instances)),
    svg('svg', { class: 'bar', 'aria-hidden': 'true' }, svg('rect', { width: `${(100 * instances) / most}%`, height: '100%' }))));
}

function card(saga, counted) {
  const all = ['running', 'parked', 'done'];
  const most = Math.max(1, ...all.flatMap((status) => (saga[status] ?? []).map(({ instances }) => instances)));
  const counts = all.map((status) => [status, sum(saga[status]), STATES[status]]);
  counts.push(['overdue', saga.overdue ?? 0, saga.overdue ? 'warn' : ''], ['inputs', saga.inputs ?? 0, saga.inputs ? 'bad' : '']);
  return h('li', { class: 'card' },
    h('header', {}, h('h2', {}, h('a', { href: to(['sagas', saga.name]) }, bdi(saga.name, ''))), tag(saga.kind ?? 'saga')),
    h('ul', { class: 'counts' }, counts.map(([status, value, kind]) => h('li', { class: value > 0 ? kind : '' },
      h('a', { href: to(['sagas', saga.name], { status }) }, h('span', { class: 'big' }, amount(value, counted)), h('span', {}, status === 'inputs' ? 'parked inputs' : status))))),
    h('h3', {}, 'Where they stand'),
    h('ul', { class: 'bars' }, all.map((status) => bars(saga.name, status, saga[status] ?? [], most))));
}

export async function sagas({ ask, can, parts, values }) {
  if (parts.length > 1) return instance({ ask, can, parts });
  if (parts.length === 1) return instances({ ask, can, name: parts[0], values });
  const found = await ask('sagas');
  return {
    title: 'Sagas',
    nodes: [
      h('h1', {}, 'Sagas and process managers'),
      found.sagas.length === 0 ? empty('No instance was found.', 'A saga or process manager is listed once it has taken an event.')
        : h('p', { class: 'muted' }, `Instances of each status are counted up to ${number(found.counted)}.`),
      h('ul', { class: 'cards' }, found.sagas.map((saga) => card(saga, found.counted))),
      can.verbs.sagas && h('div', { class: 'more' }, act({
        can, id: 'rebuild-rows', label: 'Make work items anew', title: 'Make the work items of all sagas anew?',
        what: 'Every stream of an instance is read, which takes long in a large store. Work items that are lost or damaged are written again; those that agree with their streams stay as they are.',
        values: { verb: 'rebuild-rows' },
        done: ({ streams, added, corrected }) => `${count(Number(streams), 'stream')} read, ${number(added)} work items added, ${number(corrected)} corrected.`,
      })),
    ],
  };
}

const COLUMNS = [
  ['Instance', (row) => h('a', { href: to(['sagas', row.saga, row.id]) }, bdi(row.id))],
  ['Status', (row) => tag(row.status, STATES[row.status])],
  ['Phase', (row) => h('span', {}, visible(row.phase))],
  ['Due', (row) => time(row.due_at)],
  ['Changed', (row) => time(row.updated_at)],
  ['Reason', (row) => row.reason ? h('span', { class: 'bad' }, visible(row.reason)) : '–'],
];

const STATUSES = [['running', 'running'], ['parked', 'parked'], ['done', 'done'], ['overdue', 'overdue'], ['inputs', 'parked inputs']];

async function instances({ ask, can, name, values }) {
  const status = values.status ?? 'running';
  const found = await ask('instances', { name, ...values, status });
  const rows = table('Instances', COLUMNS, found.instances);
  const load = async (next) => {
    const page = await ask('instances', { name, status, ...next });
    rows.add(page.instances);
    say(count(page.instances.length, 'more instance', 'more instances'));
    return [page.next];
  };
  return {
    title: name,
    nodes: [
      h('p', { class: 'crumbs' }, h('a', { href: to(['sagas']) }, 'Sagas')),
      h('h1', {}, bdi(name, '')),
      h('nav', { class: 'tabs', 'aria-label': 'Status' }, STATUSES.map(([value, text]) =>
        h('a', { href: to(['sagas', name], { status: value }), id: `status-${value}`, 'aria-current': value === status ? 'page' : undefined }, text))),
      can.verbs.sagas && status === 'parked' && found.instances.length > 0 && h('div', { class: 'more' }, act({
        can, id: 'retry-all', label: 'Retry all', title: `Retry all parked instances of ${plain(name)}?`, needsWho: true,
        what: 'What failed is called again, with a fresh number of attempts. Instances that cannot be retried now are left out.',
        waiting: [{ saga: name }, 'parked instance', 'parked instances'],
        fields: [WHY], values: { verb: 'retry-sagas', saga: name },
        done: ({ retried }) => `${count(Number(retried), 'instance')} retried. The running application goes on with them.`,
      })),
      found.instances.length === 0
        ? empty('No instance has this status.', status === 'overdue' ? 'Every instance that was due was taken by a worker within a minute.' : 'Choose another status above.')
        : rows,
      more(found, load),
    ],
  };
}
