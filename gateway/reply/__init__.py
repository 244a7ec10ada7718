"""One reply of the partner: who speaks, the prompt, the text, the speech, what was heard of it."""
