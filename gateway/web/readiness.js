/** Asks the server again and again until its models are ready. */
const EVERY_MS = 3000;

/**
 * waitingFor: services that are not ready. fallbacks: for each service that does not run the requested engine, the
 * engine that it runs, and why.
 * @param {(answer: {reached: boolean, ready: boolean, waitingFor: string[], fallbacks: Object<string, string>}) =>
 *   void} tell
 * @returns {() => void} stop asking
 */
export function watchReadiness(tell) {
  let timer = null;
  let stopped = false;
  async function ask() {
    const answer = await readiness();
    if (stopped) return;
    tell(answer);
    if (!answer.ready) timer = setTimeout(ask, EVERY_MS);
  }
  ask();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

async function readiness() {
  try {
    const response = await fetch('ready', { cache: 'no-store' });
    const { services = {}, fallbacks = {} } = await response.json().catch(() => ({}));
    const waitingFor = Object.keys(services).filter((name) => !services[name]);
    return { reached: true, ready: response.ok, waitingFor, fallbacks };
  } catch {
    return { reached: false, ready: false, waitingFor: [], fallbacks: {} };
  }
}
