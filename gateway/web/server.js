/** HTTP requests to the server. */
import * as memory from './memory.js';

/**
 * @param {string} path of a route that answers JSON
 * @returns {Promise<object|null>} null: the server is away, refuses, or doesn't know the route
 */
export async function ask(path) {
  const token = memory.access.load();
  try {
    const response = await fetch(path, { cache: 'no-store', headers: token ? { Authorization: `Bearer ${token}` } : {} });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
