"""The gateway's own HTTP routes: health, readiness, voices, scenarios, words, a learner's own data, and the page."""
