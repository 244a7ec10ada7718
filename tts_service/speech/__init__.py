"""How text becomes sound: synthesis, loudness, threads."""
