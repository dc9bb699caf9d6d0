// An event as several screens show it: as it is stored, as the application reads it, and the state after it.

import { bdi, bytes, count, eventLink, h, json, number, pairs, streamLink, tag, time, to, visible } from './dom.js';
import { state } from './state.js';

/** What is known of an event besides its payload. */
export function facts(event, { stream = true } = {}) {
  const rows = [];
  if (stream) rows.push(['Stream', streamLink(event.aggregate, event.id, event.version)]);
  rows.push(['Recorded', time(event.recorded_at)]);
  rows.push(['Position', eventLink(event.position)]);
  if (event.user) rows.push(['User', h('a', { href: to(['events'], { user: event.user }) }, bdi(event.user))]);
  const correlation = event.correlation ?? event.event_id;
  const near = event.correlation ? event.position : undefined;
  rows.push(['Trace', h('a', { href: to(['trace', correlation], { near }) }, event.correlation ? bdi(correlation) : 'what followed from it')]);
  if (event.causation) rows.push(['Cause', h('a', { href: to(['event', event.causation]) }, bdi(event.causation))]);
  return pairs(rows);
}

/** Whether a payload is the beginning of a longer one. Characters are not bytes, so the text itself says it. */
function isBeginning(payload, bytes) {
  return new TextEncoder().encode(payload).length < bytes;
}

/** The payload, or what can be shown of it. */
export function payload(event) {
  if (event.payload !== null) {
    return [json(event.payload), isBeginning(event.payload, event.payload_bytes) && h('p', { class: 'muted' }, `The beginning of ${bytes(event.payload_bytes)}. `,
      eventLink(event.position, 'Show the event alone'))];
  }
  return [h('p', { class: 'muted' }, `${bytes(event.payload_bytes)} of `, bdi(event.content_type), ', which is shown as digits:'),
    h('pre', { class: 'json', tabindex: '0', 'aria-label': 'Bytes' }, event.payload_hex, event.payload_bytes > event.payload_hex.length / 2 && ' …')];
}

function part(title, ...nodes) {
  return h('section', { class: 'form' }, h('h3', {}, title), nodes);
}

/** What the application reads, with what its upcasters changed. */
function readAs({ read, event, schema_version: version }) {
  if (read === null) return [h('p', { class: 'muted' }, 'The application has no type for it.')];
  if (read.error) return [h('p', { class: 'bad reason' }, 'It cannot be read: ', visible(read.error))];
  if (read.events.length === 0) return [h('p', {}, 'No event: the application drops it when it reads.')];
  const isOne = read.events.length === 1;
  if (isOne && read.changes.length === 0) return [h('p', { class: 'muted' }, 'As it is stored.')];
  return [
    !isOne && h('p', {}, `${read.events.length} events: the application splits it when it reads.`),
    read.changes.length > 0 && h('ul', { class: 'changes', 'aria-label': 'Changed by upcasting' }, read.changes.map((change) => h('li', {}, bdi(change)))),
    read.events.map((one) => [
      (!isOne || one.event !== event || one.schema_version !== version) && h('p', { class: 'strong' }, visible(one.event), ' ', tag(`v${one.schema_version}`)),
      one.payload === null ? h('p', { class: 'muted' }, 'It has no form in JSON.') : json(one.payload),
      one.payload !== null && isBeginning(one.payload, one.payload_bytes) && h('p', { class: 'muted' }, `The beginning of ${bytes(one.payload_bytes)}.`),
    ]),
  ];
}

function stateAfter({ read, version, position }, types, before, isAlone) {
  if (!types.has_state || types.is_far) return false;
  const now = read?.state ?? null;
  if (now === null) {
    return part('State after it', h('p', { class: 'muted' }, types.unreadable ? `Not known: version ${number(types.unreadable)} cannot be read.` : 'Not known.'));
  }
  // Two beginnings may be alike while the rest is not.
  const isWhole = !now.is_cut && !before?.is_cut;
  if (isWhole && now.text === before?.text) return part('State after it', h('p', { class: 'muted' }, version === 1 ? 'As before it.' : `As after version ${number(version - 1)}.`));
  return part('State after it', state(now.text, isWhole ? before?.text : null),
    now.is_cut && h('p', { class: 'muted' }, 'The beginning of it. ', isAlone ? 'es show prints all of it.' : eventLink(position, 'Show the event alone')));
}

/** All forms of an event: what is stored, what is read, and the state after it. Without types, what is stored. */
export function forms(event, types, before, isAlone = false) {
  if (!types.has_type) return payload(event);
  return h('div', { class: types.has_state && !types.is_far ? 'forms with-state' : 'forms' },
    part('Stored', payload(event)), part('Read as', readAs(event)), stateAfter(event, types, before, isAlone));
}

/** In a line, what the page does not show, and why. */
export function missing(types, aggregate) {
  if (!types.has_application) return 'Events are shown as they are stored: this program has no types. The program of the application that calls es_cli::App shows what it reads, and the states.';
  if (!types.has_type) return ['Events are shown as they are stored: the application has no type for streams of ', bdi(aggregate), '.'];
  if (types.is_far) return `States are left out: more than ${number(types.folded)} events, or very large ones, come before. es show --at folds them.`;
  return null;
}

export function name(event) {
  return [h('strong', { class: 'name' }, visible(event.event)), ' ', tag(`v${event.schema_version}`)];
}

/** Everything that is stored besides the payload. */
export function stored(event) {
  return h('details', {}, h('summary', {}, 'Metadata'), json(event.metadata),
    h('p', { class: 'muted' }, 'Event id ', bdi(event.event_id), `, ${count(event.payload_bytes, 'byte')} of `, bdi(event.content_type)));
}
