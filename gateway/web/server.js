/** HTTP requests to the server. */
import * as memory from './memory.js';

/**
 * @param {string} path of a route that answers JSON; relative to the page, because a proxy may put a path before it
 * @returns {Promise<object|null>} null: the server is away, refuses, or doesn't know the route
 */
export function ask(path) {
  return send('GET', path);
}

/**
 * @param {string} method
 * @param {string} path of a route that answers JSON
 * @param {object} [body] is sent as JSON
 * @returns {Promise<object|null>} null: the server is away, refuses, or doesn't know the route
 */
export async function send(method, path, body) {
  try {
    const response = await fetch(path, { method, cache: 'no-store', headers: headers(path, body), ...(body ? { body: JSON.stringify(body) } : {}) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** All requests have the access token, if there is one. Only those for the learner's own data have the learner's id. */
function headers(path, body) {
  const token = memory.access.load();
  return {
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(path.startsWith('learner') ? { 'X-Learner': memory.learner() } : {}),
    ...(body ? { 'Content-Type': 'application/json' } : {}),
  };
}
