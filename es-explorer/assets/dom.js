// Elements, and text from the store in them. Text never becomes markup: it is only ever a text node.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

/** An HTML element. */
export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// What a reader would not see, or what would move other text: controls, marks of direction, spaces without width.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;

/** The text with such characters written out. */
export function plain(text) {
  return String(text).replace(new RegExp(HIDDEN, 'g'), (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** Text of the store as nodes, with such characters marked. */
export function visible(text) {
  const nodes = [];
  let seen = '';
  for (const c of String(text)) {
    if (!HIDDEN.test(c)) {
      seen += c;
      continue;
    }
    if (seen) nodes.push(seen);
    seen = '';
    nodes.push(h('span', { class: 'escape' }, `\\u{${c.codePointAt(0).toString(16)}}`));
  }
  if (seen) nodes.push(seen);
  return nodes;
}

/** Values under their names. */
export function pairs(rows, { wide = false } = {}) {
  return h('dl', { class: wide ? 'facts wide' : 'facts' }, rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

/** Text of the store that stands apart from the text around it, in its own direction. */
export function bdi(text, kind = 'mono') {
  return h('bdi', { class: kind }, visible(text));
}

/** Where a screen is. Each part may have any character. */
export function to(parts, values = {}) {
  const path = parts.map((part) => encodeURIComponent(part)).join('/');
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return `#/${path}${text ? `?${text}` : ''}`;
}

export function streamLink(aggregate, id, from) {
  return h('a', { href: to(['stream', aggregate, id], { from }), class: 'stream' }, bdi(aggregate), '/', bdi(id));
}

export function eventLink(position, text) {
  return h('a', { href: to(['event', position]) }, text ?? `#${number(position)}`);
}

/** A position of JetStream is a text, such as 812.1. */
export function number(value) {
  if (typeof value === 'string') return value;
  return Number(value).toLocaleString('en-US');
}

/** A number that was counted up to a limit. */
export function amount(value, counted) {
  return value >= counted ? `${number(counted)} or more` : number(value);
}

/** One and several of something. */
export function count(value, one, several = `${one}s`) {
  return `${number(value)} ${value === 1 ? one : several}`;
}

/** A moment as it is stored, without the letters. */
export function time(iso) {
  if (!iso) return '–';
  const text = iso.replace('T', ' ').replace(/\.?0*Z$/, '');
  return h('time', { datetime: iso, title: `${iso} (UTC)` }, plain(text.slice(0, 23)));
}

/** Seconds for people. */
export function age(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  for (const [unit, name] of [[86400, 'd'], [3600, 'h'], [60, 'min']]) {
    if (seconds >= unit) {
      const rest = unit === 60 ? Math.floor(seconds % 60) : Math.floor((seconds % unit) / (unit === 86400 ? 3600 : 60));
      const below = { d: 'h', h: 'min', min: 's' }[name];
      return `${Math.floor(seconds / unit)} ${name}${rest ? ` ${rest} ${below}` : ''}`;
    }
  }
  return `${Number(seconds.toFixed(1))} s`;
}

export function bytes(value) {
  if (value === null || value === undefined) return '–';
  for (const [unit, name] of [[1 << 30, 'GiB'], [1 << 20, 'MiB'], [1 << 10, 'KiB']]) {
    if (value >= unit) return `${(value / unit).toFixed(1)} ${name}`;
  }
  return `${value} bytes`;
}

/** A table that becomes a list of cards in a narrow window. A column is a label, a cell, and whether it is a number. */
export function table(label, columns, rows) {
  const head = columns.map(([name, , kind]) => h('th', { scope: 'col', class: kind }, name));
  const body = h('tbody', {});
  const view = h('div', { class: 'table' }, h('table', { 'aria-label': label }, h('thead', {}, h('tr', {}, head)), body));
  view.add = (more) => {
    for (const row of more) {
      const cells = columns.map(([name, cell, kind]) => h('td', { 'data-label': name, class: kind }, h('div', {}, cell(row))));
      body.append(h('tr', {}, cells));
    }
    // Titles of columns without a row say nothing.
    view.hidden = body.children.length === 0;
  };
  view.add(rows);
  return view;
}

/** What stands where nothing is, and what to do. */
export function empty(title, ...what) {
  return h('div', { class: 'empty' }, h('p', { class: 'strong' }, title), h('p', {}, what));
}

/** A word about a state, with a colour that only repeats it. */
export function tag(text, kind) {
  return h('span', { class: `tag ${kind ?? ''}` }, visible(text));
}

// The tokens of JSON, also of a text that was cut.
const TOKEN = /\s+|"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/y;
const MOST_TOKENS = 20000;

/** JSON with line breaks. Its numbers stay as they are written. */
export function json(text) {
  const pre = h('pre', { class: 'json', tabindex: '0', 'aria-label': 'JSON' });
  let depth = 0;
  let at = 0;
  let before = '';
  const line = () => `\n${'  '.repeat(Math.min(depth, 40))}`;
  const put = (token, kind) => pre.append(kind ? h('span', { class: kind }, visible(token)) : token);
  for (let tokens = 0; at < text.length && tokens < MOST_TOKENS; tokens += 1) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) break;
    const [token] = found;
    at = TOKEN.lastIndex;
    if (/^\s/.test(token)) continue;
    const opens = '{['.includes(before) && before !== '';
    if ('}]'.includes(token)) {
      depth -= 1;
      if (!opens) put(line());
      put(token);
    } else {
      if (opens || before === ',') put(line());
      if (token === ':') put(': ');
      else if ('{[,'.includes(token)) put(token);
      else if (token.startsWith('"')) {
        const isKey = /^\s*:/.test(text.slice(at, at + 20));
        put(token, isKey ? 'key' : 'text');
      } else put(token, 'value');
      if ('{['.includes(token)) depth += 1;
    }
    before = token;
  }
  if (at < text.length) pre.append('\n', ...visible(text.slice(at)));
  return pre;
}

/** Says something to those who do not see that the page has changed. */
export function say(text) {
  document.getElementById('said').textContent = text;
}

/** Asks for the screen again that is shown. */
export function lookAgain() {
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

/** A form whose values are in the address. */
export function form(parts, values, ...fields) {
  const submit = (event) => {
    event.preventDefault();
    const entries = [...new FormData(event.target)].map(([name, value]) => [name, value.trim()]);
    location.hash = to(parts, Object.fromEntries(entries));
    // The same question again looks again.
    if (location.hash === view.asked) lookAgain();
  };
  const view = h('form', { class: 'filter', role: 'search', onsubmit: submit }, fields, h('div', { class: 'field' },
    h('button', { type: 'submit', id: 'search-button' }, 'Search')));
  view.asked = location.hash;
  for (const [name, value] of Object.entries(values)) {
    const field = view.elements.namedItem(name);
    if (!field) continue;
    if (field.type === 'checkbox') field.checked = Boolean(value);
    else field.value = value ?? '';
  }
  return view;
}

/** A labelled field of a form. */
export function field(name, label, attributes = {}, help = undefined) {
  const id = `field-${name}`;
  const helpId = help && `${id}-help`;
  return h('div', { class: `field ${attributes.class ?? ''}` }, h('label', { for: id }, label),
    h('input', { id, name, type: 'text', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': helpId, ...attributes }),
    help && h('p', { class: 'help', id: helpId }, help));
}

export function choice(name, label, options) {
  const id = `field-${name}`;
  return h('div', { class: 'field' }, h('label', { for: id }, label), h('select', { id, name },
    options.map(([value, text]) => h('option', { value }, visible(text)))));
}

/** A button that loads the next part, until there is none. */
export function more(next, load, label = 'Show more') {
  const holder = h('div', { class: 'more' });
  const show = (following, left) => {
    holder.replaceChildren();
    if (!following) return;
    const press = async (event) => {
      const button = event.target;
      button.disabled = true;
      try {
        const [after, leftNow] = await load(following);
        const had = document.activeElement === button || document.activeElement === document.body;
        show(after, leftNow);
        if (had) holder.querySelector('button')?.focus();
      } catch (error) {
        button.disabled = false;
        if (error.name !== 'AbortError') holder.append(h('p', { role: 'alert', class: 'bad' }, error.message));
      }
    };
    holder.append(h('button', { type: 'button', onclick: press }, left ? `${label} (${count(left, 'event')} not looked at yet)` : label));
  };
  show(next.next, next.left);
  return holder;
}
