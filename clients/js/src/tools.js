/** Functions of the page that the partner may call. They run here; their results go back to the language model. */

const MOST_CHARACTERS = 32_000; // of an output: the protocol's limit

export class Tools {
  /**
   * @param {import('./index.d.ts').Tool[]} tools
   * @param {((call: {name: string, arguments: object}) => boolean|Promise<boolean>)|null} confirm asks the learner
   * whether the gateway may run a tool of its own
   */
  constructor(tools, confirm) {
    this.tools = tools;
    this.confirm = confirm;
  }

  /** The fields of a new session's `start`. */
  get fields() {
    const tools = this.tools.map(({ name, description, parameters }) => ({ name, description, parameters }));
    return { ...(tools.length ? { tools } : {}), ...(this.confirm ? { confirms_tools: true } : {}) };
  }

  /** @param {object} call a `tool_call` @returns {Promise<object>} its `tool_result` */
  async answer({ call_id: callId, name, arguments: given, confirm }) {
    const result = { type: 'tool_result', call_id: callId };
    try {
      if (confirm) return { ...result, output: '', confirmed: Boolean(await this.confirm?.({ name, arguments: given })) };
      return { ...result, output: await this.#run(name, given) };
    } catch (error) {
      return { ...result, output: `It failed: ${error.message ?? error}` };
    }
  }

  async #run(name, given) {
    const tool = this.tools.find((each) => each.name === name);
    if (!tool) throw new Error(`there is no tool ${name}`);
    const output = await tool.run(given);
    return (typeof output === 'string' ? output : JSON.stringify(output ?? null)).slice(0, MOST_CHARACTERS);
  }
}
