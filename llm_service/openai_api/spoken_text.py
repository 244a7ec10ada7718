"""Removes from a reply what is not meant for the reader: thoughts, control tokens, halves of characters. Pure.

    "<think>\\nThe user greets me.\\n</think>\\n\\nHello!<|im_end|>"   →   "Hello!"

Text comes in pieces that may be cut anywhere, even within a mark such as <think>. If the end of a piece may be the
beginning of a mark, this end waits for the next piece.
"""

from __future__ import annotations

import re

from llm_service.metrics import ODDITIES

_THOUGHTS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "[THINK]": "[/THINK]",  # Magistral
    "◁think▷": "◁/think▷",  # Kimi
    "<|channel|>analysis<|message|>": "<|end|>",  # gpt-oss
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A
}
_ENDS = {
    *("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<|return|>"),
    *("</s>", "<eos>", "<end_of_turn>", "<|end_of_turn|>", "<|END_OF_TURN_TOKEN|>", "<|endofturn|>"),
    *("<|user|>", "<|im_start|>user", "<start_of_turn>user", "<｜end▁of▁sentence｜>", "<｜User｜>"),
}
"""After one of these marks, a model would write the learner's part."""
_DROPPED = {
    *("<s>", "<bos>", "<pad>", "<unk>", "<|im_start|>assistant\n", "<start_of_turn>model\n", "<|assistant|>\n"),
    *("<|start|>assistant", "<|channel|>final<|message|>", "<|channel|>commentary<|message|>"),
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
}
_MARKS = sorted({*_THOUGHTS, *_THOUGHTS.values(), *_ENDS, *_DROPPED}, key=len, reverse=True)
_ANY_MARK = r"<[|｜][^<>|｜\s]{1,40}[|｜]>"
_MARK = re.compile("|".join([*map(re.escape, _MARKS), _ANY_MARK]))
_BEGUN_MARK = re.compile(r"<[|｜][^<>|｜\s]{0,40}[|｜]?")
_FIRST_CHARACTERS = "<[◁"
_LONGEST = max(len(mark) for mark in _MARKS)

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufeff]")


class SpokenText:
    """The text of one reply. begins_with_thoughts: everything before the first `</think>` is a thought.

    is_over: the reply has ended, and later text is not part of it. thought: there were thoughts. thought_unmarked:
    thoughts ended without having had an opening mark.
    """

    def __init__(self, *, begins_with_thoughts: bool = False) -> None:
        self.is_over = self.thought = self.thought_unmarked = False
        self._closing = "</think>" if begins_with_thoughts else ""  # the mark that ends the present thoughts
        self._unmarked = "" if begins_with_thoughts else None  # text that may turn out not to be thoughts
        self._held = ""
        self._half = ""
        self._has_begun = False

    def push(self, text: str) -> str:
        """Take the next piece. Returns the text that may be read now."""
        self._held += _CONTROL.sub("", self._whole(text))
        out = self._up_to_last_mark(is_end=False)
        if self.is_over:
            return self._shown(out)
        sure = len(self._held) - _may_begin_mark(self._held)
        out += self._said(self._held[:sure])
        self._held = self._held[sure:]
        return self._shown(out)

    def finish(self) -> str:
        """The reply ends here. Returns the text that was held back."""
        out = self._up_to_last_mark(is_end=True)
        out += "" if self.is_over else self._said(self._held)
        if self._unmarked is not None:  # there were no thoughts this time
            out, self._unmarked = self._unmarked, None
        self._held = self._half = ""
        return self._shown(out)

    def _up_to_last_mark(self, *, is_end: bool) -> str:
        """The text up to the last complete mark. is_end: no more text will come that could make a mark longer."""
        out = ""
        while not self.is_over and (mark := _MARK.search(self._held)) and (is_end or not self._may_go_on(mark)):
            out += self._said(self._held[: mark.start()])
            self._held = self._held[mark.end() :]
            self._pass_mark(mark.group())
        return out

    def _pass_mark(self, mark: str) -> None:
        ODDITIES.labels("thoughts" if mark in _THOUGHTS else "control").inc()
        if self._closing:
            if mark == self._closing:
                self.thought, self._closing, self._unmarked = True, "", None
        elif mark in _THOUGHTS:
            self.thought, self._closing = True, _THOUGHTS[mark]
        elif mark in _ENDS:
            self.is_over = True
        elif mark in _THOUGHTS.values():
            self.thought = self.thought_unmarked = True

    def _said(self, text: str) -> str:
        """`text`, unless it is part of a thought."""
        if self._unmarked is not None:
            self._unmarked += text
        return "" if self._closing else text

    def _shown(self, text: str) -> str:
        """`text` without white space at the beginning of the reply."""
        if not self._has_begun:
            text = text.lstrip()
            self._has_begun = bool(text)
        return text

    def _whole(self, text: str) -> str:
        """Text without halves of characters: matching halves are joined, even if they come in two pieces; a single half
        is left out."""
        text, self._half = self._half + text, ""
        if not _SURROGATE.search(text):
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")

    def _may_go_on(self, mark: re.Match[str]) -> bool:
        """Whether more text may turn `mark` into a longer mark."""
        rest = self._held[mark.start() :]
        return any(len(longer) > len(rest) and longer.startswith(rest) for longer in _MARKS)


def _may_begin_mark(text: str) -> int:
    """How many characters at the end of `text` may be the beginning of a mark."""
    for at in range(max(0, len(text) - _LONGEST), len(text)):
        if text[at] in _FIRST_CHARACTERS:
            rest = text[at:]
            if _BEGUN_MARK.fullmatch(rest) or any(mark.startswith(rest) for mark in _MARKS):
                return len(rest)
    return 0
