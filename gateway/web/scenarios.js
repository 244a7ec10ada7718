/** The server's scenarios. */
import { ask } from './server.js';

/**
 * @typedef {{id: string, title: string, language: string, levels: {from: string, to: string}, suits: string[],
 *   partner: string, learner: string, setting: string, goal: string, opening: string, phrases: string[],
 *   tasks: {id: string, text: string}[]}} Scenario see docs/protocol.md
 */

/** @returns {Promise<Scenario[]>} the easiest first; empty if the server has none */
export async function loadScenarios() {
  const scenarios = (await ask('scenarios'))?.scenarios;
  return Array.isArray(scenarios) ? scenarios.filter((each) => each?.id && each.title) : [];
}

/**
 * The scenarios for a level, and the chosen one.
 * @param {string|null} level null: all @param {string|null} chosen an id
 */
export function suiting(scenarios, level, chosen = null) {
  return scenarios.filter(({ id, suits }) => level === null || id === chosen || suits?.includes(level));
}
