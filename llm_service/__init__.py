"""The language-model service: gets replies from a server that speaks the OpenAI chat-completions protocol."""
