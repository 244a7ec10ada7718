"""OpenAI's REST API for other applications: /v1/audio/*, /v1/chat/completions, /v1/models.

Begin with `app.py`. A request passes `body_limit` (size and duration) and `entrance` (origin, token, limits, seat).
Each family of routes has a file.
"""
