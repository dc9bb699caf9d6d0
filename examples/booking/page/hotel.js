// The page of the hotel. A request that makes something has a key, and is sent again with the same one.
const at = (id) => document.getElementById(id);
const said = at('said');
// The guest of an address that was registered on this page.
const guests = new Map();

async function send(method, path, body, key) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  const request = { method, headers, body: JSON.stringify(body) };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(path, request).catch(() => null);
    // Lost, or nothing was written: the same key makes another attempt safe.
    const again = !answer || answer.status === 503 || answer.status === 409 && answer.headers.has('Retry-After');
    if (again && attempt < 5) {
      await new Promise((done) => setTimeout(done, 300 * attempt));
      continue;
    }
    if (!answer) throw new Error('The hotel does not answer.');
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.detail ?? content.title);
    return { ...content, location: answer.headers.get('Location') };
  }
}

function cells(...texts) {
  const row = document.createElement('tr');
  for (const text of texts) row.insertCell().textContent = text;
  return row;
}

async function show(after) {
  const answer = await fetch(after ? `/rooms?after=${after}` : '/rooms');
  if (!answer.ok) return;
  const rooms = await answer.json();
  at('rooms').replaceChildren(...rooms.map((room) => cells(room.room, room.beds, `€ ${(room.night_cents / 100).toFixed(2)}`)));
  at('choice').replaceChildren(...rooms.map((room) => new Option(room.room)));
}

function follow(location) {
  const feed = new EventSource(`${location}/progress`);
  feed.addEventListener('booking', ({ data }) => {
    const { status, reason } = JSON.parse(data);
    said.textContent = reason ? `The booking was released: ${reason}.` : `The booking is ${status}.`;
    if (status !== 'held') feed.close();
  });
}

at('open').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { room, beds, euros } = Object.fromEntries(new FormData(event.target));
  const open = { beds: Number(beds), night_cents: Number(euros) * 100 };
  try {
    const { position } = await send('PUT', `/rooms/${encodeURIComponent(room)}`, open, crypto.randomUUID());
    await show(position);
  } catch (error) {
    said.textContent = error.message;
  }
});

at('book').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { name, email, room, first_night, nights, card } = Object.fromEntries(new FormData(event.target));
  try {
    if (!guests.has(email)) {
      // The same key for the same guest: who comes back is found, and not registered again.
      const key = encodeURIComponent(`${name} ${email}`);
      const { location } = await send('POST', '/guests', { name, email }, key);
      guests.set(email, location.split('/').pop());
    }
    const stay = { guest: guests.get(email), room, first_night, nights: Number(nights), card: card || null };
    const { location } = await send('POST', '/bookings', stay, crypto.randomUUID());
    said.textContent = 'The room is held.';
    follow(location);
  } catch (error) {
    said.textContent = error.message;
  }
});

show();
