"""The sentences of the turn-taking set. `|` marks a place where a learner may stop to think, but where no sentence
ends."""

from __future__ import annotations

SENTENCES = (
    "Yesterday I went to the | market with my sister.",
    "I have been learning English for two years because | I want to work abroad.",
    "My favorite food is rice with | chicken and vegetables.",
    "Could you tell me how to get to the | train station?",
    "Last summer we traveled to | Spain by car.",
    "I think that the most important thing is | to practice every day.",
    "When I was a child I lived in a | small village near the mountains.",
    "My brother works as a | doctor in a big hospital.",
    "I would like to order a | coffee and a piece of cake.",
    "She told me that she | can't come to the party.",
    "Every morning I get up at | six and go for a run.",
    "I'm looking for a | present for my mother.",
    "The movie was about a man who | lost his memory.",
    "In my country people usually | eat dinner very late.",
    "If I had more time I would | learn to play the guitar.",
    "We need to buy some | bread before the shop closes.",
    "I don't agree with you because | it is too expensive.",
    "On Sunday I visited my | grandparents in the city.",
    "He asked me if I | wanted to play football.",
    "I read a book about | the history of Japan.",
    "My teacher says that my | pronunciation is getting better.",
    "What do you think about | the weather today?",
    "There are four people in my | family.",
    "I like this city but | the winters are very cold.",
    "After work I usually | cook something simple and watch a film.",
    "For my next holiday I want to go to | Italy with my friends.",
    "The bus was late so | I missed my first class.",
    "I have never been to | London before.",
    "Can you explain the difference between | these two words?",
    "My phone is broken and | I have to buy a new one.",
    "It was raining when we | left the house.",
    "I prefer tea to | coffee in the morning.",
    "The best thing about my job is | that I can work from home.",
    "I started to learn English with | songs and movies.",
    "We are going to have a | barbecue in the garden this weekend.",
    "My doctor told me to | drink more water.",
    "I forgot to | call my father on his birthday.",
    "Do you know where | the nearest pharmacy is?",
    "I was very tired so I | went to bed early.",
    "He has two cats and | one very old dog.",
)
"""Each is spoken once without a pause, and three times with a hesitation at its mark, each time of another kind."""

COMPLETE = (
    "Yes, I do.",
    "I'm fine, thank you.",
    "Not really.",
    "My name is Anna and I come from Poland.",
    "I don't know.",
    "That sounds great.",
    "How much does it cost?",
    "I usually go there by bus.",
    "No, it was too far.",
    "Sorry, can you say that again?",
    "I had pizza yesterday. It was very good.",
    "What about you?",
    "It's a beautiful place and the people are friendly.",
    "We stayed there for two weeks.",
    "I'd like to become an engineer.",
    "Maybe tomorrow.",
)
"""These are only spoken without a pause; some are short answers and questions."""

REAL_COMPLETE = {
    # recording: (begin, end) in seconds of complete utterances
    "beckett": ((0.3, 1.24), (1.8, 2.84), (3.4, 4.21), (4.8, 5.62), (6.6, 7.41), (8.1, 8.95)),
    "two_cities": (
        (1.1, 4.66), (4.95, 8.28), (8.8, 12.88), (13.4, 16.79), (17.5, 20.56), (21.2, 24.08), (26.5, 28.78),
    ),
    "endgame_nagg_nell": (
        (0.0, 0.98), (2.45, 3.35), (4.8, 8.12), (8.7, 10.0), (11.95, 14.07), (14.6, 15.9), (17.6, 18.87),
        (20.4, 21.94), (22.5, 23.19), (23.8, 27.48),
    ),
}  # fmt: skip

REAL_HESITANT = {
    # recording: (begin, where the speaker is made to stop, end)
    "beckett": ((0.3, 0.72, 1.24), (1.8, 2.2, 2.84), (6.6, 6.93, 7.41)),
    "two_cities": (
        (1.1, 1.78, 4.66), (1.1, 3.45, 4.66), (4.95, 5.68, 8.28), (8.8, 9.92, 12.88), (8.8, 11.28, 12.88),
        (13.4, 14.22, 16.79), (17.5, 18.22, 20.56), (21.2, 22.02, 24.08), (21.2, 23.12, 24.08), (26.5, 27.4, 28.78),
        (28.9, 30.68, 32.37), (32.7, 33.22, 36.8),
    ),
    "endgame_nagg_nell": (
        (4.8, 6.46, 8.12), (10.0, 10.32, 11.42), (14.6, 15.1, 15.9), (17.6, 18.0, 18.87), (20.4, 21.05, 21.94),
        (23.8, 24.72, 27.48), (23.8, 25.88, 27.48),
    ),
}  # fmt: skip

FILLERS = ("um", "uh", "erm", "um")
