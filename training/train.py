"""Trains an adapter: `python -m training.train partner --out partner.gguf`, or `corrections`.

The model is the bundled one, SmolLM2-135M-Instruct, from its GGUF file; its weights stay as they are. A LoRA is trained
on the answers of the lessons. Some lessons are held back: the loss on these is printed before the training and after
each pass. The adapter for corrections changes the model together with the partner's adapter, so it is trained on a
model that has that one already.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from common.smollm2 import PARTNER_ADAPTER, find_smollm2
from gateway.ports import ChatMessage
from training.adapter import MODULES, load_into, write
from training.lessons import Corrections, Lesson, Lessons, Partner

RANK, ALPHA = 16, 32
WARM_UP = 0.06


@dataclass(frozen=True, slots=True)
class Sample:
    """A lesson in tokens. is_answer: for each token, whether it belongs to an answer."""

    tokens: list[int]
    is_answer: list[bool]


def main() -> None:
    """Run the training; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("what", choices=("partner", "corrections"), help="what the model learns")
    parser.add_argument("--out", type=Path, required=True, help="the adapter's file (GGUF)")
    parser.add_argument("--begin-with", type=Path, help="go on from this adapter")
    parser.add_argument("--passes", type=float, default=3.0, help="how often each lesson is read")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    chance = random.Random(arguments.seed)
    lessons: Lessons = Partner(chance) if arguments.what == "partner" else Corrections(chance)
    has_before = [PARTNER_ADAPTER] if arguments.what == "corrections" else []
    trainer = Trainer(lessons, chance, has_before=has_before, begin_with=arguments.begin_with)
    trainer.train(arguments.passes, arguments.out)


class Trainer:
    """Trains the LoRA. has_before: adapters that the model has already. begin_with: an adapter to go on from."""

    def __init__(
        self,
        lessons: Lessons,
        chance: random.Random,
        *,
        has_before: Sequence[Path] = (),
        begin_with: Path | None = None,
    ) -> None:
        weights = find_smollm2()
        source: dict[str, Any] = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
        self._lessons = lessons
        self._chance = chance
        self._tokenizer = AutoTokenizer.from_pretrained(**source)
        self._dtype = faster_dtype()
        lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(MODULES))
        base = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        for adapter in has_before:
            changed = get_peft_model(base, lora)
            load_into(changed, adapter)
            base = changed.merge_and_unload()
        for weight in base.parameters():  # the buffers stay float32, because positions need it
            weight.data = weight.data.to(self._dtype)
        self._model = get_peft_model(base, lora)
        if begin_with:
            load_into(self._model, begin_with)

    def train(self, passes: float, out: Path) -> None:
        """Train, and write the adapter to `out` after each pass."""
        learned = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(learned, lr=self._lessons.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        count_of_lessons = len(self._lessons.one_pass())
        steps, step, began_s = math.ceil(count_of_lessons / self._lessons.batch * passes), 0, time.monotonic()
        print(f"{count_of_lessons} lessons, {steps} steps; loss on those held back {self.held_loss():.3f}")
        while step < steps:
            for batch in self._batches(map(self._sample, self._lessons.one_pass())):
                for group in optimizer.param_groups:
                    group["lr"] = self._lessons.learning_rate * rate(step / steps)
                total, count = self._loss(batch)
                (total / count).backward()
                torch.nn.utils.clip_grad_norm_(learned, 1.0)
                optimizer.step()
                optimizer.zero_grad()
                step += 1
                if step % 10 == 0:
                    print(f"step {step}: {total.item() / count:.3f}, {time.monotonic() - began_s:.0f} s", flush=True)
                if step == steps:
                    break
            print(f"loss on those held back {self.held_loss():.3f}", flush=True)
            write(self._model, out, rank=RANK, alpha=ALPHA)

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def held_loss(self) -> float:
        """The mean loss on the lessons held back, in nats for each token of an answer."""
        self._model.eval()
        losses = [self._loss(batch) for batch in self._batches(map(self._sample, self._lessons.held_back))]
        self._model.train()
        return float(sum(total.item() for total, _ in losses) / sum(count for _, count in losses))

    def _sample(self, lesson: Lesson) -> Sample:
        sample = Sample([], [])
        for text, is_answer in pieces(lesson):
            tokens = self._tokenizer(text, add_special_tokens=False)["input_ids"]
            sample.tokens.extend(tokens)
            sample.is_answer.extend([is_answer] * len(tokens))
        return sample

    def _batches(self, samples: Iterable[Sample]) -> Iterator[Sequence[Sample]]:
        """Batches in random order. Samples of similar length are batched together, so that little padding is needed."""
        by_length = sorted(samples, key=lambda sample: len(sample.tokens) + self._chance.uniform(0, 30))
        size = self._lessons.batch
        batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
        self._chance.shuffle(batches)
        yield from batches

    def _loss(self, batch: Sequence[Sample]) -> tuple[torch.Tensor, int]:
        """The loss, summed over the answers' tokens, and the number of these tokens."""
        width = max(len(sample.tokens) for sample in batch)
        tokens = torch.tensor([sample.tokens + [0] * (width - len(sample.tokens)) for sample in batch])
        told = torch.tensor([sample.is_answer + [False] * (width - len(sample.tokens)) for sample in batch])[:, 1:]
        model = self._model.get_base_model()
        with torch.autocast("cpu", self._dtype, enabled=self._dtype is not torch.float32):
            # Padding comes last, and no earlier token attends to it.
            hidden = model.model(input_ids=tokens).last_hidden_state
            logits = model.lm_head(hidden[:, :-1][told])  # only the answers' tokens: the vocabulary is large
        return cross_entropy(logits.float(), tokens[:, 1:][told], reduction="sum"), int(told.sum())


def faster_dtype() -> torch.dtype:
    """bfloat16 if this CPU multiplies it at least 1.5 times as fast as float32 (AVX-512 BF16 and AMX do), else
    float32."""
    seconds = {dtype: _multiplying_s(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return torch.bfloat16 if seconds[torch.float32] > 1.5 * seconds[torch.bfloat16] else torch.float32


def _multiplying_s(dtype: torch.dtype) -> float:
    """The shortest of five times for multiplying matrices as large as the model's."""
    one, other = torch.ones(1024, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
    times = []
    for _ in range(5):
        began_s = time.perf_counter()
        one @ other
        times.append(time.perf_counter() - began_s)
    return min(times)


def pieces(messages: Sequence[ChatMessage]) -> Iterator[tuple[str, bool]]:
    """The lesson in SmolLM2's chat template, in pieces: (text, whether it is an answer)."""
    for message in messages:
        yield f"<|im_start|>{message.role}\n", False
        yield f"{message.content}<|im_end|>", message.role == "assistant"
        yield "\n", False


def rate(done: float) -> float:
    """The factor of the learning rate: it rises to 1, then falls to a twentieth along a cosine. done: the share of the
    steps that are done."""
    return min(1.0, (done + 1e-3) / WARM_UP) * (0.05 + 0.95 * (1 + math.cos(math.pi * min(1.0, done))) / 2)


if __name__ == "__main__":
    main()
