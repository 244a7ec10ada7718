"""`make bench`: how long a learner waits for an answer, here and with Pipecat, on one machine with the same models."""
