// Verbs: a button, a question, and what became of it.

import { ask as asked, operate } from './api.js';
import { amount, h, lookAgain, plain, say } from './dom.js';

// What was done last, until another screen is shown.
let notice = null;

/** What was done, for the top of the screen. */
export function taken(isNewScreen) {
  if (isNewScreen || !notice) {
    notice = null;
    return null;
  }
  const { text, isGood } = notice;
  const view = h('div', { class: isGood ? 'notice good' : 'notice bad', id: 'notice', tabindex: '-1' }, h('p', {}, plain(text)));
  // Whoever does not see the page hears it, and the keyboard goes on from here.
  queueMicrotask(() => { view.focus({ preventScroll: true }); view.scrollIntoView({ block: 'nearest' }); });
  say(text);
  return view;
}

function input(field, number) {
  const id = `ask-${field.name}`;
  const help = field.help && `${id}-help`;
  const attributes = { id, name: field.name, required: field.required !== false, 'aria-describedby': help, autocomplete: 'off', spellcheck: 'false', autofocus: number === 0 };
  const control = field.options
    ? h('select', attributes, field.options.map((value) => h('option', { value }, plain(value))))
    : h('input', { ...attributes, type: 'text', maxlength: field.longest ?? 1000, value: field.value ?? '' });
  if (field.options && field.value) control.value = field.value;
  return h('div', { class: 'field' }, h('label', { for: id }, field.label), control, field.help && h('p', { class: 'help', id: help }, field.help));
}

/** How many there are that a retry would begin with. Nobody should learn it afterwards. */
async function tell(view, waiting, one, several) {
  try {
    const found = await asked('waiting', waiting);
    view.textContent = found.waiting === 1 ? `1 ${one} waits.` : `${amount(found.waiting, found.counted)} ${several} wait.`;
  } catch (error) {
    view.textContent = `How many wait is not known: ${plain(error.message)}`;
  }
}

/**
 * A button for a verb. It asks first: `title` is the question, `what` says what happens, `fields` are what it needs to know, and
 * `waiting` is what it is counted by, with the words for one and several. `done` makes a sentence of what was done.
 */
export function act({ can, id, label, title, what, waiting, button = label, fields = [], values, isGrave = false, needsWho = false, done }) {
  const all = needsWho && !can.operator ? [{ name: 'by', label: 'Who you are', help: 'It is stored.', longest: 200 }, ...fields] : fields;
  const ask = () => {
    const trouble = h('div', { 'aria-live': 'assertive' });
    const many = waiting && h('p', { class: 'strong', id: 'ask-waiting', role: 'status' });
    if (waiting) tell(many, ...waiting);
    const go = h('button', { type: 'submit', id: 'do-it', class: isGrave ? 'grave' : '' }, button);
    const cancel = h('button', { type: 'button', id: 'cancel', autofocus: all.length === 0, onclick: () => dialog.close() }, 'Cancel');
    const submit = async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      cancel.disabled = true;
      trouble.replaceChildren(h('p', { class: 'muted' }, 'It is being done …'));
      try {
        const given = Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()]));
        const found = await operate({ ...values, ...given });
        const named = Object.fromEntries(found.done);
        const said = found.refused ?? done(named);
        notice = { text: `${label}: ${said}`, isGood: !found.refused };
        dialog.close();
        lookAgain();
      } catch (error) {
        if (error.status === undefined) console.error(error);
        trouble.replaceChildren(h('p', { role: 'alert', class: 'bad reason' }, plain(error.message)));
        go.disabled = false;
        cancel.disabled = false;
        cancel.textContent = 'Close';
      }
    };
    const dialog = h('dialog', { 'aria-labelledby': 'ask-title', 'aria-describedby': 'ask-what' },
      h('form', { onsubmit: submit },
        h('h2', { id: 'ask-title' }, title),
        h('p', { id: 'ask-what' }, what),
        many,
        all.map(input),
        trouble,
        h('div', { class: 'more' }, cancel, go)));
    // While it is being done, nobody closes it and wonders what became of it.
    dialog.addEventListener('cancel', (event) => { if (go.disabled) event.preventDefault(); });
    dialog.addEventListener('close', () => { dialog.remove(); document.getElementById(id)?.focus(); });
    document.body.append(dialog);
    dialog.showModal();
  };
  return h('button', { type: 'button', id, class: isGrave ? 'grave' : '', 'aria-haspopup': 'dialog', onclick: ask }, label);
}

/** Why, which is stored. */
export const WHY = { name: 'why', label: 'Why', help: 'It is stored with what is done.' };
