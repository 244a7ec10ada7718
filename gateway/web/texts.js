/**
 * The page's own texts: `texts/LANGUAGE.json`, loaded once. The learner chooses the language; at first it is the browser's.
 * To change it, save the choice and load the page again.
 */
import * as memory from './memory.js';

/** The languages of the page's texts. The first is used if the browser wants none of them. */
export const PAGE_LANGUAGES = ['en', 'es', 'fr', 'de', 'pt', 'ja'];

/** The language of the page. */
export const pageLanguage = choose(memory.pageLanguage.load(), navigator.languages ?? [navigator.language]);

/** All texts, by section and name. */
export const TEXTS = await load(pageLanguage);

const plurals = new Intl.PluralRules(pageLanguage);

/**
 * The chosen language, or else the first of the browser's languages for which the page has texts.
 * @param {string|null} chosen
 */
export function choose(chosen, wanted) {
  const known = (tag) => PAGE_LANGUAGES.find((language) => language === tag?.split('-')[0].toLowerCase());
  return [chosen, ...wanted].map(known).find(Boolean) ?? PAGE_LANGUAGES[0];
}

/** `text` with its placeholders filled in: `{name}` becomes `values.name`. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/gu, (all, name) => (name in values ? String(values[name]) : all));
}

/**
 * The form of a text for a number, filled in. `{count}` is the number as the page's language writes it.
 * @param {{one: string, other: string}} forms @param {number} count
 */
export function counted(forms, count, values = {}) {
  return fill(forms[plurals.select(count)] ?? forms.other, { count: number(count), ...values });
}

/** 1.26 → "1.3", 12.6 → "13", null → null, as the page's language writes numbers. */
export function number(value) {
  if (!Number.isFinite(value)) return null;
  const digits = value < 10 && !Number.isInteger(value) ? 1 : 0;
  return value.toLocaleString(pageLanguage, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Write the texts into the HTML: each `data-text`, `data-label` and `data-placeholder` names a text, as in `page.send`. */
export function writeInto(document) {
  document.documentElement.lang = pageLanguage;
  for (const [attribute, write] of Object.entries(WRITERS)) {
    for (const element of document.querySelectorAll(`[data-${attribute}]`)) write(element, named(element.dataset[attribute]));
  }
}

const WRITERS = {
  text: (element, text) => element.replaceChildren(text),
  label: (element, text) => element.setAttribute('aria-label', text),
  placeholder: (element, text) => element.setAttribute('placeholder', text),
};

function named(path) {
  return path.split('.').reduce((texts, name) => texts[name], TEXTS);
}

async function load(language) {
  const response = await fetch(new URL(`./texts/${language}.json`, import.meta.url));
  return response.json();
}
