// What the application stores, who writes and who reads it, from the catalogue that it hands over.

import { age, bdi, count, empty, field, form, h, json, number, plain, table, tag, to, visible } from './dom.js';

/** A JSON Schema in a few words. */
export function typeOf(schema) {
  if (schema === null || typeof schema !== 'object') return 'anything';
  const several = (all) => {
    const others = all.filter((one) => one?.type !== 'null');
    const words = [...new Set(others.map(typeOf))].join(' or ');
    return others.length < all.length ? `optional ${words || 'nothing'}` : words;
  };
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (schema.anyOf) return several(schema.anyOf);
  if (schema.oneOf) return several(schema.oneOf);
  const note = schema.$comment ? ` (${schema.$comment})` : '';
  if (schema.type === 'array') {
    if (Array.isArray(schema.items)) return `(${schema.items.map(typeOf).join(', ')})${note}`;
    return `${schema.uniqueItems ? 'set' : 'list'} of ${typeOf(schema.items ?? {})}${note}`;
  }
  if (schema.type === 'object') {
    if (schema.properties && Object.keys(schema.properties).length > 0) return `{ ${Object.entries(schema.properties).map(([name, of]) => `${name}: ${typeOf(of)}`).join(', ')} }${note}`;
    return typeof schema.additionalProperties === 'object' ? `map of ${typeOf(schema.additionalProperties)}${note}` : `object${note}`;
  }
  return `${schema.format ?? schema.type ?? 'anything'}${note}`;
}

/** The fields of the newest version, and what each version changed. */
function fields(event) {
  const newest = event.versions.at(-1);
  if (!newest) return h('p', { class: 'muted' }, 'It is read, and no longer written.');
  const of = (version) => version?.schema?.properties ?? {};
  const since = (name) => event.versions.find((version) => name in of(version))?.version;
  const now = Object.entries(of(newest));
  const gone = new Map();
  for (const version of event.versions) {
    for (const name of Object.keys(of(version))) {
      if (!(name in of(newest))) gone.set(name, version.version);
    }
  }
  const rows = now.map(([name, schema]) => h('li', {}, bdi(name), ': ', h('span', { class: 'muted' }, visible(typeOf(schema))),
    since(name) > 1 && [' ', tag(`since v${since(name)}`)]));
  const left = [...gone].map(([name, last]) => h('li', { class: 'muted' }, bdi(name), ' ', tag(`until v${last}`)));
  const whole = newest.schema?.properties ? null : h('p', { class: 'muted' }, visible(typeOf(newest.schema ?? {})));
  return [
    whole,
    now.length + left.length > 0 ? h('ul', { class: 'list fields' }, rows, left) : !whole && h('p', { class: 'muted' }, 'It has no fields.'),
    event.versions.map((version) => h('details', {}, h('summary', {}, `JSON Schema of version ${number(version.version)}`), json(JSON.stringify(version.schema)))),
  ];
}

const SAGAS = ['saga', 'process-manager', 'process manager'];

/** Where the explorer shows a reader. */
function readerLink({ kind, name }) {
  const isSaga = SAGAS.includes(kind);
  return h('a', { href: isSaga ? to(['sagas', name]) : to(['readers']), class: 'reader' }, bdi(name), ' ', h('span', { class: 'muted' }, visible(kind)));
}

function eventRow(event) {
  return h('li', { class: 'row' },
    h('div', {}, h('p', {}, h('a', { href: to(['events'], { name: event.name }), class: 'strong' }, visible(event.name)), ' ',
      event.versions.length > 0 && tag(event.versions.length === 1 ? 'v1' : `v1 to v${event.versions.at(-1).version}`)),
    fields(event)),
    h('div', { class: 'readers' }, event.read_by.length > 0
      ? h('ul', { 'aria-label': `Readers of ${plain(event.name)}` }, event.read_by.map((reader) => h('li', {}, readerLink(reader))))
      : h('p', { class: 'muted' }, 'read by nobody in the catalogue')));
}

const BECOMES = { nothing: 'ignored', renamed: 'read as', several: 'read as several events' };

function aggregateCard(aggregate, events) {
  return h('section', { class: 'card aggregate' },
    h('header', {}, h('h2', {}, h('a', { href: to(['streams'], { aggregate: aggregate.name, order: 'id' }) }, bdi(aggregate.name, ''))), tag(aggregate.content_type)),
    list('Commands', aggregate.commands),
    h('div', { class: 'row titles', 'aria-hidden': 'true' }, h('h3', {}, 'Event'), h('h3', {}, 'Read by')),
    h('ul', { class: 'events' }, events.map(eventRow)),
    aggregate.retired.length > 0 && [h('h3', {}, 'Read, and no longer written'), h('ul', { class: 'list' }, aggregate.retired.map((retired) =>
      h('li', {}, bdi(retired.name), ': ', BECOMES[retired.becomes] ?? visible(String(retired.becomes)), retired.event && [' ', bdi(retired.event)])))]);
}

// Also those of events that no aggregate of the catalogue has.
const READERS = [
  ['Reader', (reader) => readerLink(reader)],
  ['Reads', (reader) => reader.events === null ? 'all events' : reader.events.map((name, at) => [at > 0 && ', ', h('a', { href: to(['events'], { name }) }, bdi(name))])],
];

function list(title, names) {
  return names?.length > 0 && h('p', {}, h('span', { class: 'muted' }, `${title}: `), names.map((name, at) => [at > 0 && ', ', bdi(name)]));
}

function sent(action) {
  return action?.sends && [' ', h('span', { class: 'muted' }, 'sends '), bdi(action.sends.command), h('span', { class: 'muted' }, ' to '), bdi(action.sends.aggregate)];
}

function sagaCard(saga) {
  const marks = (step) => [step.pivot && 'pivot', step.isCommand && 'command', step.undo ? 'with undo' : 'no undo'].filter(Boolean).join(', ');
  return h('li', { class: 'card' },
    h('header', {}, h('h2', {}, h('a', { href: to(['sagas', saga.name]) }, bdi(saga.name, ''))), tag(`version ${saga.version}`), saga.frozen && tag('starts no more')),
    list('Starts on', saga.starts_on), list('Cancelled by', saga.cancels_on),
    saga.deadline_ms && h('p', {}, h('span', { class: 'muted' }, 'Time limit: '), age(saga.deadline_ms / 1000)),
    h('ol', { class: 'steps' }, saga.steps.map((step) => h('li', {}, h('span', { class: 'strong' }, visible(step.name)), ' ', h('span', { class: 'muted' }, marks(step)),
      step.needs.length > 0 && h('span', { class: 'muted' }, `, uses ${step.needs.map(plain).join(', ')}`), sent(step.action)))),
    saga.completed?.sends && h('p', {}, h('span', { class: 'muted' }, 'Once completed it'), sent(saga.completed)),
    saga.compensated?.sends && h('p', {}, h('span', { class: 'muted' }, 'Once undone it'), sent(saga.compensated)));
}

function managerCard(manager) {
  return h('li', { class: 'card' },
    h('header', {}, h('h2', {}, h('a', { href: to(['sagas', manager.name]) }, bdi(manager.name, ''))), tag('process manager')),
    list('Reacts to', manager.reacts_to),
    manager.sends && list('Sends', manager.sends.map(({ command, aggregate }) => `${command} to ${aggregate}`)),
    h('p', { class: 'muted' }, manager.timers ? 'It sets timers.' : 'It sets no timers.'));
}

/** The sagas of the catalogue, and those whose definitions the program has besides. */
function sagasOf({ catalogue: all, sagas }) {
  const known = (all?.sagas ?? []).map((saga) => ({ ...saga, steps: saga.steps.map((step) => ({ ...step, isCommand: step.action?.kind === 'command' })) }));
  const others = sagas.map((saga) => ({
    name: saga.saga, version: Number(saga.definition.split(':')[0]),
    steps: saga.steps.map((step) => ({ name: step.name, needs: step.needs, undo: step.has_undo, pivot: step.is_pivot, isCommand: step.is_command })),
  }));
  return [...known, ...others.filter((saga) => !known.some(({ name, version }) => name === saga.name && version === saga.version))];
}

/** The aggregates with what reads each event. */
function aggregatesOf(all) {
  const readers = all?.readers ?? [];
  const event = ({ name, versions }) => ({
    name, versions: versions.map((schema, at) => ({ version: at + 1, schema })),
    read_by: readers.filter((reader) => reader.events === null || reader.events.includes(name)),
  });
  return (all?.aggregates ?? []).map((aggregate) => ({ ...aggregate, events: aggregate.events.map(event) }));
}

export async function catalogue({ ask, values }) {
  const found = await ask('catalogue');
  const title = h('h1', {}, 'Catalogue');
  const all = found.catalogue;
  if (!all && found.sagas.length === 0) {
    const what = found.has_application
      ? 'The program of the application registers none. It hands one over with es_cli::App::catalogue.'
      : 'This program knows no types. The program of the application that calls es_cli::App hands its catalogue over.';
    return { title: 'Catalogue', nodes: [title, empty('There is no catalogue.', what)] };
  }
  const search = (values.search ?? '').toLowerCase();
  const fits = (text) => text.toLowerCase().includes(search);
  const shown = aggregatesOf(all).map((aggregate) => [aggregate, aggregate.events.filter((event) =>
    fits(aggregate.name) || fits(event.name) || (aggregate.commands ?? []).some(fits) || event.read_by.some((reader) => fits(reader.name)))]).filter(([, events]) => events.length > 0);
  const sagas = sagasOf(found).filter((saga) => fits(saga.name));
  const managers = (all?.process_managers ?? []).filter((manager) => fits(manager.name));
  const readers = (all?.readers ?? []).filter((reader) => fits(reader.name) || fits(reader.kind) || (reader.events ?? []).some(fits));
  const events = shown.reduce((sum, [, of]) => sum + of.length, 0);
  return {
    title: 'Catalogue',
    nodes: [
      title,
      all && h('p', { class: 'muted' }, 'What ', bdi(all.title, ''), ' stores, and who reads it, as its program says. ', `${count(events, 'event')} of ${count(shown.length, 'aggregate')}.`),
      form(['catalogue'], values, field('search', 'Name', { class: 'grow' }, 'Any part of the name of an aggregate, an event, a reader or a saga.')),
      shown.length === 0 && sagas.length === 0 && readers.length === 0 && managers.length === 0 && empty('Nothing fits the search.', h('a', { href: to(['catalogue']) }, 'Show all of it'), '.'),
      shown.map(([aggregate, of]) => aggregateCard(aggregate, of)),
      readers.length > 0 && h('section', {}, h('h2', {}, 'Readers'), table('Readers', READERS, readers)),
      sagas.length > 0 && h('section', {}, h('h2', {}, 'Sagas'), h('ul', { class: 'cards' }, sagas.map(sagaCard))),
      managers.length > 0 && h('section', {}, h('h2', {}, 'Process managers'), h('ul', { class: 'cards' }, managers.map(managerCard))),
    ],
  };
}
