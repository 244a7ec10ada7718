/**
 * Sentences to begin with, by language and level. A click on one sends it, so each is complete. They are in the language
 * that is practised, and not in the page's.
 */
const OPENERS = {
  de: {
    beginner: ['Hallo! Wie geht es dir?', 'Ich trinke gern Kaffee. Was trinkst du gern?', 'Was machst du am Wochenende?'],
    intermediate: [
      'Was war letztes Wochenende das Schönste?',
      'Kannst du mir helfen, im Restaurant zu bestellen?',
      'Frag mich, warum ich Deutsch lerne.',
    ],
    advanced: [
      'Worüber hast du in letzter Zeit deine Meinung geändert?',
      'Lass uns streiten: Lebt man in der Stadt besser als auf dem Land?',
      'Führ bitte ein Vorstellungsgespräch mit mir.',
    ],
  },
  en: {
    beginner: ['Hello! How are you?', 'I like coffee. What do you like?', 'What do you do at the weekend?'],
    intermediate: [
      'What was the best thing you did last weekend?',
      'Can you help me to order in a restaurant?',
      'Ask me why I am learning this language.',
    ],
    advanced: [
      'What have you changed your mind about lately?',
      'Let’s argue: are cities better than the country?',
      'Please interview me for a job.',
    ],
  },
  es: {
    beginner: ['¡Hola! ¿Cómo estás?', 'Me gusta el café. ¿Y a ti qué te gusta?', '¿Qué haces el fin de semana?'],
    intermediate: [
      '¿Qué fue lo mejor que hiciste el fin de semana pasado?',
      '¿Me ayudas a pedir en un restaurante?',
      'Pregúntame por qué aprendo español.',
    ],
    advanced: [
      '¿Sobre qué has cambiado de opinión últimamente?',
      'Vamos a discutir: ¿se vive mejor en la ciudad que en el campo?',
      'Hazme una entrevista de trabajo, por favor.',
    ],
  },
  fr: {
    beginner: ['Bonjour ! Comment ça va ?', 'J’aime le café. Et toi, qu’est-ce que tu aimes ?', 'Que fais-tu le week-end ?'],
    intermediate: [
      'Quelle est la meilleure chose que tu as faite le week-end dernier ?',
      'Peux-tu m’aider à commander au restaurant ?',
      'Demande-moi pourquoi j’apprends le français.',
    ],
    advanced: [
      'Sur quoi as-tu changé d’avis récemment ?',
      'Débattons : vit-on mieux en ville qu’à la campagne ?',
      'Fais-moi passer un entretien d’embauche, s’il te plaît.',
    ],
  },
  it: {
    beginner: ['Ciao! Come stai?', 'Mi piace il caffè. E a te cosa piace?', 'Che cosa fai nel fine settimana?'],
    intermediate: [
      'Qual è la cosa più bella che hai fatto lo scorso fine settimana?',
      'Mi aiuti a ordinare al ristorante?',
      'Chiedimi perché studio l’italiano.',
    ],
    advanced: [
      'Su che cosa hai cambiato idea ultimamente?',
      'Discutiamo: si vive meglio in città o in campagna?',
      'Fammi un colloquio di lavoro, per favore.',
    ],
  },
  ja: {
    beginner: ['こんにちは。お元気ですか。', '私はコーヒーが好きです。あなたは何が好きですか。', '週末は何をしますか。'],
    intermediate: [
      '先週末、いちばん楽しかったことは何ですか。',
      'レストランで注文する練習を手伝ってくれますか。',
      'どうして日本語を勉強しているのか、聞いてください。',
    ],
    advanced: [
      '最近、考えが変わったことはありますか。',
      '都会と田舎、どちらが暮らしやすいか議論しましょう。',
      '就職の面接の練習をお願いします。',
    ],
  },
  pt: {
    beginner: ['Olá! Tudo bem?', 'Eu gosto de café. E você, do que gosta?', 'O que você faz no fim de semana?'],
    intermediate: [
      'Qual foi a melhor coisa que você fez no fim de semana passado?',
      'Você pode me ajudar a fazer um pedido no restaurante?',
      'Pergunte por que eu estou aprendendo português.',
    ],
    advanced: [
      'Sobre o que você mudou de ideia ultimamente?',
      'Vamos debater: vive-se melhor na cidade do que no campo?',
      'Faça uma entrevista de emprego comigo, por favor.',
    ],
  },
  zh: {
    beginner: ['你好！你最近怎么样？', '我喜欢喝咖啡。你喜欢喝什么？', '你周末做什么？'],
    intermediate: ['你上个周末最开心的事是什么？', '你能教我怎么在餐厅点菜吗？', '问问我为什么学中文。'],
    advanced: ['你最近改变了对什么事情的看法？', '我们来辩论一下：住在城市比住在农村好吗？', '请给我做一次面试。'],
  },
};

/** The sentences; none in an unlisted language. @param {string} language a BCP-47 tag @param {string} level */
export function openers(language, level) {
  return OPENERS[language.split('-')[0].toLowerCase()]?.[level] ?? [];
}
