"""Tells why a correction of English was made, from the words that it changed.

The model that finds the corrections may be too small to explain them. There is a reason only if a comparison of the
words makes certain what the correction did. Most changes of several words have none, and neither has the choice of
another word.

`reasons` decides. `change` is its material: the changed words, and the words around them. `forms` has the reasons of
changed forms ("go" to "went"), `several` those of several changed words that are one mistake, and `english` the words.
"""

from gateway.analysis.edit_reasons.reasons import reason_for

__all__ = ["reason_for"]
