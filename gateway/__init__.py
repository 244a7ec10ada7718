"""The gateway: where clients converse. It connects them with the three model servers.

Begin with `app.py`, which puts everything together.
"""
