// @ts-check
// Elements from code: every string becomes a text node, so a title is never read as HTML.

/**
 * An element with attributes, listeners ("onclick") and children.
 * @param {string} tag
 * @param {Record<string, any>} [attributes] false and null: left out; true: without a value
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style")
      Object.entries(value).forEach(([key, to]) => element.style.setProperty(key, to));
    else if (value !== false && value !== null)
      element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/** The element with this id, which index.html contains. @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/** "1 rating", "1,234 ratings". @param {number} n @param {string} noun */
export function count(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

/** Tell screen readers, once the page is still. @param {string} text */
export function announce(text) {
  clearTimeout(announcing);
  announcing = window.setTimeout(() => (byId("status").textContent = text), 300);
}
let announcing = 0;

/** Show a message for a while, with a way back. @param {string} text @param {() => void} [undo] */
export function toast(text, undo) {
  clearTimeout(toasting);
  const box = byId("toast");
  const close = () => box.replaceChildren();
  box.replaceChildren(el("span", { dir: "auto" }, text));
  if (undo) box.append(el("button", { type: "button", onclick: () => (close(), undo()) }, "Undo"));
  toasting = window.setTimeout(close, 8000);
}
let toasting = 0;

/** A dialog's head with its close button. @param {string} id @param {...(Node | string)} title */
export function dialogHead(id, ...title) {
  const close = (/** @type {Event} */ event) =>
    /** @type {any} */ (event.target).closest("dialog").close();
  return el(
    "header",
    {},
    el("h2", { id, tabindex: "-1", dir: "auto" }, ...title),
    el(
      "button",
      { type: "button", class: "quiet close", "aria-label": "Close", onclick: close },
      "✕",
    ),
  );
}

/** Open a dialog; a click outside closes it. @param {any} dialog */
export function openDialog(dialog) {
  const opener = document.activeElement;
  dialog.onclick = (/** @type {Event} */ event) => event.target === dialog && dialog.close();
  if (!dialog.open) {
    // The list may have been drawn again meanwhile.
    dialog.onclose = () => opener?.isConnected || byId("recommended").focus({ preventScroll: true });
    dialog.showModal();
  }
  dialog.scrollTop = 0;
}
