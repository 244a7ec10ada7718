"""One reply of the partner: floor control, the prompt, the text, the speech, and the part that the learner heard."""
