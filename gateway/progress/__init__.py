"""What a learner has learned: the record that is kept, with the learner's consent, between conversations.

`gateway.ports.learner_record` defines its values. `measuring` makes the entry of one conversation, `mistakes` names the
kind of a correction, `review` decides when a word is due again, and `overview` sums the record up for the learner.
"""
