#!/usr/bin/env bash
# Finding: for each letter of a word, hama's grapheme-to-phoneme model numbers its whole vocabulary again. That takes
# three quarters of the time for an English word.
#
# Version: hama 1.7.0, numpy 2.3.5, CPython 3.11, Linux x86-64.
# Expected: the table from token to number is made when the model is loaded.
# Seen: Vocabulary.encoder_token_to_id is a property that makes a dictionary of 19,750 entries (Korean syllables, too)
#   each time. TextTokenizer.encode reads the property twice for each letter, and once more for the word. So a word of
#   six letters takes 13 dictionaries, about 25 ms; the two networks need 9 ms. With the property cached, the
#   phonemes are the same.
# Who is hurt: programs that need the phonemes of many words for live speech, for example of every word of an utterance.
# Valid input: `predict` of one English word. Fails unless six letters take 13 dictionaries of more than 19,000 entries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hama==1.7.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time
from functools import cached_property

from hama import G2PModel
from hama.vocab import Vocabulary

made = []
original = Vocabulary.encoder_token_to_id.fget


def counted(vocabulary: Vocabulary) -> dict[str, int]:
    made.append(len(vocabulary.encoder))
    return original(vocabulary)


def seconds_of(model: G2PModel) -> float:
    began = time.process_time()
    for _ in range(20):
        model.predict("market")
    return (time.process_time() - began) / 20


model = G2PModel()
Vocabulary.encoder_token_to_id = property(counted)
phonemes = [one.phoneme for one in model.predict("market").alignments]
print(f"{len(made)} dictionaries of {max(made):,} entries for 6 letters")
Vocabulary.encoder_token_to_id = property(original)
print(f"as it is: {1000 * seconds_of(model):.1f} ms of CPU")


class Indexed(Vocabulary):
    encoder_token_to_id = cached_property(original)


model.tokenizer.vocab = Indexed(**vars(model.tokenizer.vocab))
assert [one.phoneme for one in model.predict("market").alignments] == phonemes
print(f"with the dictionary kept: {1000 * seconds_of(model):.1f} ms of CPU, the same phonemes")
sys.exit(0 if len(made) == 13 and min(made) > 19_000 else 1)
PYTHON
