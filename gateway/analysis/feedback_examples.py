"""An example of feedback in each of eight languages other than English, for the question to the language model.

The question is in English. With an example, a weak model answers in the language of the example; without one, it often
answers in English.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedbackExample:
    """What a learner and a partner said, and the feedback to it. because: what shows the level A2."""

    learner: str
    partner: str
    summary: str
    next_steps: tuple[str, str, str]
    because: str

    @property
    def answer(self) -> dict[str, object]:
        """The feedback as a `FeedbackAnswer`."""
        return {
            "summary": self.summary,
            "next_steps": self.next_steps,
            "cefr": "A2",
            "cefr_because": self.because,
        }


EXAMPLES = {
    "de": FeedbackExample(
        "Am Sonntag war ich mit einem Freund im Kino.",
        "Hat dir der Film gefallen?",
        "Wir haben über das Kino und deinen Freund gesprochen. Du hast gut von deinem Sonntag erzählt.",
        (
            "Sag, warum dir ein Film gefällt.",
            "Benutze mehr Verben in der Vergangenheit.",
            "Stell in jeder Antwort eine Frage.",
        ),
        "Deine Sätze sind kurz, aber richtig.",
    ),
    "es": FeedbackExample(
        "El domingo fui al cine con un amigo.",
        "¿Te gustó la película?",
        "Hablamos del cine y de tu amigo. Cuentas muy bien lo que hiciste el domingo.",
        (
            "Di por qué te gusta una película.",
            "Usa más verbos en pasado.",
            "Haz una pregunta en cada respuesta.",
        ),
        "Tus frases son cortas, pero correctas.",
    ),
    "fr": FeedbackExample(
        "Dimanche, je suis allé au cinéma avec un ami.",
        "Le film t'a plu ?",
        "Nous avons parlé du cinéma et de ton ami. Tu racontes très bien ton dimanche.",
        (
            "Dis pourquoi un film te plaît.",
            "Utilise plus de verbes au passé.",
            "Pose une question dans chaque réponse.",
        ),
        "Tes phrases sont courtes, mais correctes.",
    ),
    "it": FeedbackExample(
        "Domenica sono andato al cinema con un amico.",
        "Ti è piaciuto il film?",
        "Abbiamo parlato del cinema e del tuo amico. Hai raccontato molto bene la tua domenica.",
        (
            "Di' perché ti piace un film.",
            "Usa più verbi al passato.",
            "Fai una domanda in ogni risposta.",
        ),
        "Le tue frasi sono corte, ma corrette.",
    ),
    "ja": FeedbackExample(
        "日曜日に友達と映画館に行きました。",
        "映画はおもしろかったですか？",
        "映画と友達について話しました。日曜日のことを上手に説明できました。",
        (
            "なぜその映画が好きなのか言いましょう。",
            "過去形をもっと使いましょう。",
            "答えるたびに質問を一つしましょう。",
        ),
        "文は短いですが、正しいです。",
    ),
    "nl": FeedbackExample(
        "Zondag ben ik met een vriend naar de bioscoop geweest.",
        "Vond je de film leuk?",
        "We hebben over de bioscoop en je vriend gepraat. Je hebt goed over je zondag verteld.",
        (
            "Zeg waarom je een film leuk vindt.",
            "Gebruik meer werkwoorden in de verleden tijd.",
            "Stel in elk antwoord een vraag.",
        ),
        "Je zinnen zijn kort, maar goed.",
    ),
    "pt": FeedbackExample(
        "No domingo fui ao cinema com um amigo.",
        "Você gostou do filme?",
        "Falamos do cinema e do seu amigo. Você contou muito bem o seu domingo.",
        (
            "Diga por que gosta de um filme.",
            "Use mais verbos no passado.",
            "Faça uma pergunta em cada resposta.",
        ),
        "As suas frases são curtas, mas corretas.",
    ),
    "zh": FeedbackExample(
        "星期天我和朋友去看电影了。",
        "你喜欢那部电影吗？",
        "我们聊了电影和你的朋友。你把星期天的事说得很清楚。",
        ("说说你为什么喜欢一部电影。", "多说一些过去的事情。", "每次回答时问一个问题。"),
        "你的句子很短，但是正确。",
    ),
}
