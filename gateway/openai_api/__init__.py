"""OpenAI's REST API, as other applications speak it: /v1/audio/*, /v1/chat/completions, /v1/models.

Begin with `app.py`. A request passes `body_limit` (how large, how long) and `entrance` (origin, token, limits, seat).
Each family of routes has a file.
"""
