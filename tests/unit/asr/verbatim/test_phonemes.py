"""The phonemes of words, from the real networks."""

from __future__ import annotations

from hama import G2PModel

from asr_service.verbatim.phonemes import IndexedVocabulary, Phonemes


def test_the_vocabulary_is_counted_once_and_spells_the_same() -> None:
    phonemes = Phonemes()
    vocabulary = phonemes._spelling.tokenizer.vocab
    assert isinstance(vocabulary, IndexedVocabulary)
    assert vocabulary.encoder_token_to_id is vocabulary.encoder_token_to_id
    plain = G2PModel()
    for word in ("market", "buyed", "zebra"):
        assert phonemes._spelling.predict(word).alignments == plain.predict(word).alignments
