"""The gateway's implementation of OpenAI's Realtime API: one WebSocket, one conversation. See docs/realtime.md.

    serve ── reads and writes the socket ──▶ translator ──▶ learner_side    the learner's turns
                                                 │  └──▶ partner_side    the responses
                                                 ├─────▶ item_requests, response_requests, idle_timer
                                                 └─────▶ items, session_config, client_events, server_events

Begin with `translator.py`. The conversation itself runs in gateway/conversation, as for /ws/conversation.
"""
