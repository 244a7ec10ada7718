"""The language model: words to a reply, from a server that speaks the OpenAI chat-completions protocol."""
