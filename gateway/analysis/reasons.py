"""Why a rule corrects: the English texts by code. `remarks` makes sentences of them, also in the page's languages.

Words between “ and ” stay English in every language, because the rules are only for English.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "an_before_vowel": "Before the sound of a vowel, “a” is “an”.",
    "a_before_consonant": "Before the sound of a consonant, “an” is “a”.",
    "no_plural": "This word can't be counted; it has no plural.",
    "much_not_many": "This word can't be counted, so it takes “much”, not “many”.",
    "is_plural": "This word is a plural already.",
    "says_more": "This word says “more” already.",
    "says_most": "This word says “most” already.",
    "short_comparative": "Short words have a form of their own: “{comparative}”.",
    "no_to": "After this verb there is no “to”.",
    "were_after_plural": "After we, you and they, it is “were”.",
    "are_after_plural": "After we, you and they, it is “are”.",
    "is_after_singular": "After he, she and it, it is “is”.",
    "has_after_singular": "After he, she and it, it is “has”.",
    "there_are": "For more than one, it is “there are”.",
    "these": "For more than one, “this” is “these”.",
    "singular_after_every": "After “every”, the word is singular.",
    "question_with_does": "This question needs “does”.",
    "question_with_do": "This question needs “do”.",
    "discuss": "“Discuss” needs no “about”.",
    "depend_on": "One depends “on” something.",
    "married_to": "One is married “to” somebody.",
    "interested_in": "One is interested “in” something.",
    "listen_to": "One listens “to” something.",
    "home": "“Home” needs no “to”.",
    "explain_to": "One explains something “to” somebody.",
    "irregular_past": "The verb is irregular: its past tense is “{past}”.",
    "helping_verb": "A verb needs “{aid}” before it, not only “not”.",
    "third_person": "After he, she and it, the verb is “{form}”.",
    "doesnt": "After he, she and it, it is “doesn't”.",
    "base_form": "After “{aid}”, the verb is “{base}”.",
    "past_time": "That time is over, so the verb is in the past tense: “{past}”.",
    "agree": "“Agree” is a verb of its own, without “am”.",
}
