/** Reads sentences that have no recording, with a voice of the learner's own device. Nothing is sent to anyone. */

/** @returns {SpeechSynthesisVoice|null} a voice of this device for the language */
export function deviceVoice(language) {
  const voices = globalThis.speechSynthesis?.getVoices() ?? [];
  const main = language.split('-')[0].toLowerCase();
  return voices.find((voice) => voice.localService && voice.lang.toLowerCase().split(/[-_]/u)[0] === main) ?? null;
}

/** @param {string} text @param {SpeechSynthesisVoice} voice @param {(reading: boolean) => void} onChange */
export function readAloud(text, voice, onChange) {
  speechSynthesis.cancel();
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.voice = voice;
  utterance.lang = voice.lang;
  utterance.rate = 0.9;
  utterance.onend = utterance.onerror = () => onChange(false);
  onChange(true);
  speechSynthesis.speak(utterance);
}

export function stopReading() {
  globalThis.speechSynthesis?.cancel();
}
