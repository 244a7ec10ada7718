"""Learners' sentences in languages other than English, for Kokoro's voices. There is no German voice.

Some hesitations come after a word that calls for another ("al |"), some after words that sound complete ("Llegamos | al
hotel").
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """The sentences of one language. `|` marks a place where a learner may stop to think. filler: the sound of
    hesitation."""

    voices: tuple[str, ...]
    filler: str
    sentences: tuple[str, ...]
    complete: tuple[str, ...]


LANGUAGES = {
    "es": Language(
        ("ef_dora", "em_alex", "em_santa"),
        "eh",
        (
            "Ayer fui al | mercado con mi hermana.",
            "Estudio español desde hace dos años porque | quiero trabajar en el extranjero.",
            "Mi hermano trabaja de | médico en un hospital grande.",
            "Me gusta esta ciudad, pero | los inviernos son muy fríos.",
            "Creo que lo más importante es | practicar todos los días.",
            "Estoy buscando un | regalo para mi madre.",
            "El tren sale a las | ocho y media.",
            "Llegamos | al hotel muy tarde.",
            "Para desayunar suelo tomar | pan con queso y un café.",
            "No encuentro mis | llaves por ninguna parte.",
            "Conocí a mi mujer cuando | tenía veinte años.",
            "El hotel era bonito | y la comida estaba buena.",
            "Los fines de semana juego al tenis | con mis vecinos.",
            "Me gustaría viajar | a Japón el próximo año.",
            "Mi hermana es mayor que | yo.",
            "El problema es que | no tengo bastante dinero.",
            "Ella quiere ser | enfermera como su madre.",
            "Si hace buen tiempo, mañana | vamos a la playa.",
            "¿Me puede decir dónde está | la estación?",
            "Anoche vi una película | sobre un pintor famoso.",
            "Mi abuela siempre me contaba | historias antes de dormir.",
            "He perdido la cartera en | el autobús esta mañana.",
            "Prefiero quedarme | en casa esta noche.",
            "Nuestro profesor nos dio muchos | deberes para el lunes.",
        ),
        (
            "Sí, claro.",
            "Muy bien, gracias.",
            "No lo sé.",
            "¿Cuánto cuesta?",
            "Tengo treinta y cinco años.",
            "Trabajo en una oficina.",
            "Me encanta escuchar música.",
            "Porque es más barato.",
            "Fue muy divertido.",
            "¿Puede repetir la pregunta?",
            "Vivo con mis padres.",
            "No entiendo esta palabra.",
            "La comida estaba rica, pero el servicio fue lento.",
            "Dos veces por semana.",
        ),
    ),
    "fr": Language(
        ("ff_siwis",),
        "euh",
        (
            "Hier, je suis allé au | marché avec ma sœur.",
            "J'apprends le français depuis deux ans parce que | je veux travailler à l'étranger.",
            "Mon frère travaille comme | médecin dans un grand hôpital.",
            "J'aime cette ville, mais | les hivers sont très froids.",
            "Je pense que le plus important, c'est de | pratiquer tous les jours.",
            "Je cherche un | cadeau pour ma mère.",
            "Le train part à | huit heures et demie.",
            "Nous sommes arrivés | à l'hôtel très tard.",
            "Au petit déjeuner, je prends | du pain avec du fromage.",
            "Je ne trouve pas mes | clés.",
            "J'ai rencontré ma femme quand | j'avais vingt ans.",
            "L'hôtel était joli | et la cuisine était bonne.",
            "Le week-end, je joue au tennis | avec mes voisins.",
            "J'aimerais voyager | au Japon l'année prochaine.",
            "Ma sœur est plus grande que | moi.",
            "Le problème, c'est que | je n'ai pas assez d'argent.",
            "Elle veut devenir | infirmière comme sa mère.",
            "S'il fait beau demain, nous | irons à la plage.",
            "Pouvez-vous me dire où est | la gare ?",
            "Hier soir, j'ai vu un film | sur un peintre célèbre.",
            "Ma grand-mère me racontait toujours | des histoires avant de dormir.",
            "J'ai perdu mon portefeuille dans | le bus ce matin.",
            "Je préfère rester | à la maison ce soir.",
            "Notre professeur nous a donné beaucoup de | devoirs pour lundi.",
        ),
        (
            "Oui, bien sûr.",
            "Très bien, merci.",
            "Je ne sais pas.",
            "Combien ça coûte ?",
            "J'ai trente-cinq ans.",
            "Je travaille dans un bureau.",
            "J'adore écouter de la musique.",
            "Parce que c'est moins cher.",
            "C'était très amusant.",
            "Pouvez-vous répéter la question ?",
            "J'habite chez mes parents.",
            "Je ne comprends pas ce mot.",
            "Le repas était bon, mais le service était lent.",
            "Deux fois par semaine.",
        ),
    ),
    "it": Language(
        ("if_sara", "im_nicola"),
        "ehm",
        (
            "Ieri sono andato al | mercato con mia sorella.",
            "Studio l'italiano da due anni perché | voglio lavorare all'estero.",
            "Mio fratello lavora come | medico in un grande ospedale.",
            "Mi piace questa città, ma | gli inverni sono molto freddi.",
            "Penso che la cosa più importante sia | fare pratica ogni giorno.",
            "Sto cercando un | regalo per mia madre.",
            "Il treno parte alle | otto e mezza.",
            "Siamo arrivati | in albergo molto tardi.",
            "A colazione prendo di solito | pane con il formaggio.",
            "Ho conosciuto mia moglie quando | avevo vent'anni.",
            "Nel fine settimana gioco a tennis | con i miei vicini.",
            "Mi piacerebbe andare | in Giappone l'anno prossimo.",
            "Il problema è che | non ho abbastanza soldi.",
            "Ieri sera ho visto un film | su un pittore famoso.",
        ),
        (
            "Sì, certo.",
            "Molto bene, grazie.",
            "Non lo so.",
            "Quanto costa?",
            "Ho trentacinque anni.",
            "Mi piace molto ascoltare la musica.",
            "Abito con i miei genitori.",
            "Il cibo era buono, ma il servizio era lento.",
        ),
    ),
    "pt": Language(
        ("pf_dora", "pm_alex", "pm_santa"),
        "hum",
        (
            "Ontem eu fui ao | mercado com a minha irmã.",
            "Estudo português há dois anos porque | quero trabalhar no exterior.",
            "Meu irmão trabalha como | médico em um hospital grande.",
            "Gosto desta cidade, mas | os invernos são muito frios.",
            "Acho que o mais importante é | praticar todos os dias.",
            "Estou procurando um | presente para a minha mãe.",
            "O trem sai às | oito e meia.",
            "Chegamos | ao hotel muito tarde.",
            "No café da manhã eu como | pão com queijo.",
            "Conheci a minha mulher quando | tinha vinte anos.",
            "No fim de semana eu jogo tênis | com os meus vizinhos.",
            "Eu gostaria de viajar | para o Japão no ano que vem.",
            "O problema é que | não tenho dinheiro suficiente.",
            "Ontem à noite vi um filme | sobre um pintor famoso.",
        ),
        (
            "Sim, claro.",
            "Muito bem, obrigado.",
            "Não sei.",
            "Quanto custa?",
            "Tenho trinta e cinco anos.",
            "Adoro ouvir música.",
            "Moro com os meus pais.",
            "A comida era boa, mas o serviço era lento.",
        ),
    ),
}
