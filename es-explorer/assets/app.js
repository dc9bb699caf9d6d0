// Which screen is shown: the part of the address after `#` says it.

import { ask } from './api.js';
import { h, plain, to } from './dom.js';
import { taken } from './act.js';
import { overview } from './overview.js';
import { streams } from './streams.js';
import { event, stream } from './stream.js';
import { events } from './events.js';
import { trace } from './trace.js';
import { readers } from './lag.js';
import { parked } from './parked.js';
import { sagas } from './sagas.js';
import { catalogue } from './catalogue.js';

const SCREENS = { '': overview, streams, stream, events, event, trace, readers, parked, sagas, catalogue };
// The entry of the navigation where it has another name.
const UNDER = { stream: 'streams', event: 'events' };

const main = document.getElementById('main');
let leave = new AbortController();
let shownPath = null;
// What the explorer can do, once it is known.
let about = null;

function address() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const parts = path.split('/').filter((part) => part !== '').map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { screen: parts[0] ?? '', parts: parts.slice(1), values: Object.fromEntries(new URLSearchParams(query ?? '')), path };
}

function failed(error) {
  const again = h('button', { type: 'button', id: 'again', onclick: () => show() }, 'Try again');
  const home = h('a', { class: 'button', href: '#/' }, 'Overview');
  return {
    title: 'No answer',
    nodes: [h('h1', {}, error.status === 404 ? 'Not found' : 'No answer'), h('p', { role: 'alert', class: 'bad reason' }, error.message), h('p', { class: 'more' }, again, ' ', home)],
  };
}

/** Asks once what the explorer can do, and says so above every screen. */
async function ability() {
  if (!about) {
    about = await ask('about');
    const note = document.getElementById('ability');
    note.textContent = about.writes ? `May write${about.operator ? `, as ${plain(about.operator)}` : ''}.` : 'Reads only.';
    note.classList.toggle('writes', about.writes);
  }
  return about;
}

async function show() {
  leave.abort();
  const mine = new AbortController();
  leave = mine;
  const { screen, parts, values, path } = address();
  main.setAttribute('aria-busy', 'true');
  for (const link of document.querySelectorAll('nav [data-screen]')) {
    const isHere = link.dataset.screen === (UNDER[screen] ?? screen);
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  let found;
  try {
    const answer = SCREENS[screen];
    if (!answer) throw Object.assign(new Error('There is no such screen. Choose one above.'), { status: 404 });
    const can = await ability();
    found = await answer({
      can,
      parts,
      values,
      signal: mine.signal,
      ask: (what, asked) => ask(what, asked, mine.signal),
      width: () => Math.max(280, main.clientWidth - 2 * parseFloat(getComputedStyle(main).paddingLeft)),
    });
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (error.status === undefined) console.error(error);
    found = failed(error);
  }
  if (mine.signal.aborted) return;
  const isNew = path !== shownPath;
  const focused = document.activeElement?.id;
  // What was done stands above what is there now, until another screen is shown.
  main.replaceChildren(...[taken(isNew), found.nodes].flat(Infinity).filter(Boolean));
  main.setAttribute('aria-busy', 'false');
  document.title = `${found.title} – Explorer`;
  if (isNew && shownPath !== null) {
    // Whoever follows a link reads on at the beginning of what it led to.
    window.scrollTo(0, 0);
    const title = main.querySelector('h1');
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  } else if (focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
  shownPath = path;
  found.begin?.();
}

window.addEventListener('hashchange', show);
document.getElementById('skip').addEventListener('click', (click) => {
  // The address is the screen's.
  click.preventDefault();
  main.focus();
});
if (!location.hash) history.replaceState(null, '', to([]));
show();
