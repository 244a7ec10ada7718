"""Hears mistakes that recognition repairs: "buyed", "peoples likes", "must to go".

A recogniser such as Whisper expects correct sentences, so it writes "bought" for "buyed". A phoneme recogniser has no
such expectations. So the words of a turn are compared with variants that learners may have said, by how well the
phonemes of each fit the sound:

    words ──▶ variants ──▶ phonemes ──▶ ctc: fit of each ──▶ rewriter: the variants that fit clearly better

`fillers` finds hesitation sounds, and `lane` runs both searches. English only.
"""
