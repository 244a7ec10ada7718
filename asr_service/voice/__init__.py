"""Voice activity detection: whether there is a voice in each window of audio."""
