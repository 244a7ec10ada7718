"""The function words and endings by which `mistakes` recognises the kind of a mistake. Each language in FUNCTION_WORDS
has tables of them."""

from __future__ import annotations

from dataclasses import dataclass

Paradigms = tuple[frozenset[str], ...]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _sets(*groups: str) -> Paradigms:
    return tuple(map(_set, groups))


@dataclass(frozen=True, slots=True)
class FunctionWords:
    """The tables of one language; each word is in lower case.

    gendered: groups of forms that differ in gender only. cased: forms that show a case. agreeing: groups of forms of
    one verb that differ in person or number only. copulas: a group of forms for each verb that means "be". countables:
    words whose choice depends on whether the noun can be counted ("much", "many"). subjects: pronouns after which a
    verb follows. plurals: endings of the plural. gender_endings: pairs of endings that differ in gender only. endings:
    endings of adjectives.
    """

    articles: frozenset[str] = frozenset()
    prepositions: frozenset[str] = frozenset()
    determiners: frozenset[str] = frozenset()
    countables: frozenset[str] = frozenset()
    pronouns: frozenset[str] = frozenset()
    possessives: frozenset[str] = frozenset()
    reflexives: frozenset[str] = frozenset()
    conjunctions: frozenset[str] = frozenset()
    negations: frozenset[str] = frozenset()
    auxiliaries: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    politeness: frozenset[str] = frozenset()
    measures: frozenset[str] = frozenset()
    comparing: frozenset[str] = frozenset()
    gendered: Paradigms = ()
    cased: frozenset[str] = frozenset()
    agreeing: Paradigms = ()
    copulas: Paradigms = ()
    subjects: frozenset[str] = frozenset()
    plurals: tuple[str, ...] = ()
    gender_endings: tuple[tuple[str, str], ...] = ()
    endings: tuple[str, ...] = ()


_ENGLISH = FunctionWords(
    articles=_set("a an the"),
    prepositions=_set(
        "in on at to of for from with by about into onto over under since until till during before after between"
        " through against without within toward towards around across near behind"
    ),
    determiners=_set("this that these those some any every each all both another other others no"),
    countables=_set("much many few little fewer less lot lots"),
    pronouns=_set("i you he she it we they me him us them who whom which what there one"),
    possessives=_set("my your his her its our their mine yours hers ours theirs whose"),
    reflexives=_set("myself yourself himself herself itself ourselves yourselves themselves"),
    conjunctions=_set("and but or so because although though if when while whether than as that"),
    negations=_set("not no never nothing nobody none nor any anything anybody"),
    auxiliaries=_set(
        "do does did don't doesn't didn't have has had haven't hasn't hadn't will would won't wouldn't can could can't"
        " couldn't shall should shouldn't may might must mustn't am is are was were isn't aren't wasn't weren't be been"
        " being"
    ),
    comparing=_set("more most than as"),
    agreeing=_sets("am is are", "was were", "have has", "do does", "don't doesn't", "isn't aren't", "wasn't weren't",
                   "haven't hasn't", "i'm he's"),
    subjects=_set("i you he she it we they who"),
    plurals=("s", "es"),
)  # fmt: skip
_SPANISH = FunctionWords(
    articles=_set("el la los las un una unos unas lo al del"),
    prepositions=_set("a de en con por para sin sobre entre hasta desde hacia según durante contra"),
    determiners=_set("este esta estos estas ese esa esos esas aquel aquella algún alguna algunos cada todo toda"),
    countables=_set("mucho mucha muchos muchas poco poca pocos pocas muy tan tanto tanta tantos tantas"),
    pronouns=_set("yo tú él ella usted nosotros vosotros ellos ellas ustedes mí ti le les qué quién que quien"),
    possessives=_set("mi mis tu tus su sus nuestro nuestra nuestros nuestras mío mía tuyo tuya suyo suya"),
    reflexives=_set("me te se nos os"),
    conjunctions=_set("y e o u pero sino porque aunque si cuando como mientras"),
    negations=_set("no nunca nada nadie ninguno ninguna tampoco ni"),
    auxiliaries=_set("he has ha hemos habéis han había hay voy vas va vamos van puedo puede debo debe tengo tiene"),
    comparing=_set("más menos mejor peor mayor menor"),
    gendered=_sets("el la", "los las", "un una", "unos unas", "este esta", "ese esa", "mucho mucha", "muchos muchas",
                   "todo toda", "nuestro nuestra"),
    copulas=_sets("soy eres es somos sois son era eras eran fue fui fueron ser sido",
                  "estoy estás está estamos estáis están estaba estabas estaban estuvo estuve estar estado"),
    subjects=_set("yo tú él ella usted nosotros vosotros ellos ellas ustedes"),
    plurals=("s", "es"),
    gender_endings=(("o", "a"), ("os", "as")),
)  # fmt: skip
_PORTUGUESE = FunctionWords(
    articles=_set("o a os as um uma uns umas"),
    prepositions=_set("de em com por para sem sobre entre até desde do da dos das no na nos nas ao à pelo pela num"),
    determiners=_set("este esta estes estas esse essa esses essas aquele aquela algum alguma cada todo toda"),
    countables=_set("muito muita muitos muitas pouco pouca poucos poucas tão tanto tanta"),
    pronouns=_set("eu tu ele ela você nós vocês eles elas mim ti lhe lhes que quem"),
    possessives=_set("meu minha meus minhas teu tua seu sua seus suas nosso nossa nossos nossas"),
    reflexives=_set("me te se"),
    conjunctions=_set("e ou mas porque embora quando como enquanto"),
    negations=_set("não nunca nada ninguém nenhum nenhuma nem"),
    auxiliaries=_set("tenho tem temos têm tinha vou vai vamos vão posso pode devo deve há"),
    comparing=_set("mais menos melhor pior maior menor"),
    gendered=_sets("o a", "os as", "um uma", "uns umas", "do da", "no na", "este esta", "esse essa", "meu minha",
                   "seu sua", "nosso nossa", "muito muita"),
    copulas=_sets("sou és é somos são era eras eram foi fui foram ser sido",
                  "estou estás está estamos estão estava estavas estavam esteve estive estar estado"),
    subjects=_set("eu tu ele ela você nós vocês eles elas"),
    plurals=("s", "es"),
    gender_endings=(("o", "a"), ("os", "as")),
)  # fmt: skip
_FRENCH = FunctionWords(
    articles=_set("le la les un une des du l'"),
    prepositions=_set("à de en dans avec pour sans sur sous entre chez depuis pendant par vers contre au aux d'"),
    determiners=_set("ce cet cette ces chaque tout toute tous toutes quelque quelques"),
    countables=_set("beaucoup peu trop très tant assez plusieurs"),
    pronouns=_set("je j' tu il elle on nous vous ils elles moi toi lui leur eux y en que qui dont où"),
    possessives=_set("mon ma mes ton ta tes son sa ses notre nos votre vos leurs"),
    reflexives=_set("me te se m' t' s'"),
    conjunctions=_set("et ou mais parce car si quand comme donc lorsque"),
    negations=_set("ne pas n' jamais rien personne plus aucun aucune"),
    auxiliaries=_set(
        "ai as a avons avez ont suis es est sommes êtes sont vais vas va allons allez vont peux peut dois doit"
    ),
    comparing=_set("plus moins mieux meilleur meilleure pire"),
    gendered=_sets("le la", "un une", "mon ma", "ton ta", "son sa", "ce cette", "tout toute", "tous toutes"),
    subjects=_set("je j' tu il elle on nous vous ils elles"),
    plurals=("s", "x"),
    gender_endings=(("", "e"), ("s", "es")),
)
_ITALIAN = FunctionWords(
    articles=_set("il lo la i gli le un uno una l'"),
    prepositions=_set("a di da in con su per tra fra del della dello dei delle al alla nel nella dal dalla sul sulla"),
    determiners=_set("questo questa questi queste quello quella quei quelle ogni alcuni alcune tutto tutta"),
    countables=_set("molto molta molti molte poco poca pochi poche tanto tanta"),
    pronouns=_set("io tu lui lei noi voi loro mi ti lo li ne che chi cui"),
    possessives=_set("mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra vostro vostra"),
    reflexives=_set("si ci vi"),
    conjunctions=_set("e o ma perché anche se quando come mentre"),
    negations=_set("non mai niente nulla nessuno nessuna né"),
    auxiliaries=_set("ho hai ha abbiamo avete hanno sono sei è siamo siete posso può devo deve vado va"),
    comparing=_set("più meno meglio peggio migliore peggiore"),
    gendered=_sets("il la", "lo la", "i le", "gli le", "un una", "uno una", "questo questa", "molto molta", "mio mia"),
    copulas=_sets("sono sei è siamo siete era erano essere stato", "sto stai sta stiamo state stanno stava stare"),
    subjects=_set("io tu lui lei noi voi loro"),
    gender_endings=(("o", "a"), ("i", "e")),
)
_GERMAN = FunctionWords(
    articles=_set("der die das den dem des ein eine einen einem einer eines"),
    prepositions=_set(
        "in im ins an am auf aus bei mit nach von vom zu zum zur für über unter vor hinter neben zwischen durch gegen"
        " ohne um seit während wegen bis"
    ),
    determiners=_set("dieser diese dieses diesen diesem jeder jede jedes jeden jedem alle kein keine keinen keinem"),
    countables=_set("viel viele wenig wenige mehrere"),
    pronouns=_set("ich du er sie es wir ihr mich dich ihn uns euch mir dir ihm ihnen man wer wen wem was"),
    possessives=_set("mein meine meinen meinem meiner dein deine deinen sein seine seinen unser unsere ihre ihren"),
    reflexives=_set("sich"),
    conjunctions=_set("und oder aber denn weil dass wenn als ob obwohl sondern"),
    negations=_set("nicht nie nichts niemand"),
    auxiliaries=_set(
        "habe hast hat haben habt hatte bin bist ist sind seid war waren werde wirst wird werden würde kann können muss"
        " müssen soll will möchte darf"
    ),
    comparing=_set("mehr als wie am"),
    gendered=_sets("der die das", "ein eine", "mein meine", "dein deine", "sein seine", "kein keine",
                   "dieser diese dieses"),
    cased=_set("den dem des einen einem einer eines meinen meinem meiner keinen keinem diesen diesem mich mir dich dir"
               " ihn ihm"),
    subjects=_set("ich du er sie es wir ihr"),
    plurals=("en", "n", "s"),
    endings=("e", "en", "er", "es", "em"),
)  # fmt: skip
_JAPANESE = FunctionWords(
    particles=_set("は が を に で へ と も の や から まで より"),
    politeness=_set("です ます でし まし だ"),
    measures=_set("個 本 枚 人 匹 冊 台 回 つ"),
)
_CHINESE = FunctionWords(
    prepositions=_set("在 从 到 对 给 跟 和"),
    particles=_set("的 得 地 了 过 着 吗 呢 吧"),
    measures=_set("个 本 张 只 条 件 位 杯 次 家 辆"),
    negations=_set("不 没 别"),
)

FUNCTION_WORDS = {
    "en": _ENGLISH, "es": _SPANISH, "pt": _PORTUGUESE, "fr": _FRENCH, "it": _ITALIAN, "de": _GERMAN,
    "ja": _JAPANESE, "zh": _CHINESE,
}  # fmt: skip
UNKNOWN = FunctionWords()
