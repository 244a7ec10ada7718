/** Building blocks for the views. Text becomes text nodes, so nobody's words can become markup. */
const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} name of an HTML element
 * @param {Object<string, string|number|boolean|null|undefined>} [attributes] null, undefined and false are left out
 * @param {...(Node|string|null|undefined|false)} children
 */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Change the text only if it differs, so that a screen reader doesn't read it twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
