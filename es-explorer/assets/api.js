// Questions to the server. They are relative to this file, wherever the explorer is mounted.

const base = new URL('api/', import.meta.url);

/** Why there is no answer, in words for people. */
export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Asks for a JSON document. Values that are empty are left out. */
export async function ask(what, values = {}, signal = undefined) {
  const url = new URL(what, base);
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') {
      url.searchParams.set(name, value);
    }
  }
  let response;
  try {
    response = await fetch(url, { signal, headers: { accept: 'application/json' } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused('The server does not answer. Is it still running? Then try again.', 0);
  }
  return answered(response);
}

async function answered(response) {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('application/json')) {
    const text = 'The answer is not one of the explorer. You may have to log in again: load the page anew.';
    throw new Refused(text, response.status);
  }
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer.error, response.status);
  return answer;
}

/**
 * Has an operator's verb done. It is never sent again by itself: whoever asks sees what is there, and asks again or not.
 */
export async function operate(values) {
  // The token of the process that answers now.
  const { token } = await ask('about');
  let response;
  try {
    response = await fetch(new URL('operate', base), {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', 'x-es-explorer-token': token ?? '' },
      body: JSON.stringify(values),
    });
  } catch {
    throw new Refused('The server did not answer, so it is not known whether this was done. Look at what is there before you repeat it.', 0);
  }
  return answered(response);
}
