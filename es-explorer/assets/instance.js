// One instance of a saga or process manager: its steps as a diagram, where it stands, and what can be done about it.

import { act, WHY } from './act.js';
import { bdi, count, h, lookAgain, number, pairs, plain, streamLink, tag, time, to, visible } from './dom.js';

export const STATES = { running: '', parked: 'bad', done: 'good' };

const KINDS = { done: 'good', skipped: 'good', undone: '', failed: 'bad', unknown: 'bad', interrupted: 'warn', waiting: 'warn', calling: 'warn' };
const WORDS = { unknown: 'outcome unknown', waiting: 'waits for a retry' };
const UNDO_WORDS = { done: 'undone', calling: 'undoing' };
const CAUSES = { step: 'a step failed', deadline: 'the deadline passed', cancelled: 'an event cancelled it', operator: 'an operator asked for it' };

/** A box of the diagram: a step, or its undo. */
function box(name, call, words, kind, extra) {
  const known = call.state !== 'not begun';
  const attempt = Number(call.attempt ?? 1);
  return h('div', { class: `box ${kind} ${known ? KINDS[call.state] ?? '' : 'open'}` },
    h('p', { class: 'strong' }, name),
    h('p', { class: 'facts' }, tag(words[call.state] ?? call.state, known ? KINDS[call.state] : ''),
      attempt > 1 && h('span', { class: 'muted' }, `attempt ${number(attempt)}`),
      call.at && time(call.at)),
    extra,
    call.error && h('p', { class: 'bad' }, visible(call.error)),
    call.next_at && h('p', { class: 'warn' }, 'again at ', time(call.next_at)));
}

function step(shown, isUnwinding) {
  const { call, undo } = shown;
  const hasUndo = shown.has_undo ?? undo.state !== 'not begun';
  const marks = [
    shown.is_pivot && 'Nothing is undone once this is done.',
    shown.is_command && 'A command to an aggregate.',
    shown.needs?.length > 0 && `Uses what ${shown.needs.map(plain).join(', ')} returned.`,
  ].filter(Boolean);
  const extra = marks.length > 0 && h('p', { class: 'muted small' }, marks.join(' '));
  return h('li', {},
    box(visible(shown.step), call, WORDS, shown.is_pivot ? 'do pivot' : 'do', extra),
    hasUndo ? box(['undo ', visible(shown.step)], undo, { ...WORDS, ...UNDO_WORDS }, 'undo')
      : shown.has_undo === false && !shown.is_end ? h('div', { class: 'box undo none' }, h('p', { class: 'muted' }, isUnwinding ? 'stays as it is: it has no undo' : 'no undo')) : null);
}

/** The ends of both ways, with the one that was reached. */
function end(text, isHere, side) {
  return h('div', { class: `box end ${side} ${isHere ? 'good' : 'open'}` }, h('p', {}, h('span', { class: 'strong' }, text), isHere && ' ', isHere && tag('here', 'good')));
}

function diagram({ instance, progress }) {
  const steps = progress.steps.filter((shown) => !shown.is_end);
  const ends = progress.steps.filter((shown) => shown.is_end);
  const isUnwinding = progress.unwinding !== null;
  const isDone = (phase) => instance.status === 'done' && instance.phase === phase;
  const abandoned = isDone('abandoned');
  return h('section', {}, h('h2', {}, 'Steps'),
    h('p', { class: 'muted' }, progress.has_definition ? 'Forward on the left, from top to bottom. Undos on the right, from bottom to top.'
      : 'Those that have begun. The others, and their order, are known only to a program that has this definition.'),
    h('ol', { class: `flow ${isUnwinding ? 'back' : 'forward'}` },
      h('li', {}, end('Started', false, 'do'), isUnwinding || progress.has_definition ? end('Compensated', isDone('compensated'), 'undo') : null),
      steps.map((shown) => step(shown, isUnwinding)),
      ends.map((shown) => h('li', {}, box(['command at the end: ', visible(shown.step)], shown.call, WORDS, 'do'))),
      h('li', {}, abandoned ? end('Abandoned', true, 'do') : end('Completed', isDone('completed'), 'do'))));
}

const OUTCOMES = { reacted: ['reacted', 'good'], waits: ['waits', 'warn'], too_late: ['came too late', ''], parked: ['parked', 'bad'], repaired: ['repaired', 'warn'] };

/** What a process manager took last: where it comes from, and what followed. */
function inputs({ instance, inputs: { last, most } }) {
  if (instance.kind !== 'process manager') return null;
  const row = (input) => {
    const [word, kind] = OUTCOMES[input.outcome] ?? [input.outcome ?? '–', ''];
    const timers = Object.entries(input.timers ?? {}).map(([name, at]) => at === null ? ['timer ', bdi(name), ' cancelled'] : ['timer ', bdi(name), ' set to ', time(at)]);
    const followed = [...timers, ...(input.commands ?? []).map((stream) => ['command to ', bdi(stream)]),
      input.rejected && ['a rejection by ', bdi(input.rejected)], input.ended && 'the end'].filter(Boolean);
    return h('li', { class: kind },
      h('p', {}, time(input.at), ' ', h('strong', {}, visible(input.name ?? '–')), ' ', tag(word, kind),
        input.aggregate !== null && input.of !== null && [' of ', streamLink(input.aggregate, input.of)], input.by && [' by ', bdi(input.by, '')]),
      input.why && h('p', {}, visible(input.why)),
      followed.length > 0 && h('p', { class: 'muted' }, 'Then: ', followed.map((part, at) => [at > 0 && ', ', part]), '.'));
  };
  return h('section', {}, h('h2', {}, 'Inputs'), h('p', { class: 'muted' }, `The newest first, at most ${number(most)}.`),
    h('ol', { class: 'steps', id: 'inputs' }, last.map(row)));
}

/** The step at which it stands, as far as its work item says, or the input at which it is parked. */
function current({ instance, inputs: { parked_at: parkedAt } }) {
  return instance.kind === 'process manager' ? parkedAt ?? '' : instance.phase.replace(/^undo /, '');
}

const GOES_ON = 'The running application goes on with it. Look again in a moment.';

function verbs(can, found) {
  const { instance } = found;
  if (!can.verbs.basic || instance.status === 'done') return null;
  // Without its definition a saga can be ended. The state of a process manager is one of its own type.
  const hasTypes = can.verbs.sagas;
  const isInput = instance.kind === 'input';
  const name = `${plain(instance.saga)}/${plain(instance.id)}`;
  if (isInput && instance.status !== 'parked') return null;
  const verb = (id, label, rest) => act({
    can, id: `verb-${id}`, label, needsWho: true, done: () => GOES_ON, ...rest,
    fields: [...(rest.fields ?? []), WHY],
    values: { verb: id, saga: instance.saga, ...(isInput ? { position: instance.id } : { id: instance.id }) },
  });
  const begun = found.progress.steps.filter(({ call }) => call.state !== 'not begun').map((shown) => shown.step);
  const at = current(found);
  const which = (label, help) => instance.kind === 'saga' && begun.length > 0
    ? { name: 'step', label, help, options: begun, value: begun.includes(at) ? at : begun.at(-1) }
    : { name: 'step', label, help, value: at };
  const isSaga = instance.kind === 'saga';
  const isParked = instance.status === 'parked';
  const all = isInput ? [
    hasTypes && verb('retry-input', 'Take it', { title: `Let ${plain(instance.saga)} take the event at position ${plain(instance.id)}?`, what: 'The function that says which instance it is for is called again, with this program.', done: () => 'The event was taken.' }),
    verb('skip-input', 'Skip it', { title: `Let ${plain(instance.saga)} skip the event at position ${plain(instance.id)}?`, what: 'It has no effect on any instance, and is not offered again.', isGrave: true, done: () => 'The event is skipped.' }),
  ] : [
    hasTypes && (isSaga || isParked) && verb('retry', 'Retry', { title: `Retry ${name}?`, what: isSaga ? 'What failed is called again, with a fresh number of attempts.' : 'It reacts again to the input at which it is parked.' }),
    hasTypes && isSaga && verb('complete', 'Complete a step', { title: `Count the current step of ${name} as done?`, what: 'It is not called. Later steps get this output.', fields: [which('Step'), { name: 'output', label: 'Output, as JSON', value: 'null' }] }),
    hasTypes && (isSaga || isParked) && verb('skip', isSaga ? 'Skip a step' : 'Skip the input', { title: isSaga ? `Skip the current step or undo of ${name}?` : `Skip the input at which ${name} is parked?`, what: isSaga ? 'It counts as done, without a call and without an output.' : 'It has no effect on this instance.', fields: [which(isSaga ? 'Step' : 'Input')], isGrave: true }),
    hasTypes && isSaga && verb('unwind', 'Undo everything', { title: `Undo everything of ${name}?`, what: 'Each step that was done is undone, the newest first. It is not possible any more once its pivot is done.', isGrave: true }),
    (isSaga || hasTypes) && verb('abandon', 'Abandon', { title: `End ${name} as it is?`, what: 'Nothing more is done or undone, for good.', isGrave: true, done: () => 'It has ended.' }),
    (isSaga || hasTypes) && verb('take-over', 'Take over', { title: `End the lease of the worker of ${name}?`, what: 'For a worker that hangs, or one that is gone. The next worker fences the old one.' }),
  ];
  const offered = all.filter(Boolean);
  const others = !hasTypes && h('p', { class: 'muted' }, 'The program of the application has more verbs.');
  return h('section', {}, h('h2', {}, 'What can be done'), h('div', { class: 'more', id: 'verbs' }, offered), others);
}

function repairs(all) {
  if (all.length === 0) return null;
  return h('section', {}, h('h2', {}, 'Repairs'), h('ul', { class: 'list' }, all.map((repair) => h('li', {},
    time(repair.at), ' ', h('strong', {}, visible(repair.verb.replaceAll('_', ' '))), ' by ', bdi(repair.by ?? '–', ''), ': ', visible(repair.reason ?? '')))));
}

export async function instance({ ask, can, parts: [name, id] }) {
  const found = await ask('instance', { name, id });
  const { instance: row, progress } = found;
  const facts = [
    ['Kind', row.kind], ['Status', tag(row.status, STATES[row.status])], ['Phase', h('span', {}, visible(row.phase))],
    ['Due', time(row.due_at)], ['Changed', time(row.updated_at)], ['Definition', bdi(row.definition || '–')],
    ['Worker', row.owner ? h('span', {}, bdi(row.owner), ' until ', time(row.lease_until)) : '–'],
    ['Stream', streamLink(row.aggregate, row.id)],
  ];
  if (progress.deadline && row.status !== 'done') facts.push(['Deadline', time(progress.deadline)]);
  const why = progress.unwinding?.why;
  return {
    title: `${name} ${id}`,
    nodes: [
      h('p', { class: 'crumbs' }, h('a', { href: to(['sagas']) }, 'Sagas'), ' › ', h('a', { href: to(['sagas', name], { status: row.kind === 'input' ? 'inputs' : row.status }) }, bdi(name, ''))),
      h('h1', {}, bdi(id)),
      row.reason && h('p', { class: 'bad reason' }, visible(row.reason)),
      pairs(facts, { wide: true }),
      verbs(can, found),
      why && h('p', { class: 'hint' }, `Undoing began at `, time(progress.unwinding.at), `: ${CAUSES[why.cause] ?? plain(String(why.cause))}`, why.step && [' at ', bdi(why.step)], '. ', visible(why.message ?? '')),
      found.timers.length > 0 && h('section', {}, h('h2', {}, 'Timers'), h('ul', { class: 'links' }, found.timers.map((timer) => h('li', {}, bdi(timer.name), ' at ', time(timer.at))))),
      row.kind === 'saga' && diagram(found),
      inputs(found),
      repairs(progress.repairs),
      found.is_cut && h('p', { class: 'hint' }, `Only the first ${count(found.events, 'event')} of the stream were read for this.`),
      h('p', { class: 'more' }, h('a', { class: 'button', href: to(['stream', row.aggregate, row.id]) }, 'Show its time line'),
        h('button', { type: 'button', id: 'look-again', onclick: lookAgain }, 'Look again')),
    ],
  };
}
