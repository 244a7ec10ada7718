"""The partner: who it is, and how it speaks to each level."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.history import Level, SessionScenario, SessionState


@dataclass(frozen=True, slots=True)
class Partner:
    """Who the partner is, as `prompt` tells the model.

    who: continues "You are". facts: sentences about the partner ("you") and the situation. brief: a few words in place
    of who and facts, for a small model that was not trained as the partner. learner: the person it talks to; continues
    "You are talking with". opening: its words when it speaks first; empty: the model writes them. phrases: what the
    learner could say, most useful first. instructions: a client's own, in place of who, facts and brief.
    """

    who: str
    brief: str
    facts: str = ""
    learner: str = "a friend"
    opening: str = ""
    phrases: tuple[str, ...] = ()
    instructions: str = ""


JOE = Partner(
    who="Joe, a friendly gardener from Dublin",
    brief="a kind friend",  # no name, because a small model takes its own name for the learner's
    facts="You are 41. You live in a small house with your dog, Biscuit. You look after a park in the city. You like "
    "long walks, old songs and cooking for friends, and you are not good with computers.",
)


def partner_of(state: SessionState) -> Partner:
    """The partner of a session: by its client's instructions, or by its scenario, or otherwise Joe."""
    if state.instructions:
        return replace(JOE, instructions=state.instructions)
    return _in_scenario(state.scenario) if state.scenario else JOE


def _in_scenario(scenario: SessionScenario) -> Partner:
    return Partner(
        who=scenario.partner,
        brief=scenario.partner,
        facts=" ".join(filter(None, (scenario.setting, scenario.facts))),
        learner=scenario.learner,
        opening=scenario.opening,
        phrases=scenario.phrases,
    )


@dataclass(frozen=True, slots=True)
class Manner:
    """How the partner speaks to a learner of one level, and how patiently it waits.

    rule: for the prompt. small_rule: for a small model's prompt; it is short, because a small model recites longer
    rules instead of following them. max_sentences: the most sentences of a reply, including its question;
    small_max_sentences: for a small model. max_tokens: a limit that only a reply without sentence ends reaches.
    speed: of the voice; 1 is its own. patience: see `Patience.factor`.
    """

    rule: str
    small_rule: str
    max_sentences: int
    small_max_sentences: int
    max_tokens: int
    speed: float
    patience: float


MANNERS: dict[Level, Manner] = {
    "beginner": Manner(
        rule="React in one or two short sentences with very simple words. "
        "Then ask one short, easy question about what your friend said.",
        small_rule="You answer in one short, simple sentence, and then you ask one easy question.",
        max_sentences=3,
        small_max_sentences=3,
        max_tokens=120,
        speed=0.85,
        patience=1.5,
    ),
    "intermediate": Manner(
        rule="React in two or three sentences with everyday words. Then ask one question about what your friend said.",
        small_rule="You answer in two short sentences, and then you ask one question.",
        max_sentences=4,
        small_max_sentences=3,
        max_tokens=160,
        speed=0.95,
        patience=1.0,
    ),
    "advanced": Manner(
        rule="React in two or three natural, idiomatic sentences, with a view of your own. "
        "Then ask for your friend's opinion in one question.",
        small_rule="You answer in two or three sentences, and then you ask what your friend thinks.",
        max_sentences=4,
        small_max_sentences=4,
        max_tokens=220,
        speed=1.0,
        patience=0.85,
    ),
}
