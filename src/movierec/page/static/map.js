// @ts-check
// The map of the movies: what happens on it by mouse, finger and key.
import { announce, byId } from "./dom.js";
import { createMapPicture } from "./map_picture.js";
import { createMapView } from "./map_view.js";
import { factsOf, fullName, nameOf } from "./movies.js";

const REACH = 22; // pixels from a pointer to a movie
const MAX_MOVE = 4; // pixels; a pointer that moved more did not click
const MARGIN = 40; // pixels; a movie nearer to the edge is moved to the middle
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {any} recommender
 * @param {any} store
 * @param {(place: number) => void} openMovie
 */
export function createMap(recommender, store, openMovie) {
  const { movies } = recommender;
  const [canvas, tip] = [byId("map"), byId("tip")];
  const view = createMapView(recommender.map, movies);
  const picture = createMapPicture(canvas, movies, view);
  let [hovered, frame, moved] = [-1, 0, 0];
  let recommended = new Set();
  let isSeen = false; // else nothing is drawn
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();

  function redraw() {
    if (!isSeen) return;
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      picture.draw(store.ratings, recommended, hovered);
    });
  }

  /** @param {number} place or -1 */
  function hover(place) {
    if (place === hovered) return;
    hovered = place;
    tip.hidden = place < 0;
    canvas.style.cursor = place < 0 ? "grab" : "pointer";
    if (place >= 0) {
      tip.textContent = `${nameOf(movies[place])} · ${factsOf(movies[place], 2)}`;
      const half = tip.offsetWidth / 2 + 4;
      tip.style.left = `${Math.min(Math.max(view.x(place), half), view.width - half)}px`;
      tip.style.top = `${Math.max(view.y(place) - 16, 34)}px`;
    }
    redraw();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] the point that stays */
  function zoomBy(factor, x = view.width / 2, y = view.height / 2) {
    view.zoomBy(factor, x, y);
    changed();
  }

  function changed() {
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y"; // else a finger scrolls the page
    hover(-1);
    redraw();
  }

  /** @param {PointerEvent} event */
  function placeAt({ offsetX, offsetY }) {
    const isMarked = (/** @type {number} */ place) =>
      store.ratings.has(place) || recommended.has(place);
    return view.nearest(offsetX, offsetY, REACH, isMarked);
  }

  /** Move to the nearest movie in a direction. @param {[number, number]} direction */
  function select(direction) {
    const { width, height } = view;
    const [x, y] = hovered < 0 ? [width / 2, height / 2] : [view.x(hovered), view.y(hovered)];
    const next = view.next(x, y, direction, hovered);
    if (next < 0) return;
    const [toX, toY] = [view.x(next), view.y(next)];
    if (Math.min(toX, toY, width - toX, height - toY) < MARGIN)
      view.panBy(width / 2 - toX, height / 2 - toY);
    hover(next);
    announce(fullName(movies[next]));
  }

  canvas.addEventListener(
    "wheel",
    (/** @type {WheelEvent} */ event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls on
      event.preventDefault();
      zoomBy(
        Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.004),
        event.offsetX,
        event.offsetY,
      );
    },
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return hover(placeAt(event));
    const now = { x: event.offsetX, y: event.offsetY };
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    pointers.set(event.pointerId, now);
    moved += Math.abs(dx) + Math.abs(dy);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const distance = (/** @type {{x: number, y: number}} */ { x, y }) =>
        Math.hypot(x - other.x, y - other.y) || 1;
      zoomBy(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
      view.panBy(dx / 2, dy / 2);
    } else if (moved > MAX_MOVE) {
      view.panBy(dx, dy);
      changed();
    }
  });
  canvas.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    const place = placeAt(event);
    if (pointers.delete(event.pointerId) && moved <= MAX_MOVE && place >= 0) openMovie(place);
  });
  canvas.addEventListener("pointercancel", (/** @type {PointerEvent} */ event) =>
    pointers.delete(event.pointerId),
  );
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("blur", () => hover(-1));
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key in ARROWS) select(ARROWS[event.key]);
    else if (event.key === "+" || event.key === "=") zoomBy(1.5);
    else if (event.key === "-") zoomBy(1 / 1.5);
    else if ((event.key === "Enter" || event.key === " ") && hovered >= 0) openMovie(hovered);
    else return;
    event.preventDefault();
  });
  byId("zoom-in").addEventListener("click", () => zoomBy(1.6));
  byId("zoom-out").addEventListener("click", () => zoomBy(1 / 1.6));
  byId("zoom-all").addEventListener("click", () => (view.showAll(), changed()));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => (picture.readColours(), redraw()));
  new ResizeObserver(() => (picture.resize(), redraw())).observe(canvas);
  new IntersectionObserver(([entry]) => ((isSeen = entry.isIntersecting), redraw())).observe(canvas);

  /** Show the movies that pass the list's filters, and mark those that it recommends.
   *  @param {number[]} places @param {(place: number) => boolean} passes */
  return function show(places, passes) {
    recommended = new Set(places);
    view.isShown = passes;
    if (hovered >= 0 && !passes(hovered)) hover(-1);
    requestAnimationFrame(() => setTimeout(redraw)); // the list first
  };
}
