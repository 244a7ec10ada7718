"""Tools that measure. `python -m bench` itself compares AI-Talk with Pipecat."""
