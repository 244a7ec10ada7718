"""`make bench`: how long a learner waits for an answer, here and with Pipecat, on the same models and the same machine."""
