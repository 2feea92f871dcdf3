// @ts-check
// Share ratings as a link or a file, and import them from one.
import { byId, count, dialogHead, el, openDialog, toast } from "./dom.js";
import { readRatings, parseCsv, readText } from "./import.js";
import { createMatcher } from "./match.js";
import { toCsv, toFragment } from "./store.js";

/** @param {any} recommender @param {any} store */
export function createShare(recommender, store) {
  const { movies } = recommender;
  const here = () => location.href.split("#")[0];

  byId("share").addEventListener("click", () => {
    const dialog = byId("share-dialog");
    const link = here() + toFragment(movies, store.ratings);
    const field = el("input", {
      id: "link",
      type: "text",
      readonly: true,
      value: link,
      onfocus: (/** @type {any} */ event) => event.target.select(),
    });
    const copy = el(
      "button",
      { type: "button", class: "main", onclick: () => copyLink(field) },
      "Copy the link",
    );
    const isLocal = location.protocol === "file:";
    dialog.replaceChildren(
      dialogHead("share-title", "Share your ratings"),
      el(
        "p",
        {},
        `This link contains your ${count(store.ratings.size, "rating")}, and nothing else about you. Whoever opens it sees what you rated and what is recommended to you.`,
      ),
      el("label", { for: "link" }, "Link"),
      el("div", { class: "copy" }, field, copy),
      ...(isLocal
        ? [
            el(
              "p",
              { class: "note" },
              "You opened this page as a file, so the link works on this device only.",
            ),
          ]
        : []),
    );
    openDialog(dialog);
    copy.focus();
  });

  /** @param {any} field */
  function copyLink(field) {
    const done = () => toast("Link copied.");
    const byHand = () => {
      field.focus();
      toast(document.execCommand("copy") ? "Link copied." : "Press Ctrl+C to copy the link.");
    };
    if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(done, byHand);
    else byHand();
  }

  byId("csv").addEventListener("click", () => {
    const url = URL.createObjectURL(
      new Blob(["\ufeff", toCsv(movies, store.ratings)], { type: "text/csv" }),
    );
    el("a", { href: url, download: "movierec-ratings.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
}

/** @param {any} recommender @param {any} store */
export function createImport(recommender, store) {
  const { movies, scale } = recommender;
  const file = byId("file");
  const drop = byId("drop");
  byId("import").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files[0]) read(file.files[0]);
    file.value = "";
  });
  const hasFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    drop.hidden = true;
    const dropped = event.dataTransfer?.files[0];
    if (dropped) read(dropped);
  });

  /** @param {File} source */
  function read(source) {
    readText(source)
      .then((text) => use(source.name, readRatings(parseCsv(text.replace(/^\ufeff/, "")), scale)))
      .catch((error) =>
        report(
          "Nothing was imported",
          el("p", { dir: "auto" }, `${source.name}: ${error.message}.`),
        ),
      );
  }

  /** @param {string} name @param {ReturnType<typeof readRatings>} found */
  function use(name, { format, ratings, skipped }) {
    const before = store.ratings;
    const { match } = createMatcher(movies);
    const ids = new Map(
      movies.map((/** @type {any} */ movie, /** @type {number} */ place) => [
        `${movie.id} ${movie.title}`,
        place,
      ]),
    );
    const next = new Map(before);
    /** @type {Map<number, number>} */
    const matched = new Map();
    let nAgain = 0;
    /** @type {string[]} */
    const unmatched = [];
    for (const { titles, year, rating, id } of ratings) {
      const place = ids.get(`${id} ${titles[0]}`) ?? match(titles, year).place;
      if (place === null)
        unmatched.push(titles[0] + (year && !titles[0].endsWith(`(${year})`) ? ` (${year})` : ""));
      else {
        if (matched.has(place)) nAgain++;
        matched.set(place, rating);
      }
    }
    matched.forEach((rating, place) => next.set(place, rating));
    if (matched.size) {
      store.replace(next);
    }
    const undo = () => (store.replace(before), byId("import-dialog").close());
    const notes = [...skipped].map(([reason, n]) => `${count(n, "row")} skipped: ${reason}.`);
    if (nAgain) notes.push(`${count(nAgain, "row")} skipped: a later row rates the same movie.`);
    const lastYear = movies.reduce(
      (/** @type {number} */ last, /** @type {any} */ movie) => Math.max(last, movie.year ?? 0),
      0,
    );
    report(
      matched.size ? `${count(matched.size, "rating")} imported` : "Nothing was imported",
      el(
        "p",
        { dir: "auto" },
        `${name} (${format}): ${matched.size} of ${count(ratings.length, "rated movie")} found.`,
      ),
      ...notes.map((note) => el("p", { class: "note" }, note)),
      ...(matched.size
        ? [el("p", {}, el("button", { type: "button", onclick: undo }, "Undo the import"))]
        : []),
      ...(unmatched.length
        ? [
            el("h3", {}, `Not in this page (${unmatched.length.toLocaleString("en")})`),
            el("p", { class: "note" }, lastYear ? `Its movies end in ${lastYear}.` : ""),
            el(
              "ul",
              {
                class: "unmatched",
                tabindex: "0",
                "aria-label": "Movies that are not in this page",
              },
              ...unmatched.map((title) => el("li", { dir: "auto" }, title)),
            ),
          ]
        : []),
    );
  }

  /** @param {string} title @param {...Node} content */
  function report(title, ...content) {
    const dialog = byId("import-dialog");
    dialog.replaceChildren(dialogHead("import-title", title), ...content);
    openDialog(dialog);
    byId("import-title").focus();
  }
}
