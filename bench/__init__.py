"""`make bench`: how long a learner waits for an answer from AI-Talk and from Pipecat, with the same models."""
