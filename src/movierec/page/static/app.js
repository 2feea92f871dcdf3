// @ts-check
// The page: everything on it, and what happens when a rating changes.
import { showAbout } from "./about.js";
import { announce, byId, el, toast } from "./dom.js";
import { createList } from "./list.js";
import { createMap } from "./map.js";
import { createMovieDialog } from "./movie.js";
import { cover, fullName, nameOf } from "./movies.js";
import { unpack } from "./packing.js";
import { createRaters, starsText } from "./rate.js";
import { createRecommender } from "./recommender.js";
import { createSearchBox } from "./search_box.js";
import { createImport, createShare } from "./share.js";
import { createStart } from "./start.js";
import { createStore, fromFragment } from "./store.js";

const recommender = createRecommender(await unpack(byId("data").textContent));
const { movies, scale } = recommender;
Object.assign(globalThis, { recommender }); // for the console
const storageKey = `movierec ${recommender.about.dataset ?? ""}`;
const settings = { thumbs: false };
const store = createStore(movies, storageKey);
const rater = createRaters(store, movies, scale, settings);
const openMovie = createMovieDialog(recommender, store, rater);
const list = createList(recommender, store, rater, openMovie);
const start = createStart(recommender, rater, openMovie, useExample);
createSearchBox(recommender, rater, openMovie);
createShare(recommender, store);
createImport(recommender, store);
showAbout(recommender);

/** Your ratings, the latest first; only the rows that changed are drawn again. */
function showRatings() {
  const rows = new Map(
    [...byId("ratings").children].map((row) => [/** @type {any} */ (row).place, row]),
  );
  const places = [...store.ratings.keys()].reverse();
  for (const [place, row] of rows) {
    if (store.ratings.has(place)) continue;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    if (row.contains(document.activeElement))
      (next?.querySelector("button") ?? byId("search")).focus();
    row.remove();
  }
  places.forEach((place, at) => {
    const row = rows.get(place) ?? ratingRow(place);
    const current = byId("ratings").children[at];
    if (current !== row) byId("ratings").insertBefore(row, current ?? null);
  });
  byId("n-ratings").textContent = String(places.length);
  byId("mine-empty").hidden = places.length > 0;
  for (const id of ["share", "csv", "clear"]) byId(id).disabled = !places.length;
}

/** @param {number} place */
function ratingRow(place) {
  const title = el(
    "button",
    { type: "button", class: "title", onclick: () => openMovie(place), dir: "auto" },
    nameOf(movies[place]),
  );
  const row = el("li", {}, cover(movies[place], true), title, rater(place));
  row.place = place;
  return row;
}

/** @param {string} name @param {Map<number, number>} ratings */
function useExample(name, ratings) {
  const before = store.ratings;
  store.replace(ratings);
  toast(`You see an example taste: ${name}.`, () => store.replace(before));
}

store.subscribe((place) => {
  showRatings();
  const shown = list.refresh();
  const rating = place === null ? undefined : store.ratings.get(place);
  const change =
    place === null
      ? ""
      : `${fullName(movies[place])}: ${rating === undefined ? "rating removed" : starsText(rating)}. `;
  announce(
    `${change}${shown.length ? `First in the list: ${fullName(movies[shown[0].place])}` : ""}`,
  );
});

byId("clear").addEventListener("click", () => {
  const before = store.ratings;
  store.replace(new Map());
  toast("All ratings removed.", () => store.replace(before));
});

byId("thumbs").addEventListener("change", () => {
  settings.thumbs = byId("thumbs").checked;
  try {
    localStorage.setItem(`${storageKey} thumbs`, settings.thumbs ? "1" : "");
  } catch {}
  drawAll();
});

function drawAll() {
  start.draw();
  byId("ratings").replaceChildren();
  showRatings();
  list.refresh(true);
}

/** The ratings of a link are shown, but replace your own only when you say so. */
function showLink() {
  const pairs = fromFragment(location.hash, scale);
  const note = byId("link-note");
  if (!pairs) return false;
  const own = store.load();
  const linked = store.byPlace(pairs);
  const leave = (/** @type {Map<number, number>} */ ratings) => {
    history.replaceState(null, "", location.pathname + location.search);
    note.hidden = true;
    store.save(true);
    store.replace(ratings);
  };
  store.save(false);
  const nUnknown = pairs.length - linked.size;
  note.hidden = false;
  note.replaceChildren(
    `You see ratings from a link${nUnknown ? `, without ${nUnknown} of movies that are not in this page` : ""}. `,
    el("button", { type: "button", onclick: () => leave(store.ratings) }, "Keep them as mine"),
    el(
      "button",
      { type: "button", onclick: () => leave(own) },
      own.size ? "Back to my ratings" : "Start without them",
    ),
  );
  store.replace(linked);
  return true;
}

try {
  settings.thumbs = localStorage.getItem(`${storageKey} thumbs`) === "1";
} catch {}
document
  .querySelector('a[href="#mine"]')
  ?.addEventListener("click", () => (byId("mine").open = true));
byId("thumbs").checked = settings.thumbs;
if (settings.thumbs) start.draw();
if (matchMedia("(max-width: 900px)").matches) byId("mine").open = false;
if (!showLink()) store.replace(store.load());
byId("start").open = !store.ratings.size;
addEventListener("hashchange", () => showLink());
document.documentElement.classList.remove("opening");

requestAnimationFrame(() => {
  list.onChange(createMap(recommender, store, openMovie));
});
