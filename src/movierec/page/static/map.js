// @ts-check
// A map of the movies on a canvas: pan, zoom, titles where there is room.
import { announce, byId } from "./dom.js";
import { factsOf, fullName, hueOf, nameOf } from "./movies.js";

const MAX_ZOOM = 60;
const REACH = 22; // pixels from a pointer to a movie
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {any} recommender
 * @param {any} store
 * @param {(place: number) => void} openMovie
 */
export function createMap(recommender, store, openMovie) {
  const { movies, map } = recommender;
  const canvas = byId("map");
  const tip = byId("tip");
  const context = canvas.getContext("2d");
  const colours = new Map();
  const xy = spreadOut(map, movies);
  const hues = movies.map(hueOf);
  let [width, height, zoom, centreX, centreY] = [0, 0, 1, 0.5, 0.5];
  let [hovered, frame] = [-1, 0];
  let recommended = new Set();
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let moved = 0;

  const screenX = (/** @type {number} */ place) => (xy[2 * place] - centreX) * width * zoom + width / 2;
  const screenY = (/** @type {number} */ place) => (xy[2 * place + 1] - centreY) * height * zoom + height / 2;

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    [width, height] = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = [width * ratio, height * ratio];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    redraw();
  }

  function redraw() {
    if (!frame) frame = requestAnimationFrame(draw);
  }

  function readColours() {
    const style = getComputedStyle(canvas);
    for (const name of ["ink", "muted", "card", "star", "accent", "dot-light"]) colours.set(name, style.getPropertyValue(`--${name}`).trim());
  }

  function draw() {
    frame = 0;
    context.clearRect(0, 0, width, height);
    const light = colours.get("dot-light");
    const radius = Math.min(2.2 + Math.log2(zoom) * 0.8, 7);
    /** @type {number[]} */
    const visible = [];
    /** @type {Map<number, Path2D>} */
    const dots = new Map(); // one path of each colour, which is fast
    for (let place = movies.length - 1; place >= 0; place--) {
      const [x, y] = [screenX(place), screenY(place)];
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
      visible.push(place);
      if (store.ratings.has(place) || recommended.has(place)) continue;
      const path = dots.get(hues[place]) ?? new Path2D();
      dots.set(hues[place], path);
      path.moveTo(x, y);
      path.arc(x, y, radius * sizeOf(place), 0, 7);
    }
    context.globalAlpha = 0.8;
    dots.forEach((path, hue) => {
      context.fillStyle = `hsl(${hue} 60% ${light})`;
      context.fill(path);
    });
    context.globalAlpha = 1;
    for (const place of visible) if (recommended.has(place)) mark(place, "accent", radius + 3);
    for (const place of visible) if (store.ratings.has(place)) mark(place, "star", radius + 4);
    if (hovered >= 0) ring(hovered, radius + 7);
    label(visible.reverse());
  }

  /** @param {number} place */
  const sizeOf = (place) => 0.75 + 0.75 * Math.sqrt(movies[place].nRatings / (movies[0].nRatings || 1));

  /** @param {number} place @param {string} colour @param {number} radius */
  function mark(place, colour, radius) {
    context.fillStyle = colours.get(colour);
    context.strokeStyle = colours.get("card");
    context.lineWidth = 2;
    context.beginPath();
    if (colour === "star") starPath(screenX(place), screenY(place), radius * 1.4);
    else context.arc(screenX(place), screenY(place), radius, 0, 7);
    context.fill();
    context.stroke();
  }

  /** @param {number} x @param {number} y @param {number} radius */
  function starPath(x, y, radius) {
    for (let corner = 0; corner < 10; corner++) {
      const [angle, length] = [(corner * Math.PI) / 5 - Math.PI / 2, corner % 2 ? radius * 0.45 : radius];
      context.lineTo(x + length * Math.cos(angle), y + length * Math.sin(angle));
    }
    context.closePath();
  }

  /** @param {number} place @param {number} radius */
  function ring(place, radius) {
    context.strokeStyle = colours.get("ink");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(screenX(place), screenY(place), radius, 0, 7);
    context.stroke();
  }

  /** Titles where they don't overlap: your own first, then recommended, then well-known movies. @param {number[]} visible */
  function label(visible) {
    /** @type {[number, number, number, number][]} */
    const taken = [];
    const weight = (/** @type {number} */ place) => (store.ratings.has(place) ? 0 : recommended.has(place) ? 1 : 2);
    const wanted = visible.slice(0, 400).concat(visible.slice(400).filter((place) => weight(place) < 2));
    wanted.sort((a, b) => weight(a) - weight(b) || a - b);
    context.textAlign = "center";
    context.lineJoin = "round";
    const most = Math.max(8, Math.min(60, (width * height) / 14000)) * (zoom > 2 ? 1.5 : 1);
    for (const place of wanted) {
      if (taken.length > most) break;
      const isMarked = weight(place) < 2;
      context.font = `${isMarked ? 600 : 400} 12px system-ui, sans-serif`;
      const name = shortTitle(nameOf(movies[place]));
      const half = context.measureText(name).width / 2 + 4;
      const [x, y] = [screenX(place), screenY(place) + (isMarked ? 22 : 17)];
      if (x - half < 0 || x + half > width || y > height - 4) continue;
      if (taken.some(([left, right, top, bottom]) => x + half > left && x - half < right && y > top && y - 14 < bottom)) continue;
      taken.push([x - half, x + half, y - 14, y + 2]);
      context.strokeStyle = colours.get("card");
      context.lineWidth = 3;
      context.strokeText(name, x, y);
      context.fillStyle = colours.get(isMarked ? "ink" : "muted");
      context.fillText(name, x, y);
    }
  }

  /** The movie at a point of the canvas, or -1. @param {number} x @param {number} y */
  function at(x, y) {
    let [nearestPlace, least] = [-1, REACH ** 2];
    for (let place = 0; place < movies.length; place++) {
      const bonus = store.ratings.has(place) || recommended.has(place) ? 0.5 : 1;
      const distance = ((screenX(place) - x) ** 2 + (screenY(place) - y) ** 2) * bonus;
      if (distance < least) [nearestPlace, least] = [place, distance];
    }
    return nearestPlace;
  }

  /** @param {number} place */
  function hover(place) {
    if (place === hovered) return;
    hovered = place;
    tip.hidden = place < 0;
    canvas.style.cursor = place < 0 ? "grab" : "pointer";
    if (place >= 0) {
      tip.textContent = `${nameOf(movies[place])} · ${factsOf(movies[place], 2)}`;
      const half = tip.offsetWidth / 2 + 4;
      tip.style.left = `${Math.min(Math.max(screenX(place), half), width - half)}px`;
      tip.style.top = `${Math.max(screenY(place) - 16, 34)}px`;
    }
    redraw();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] the point that stays */
  function zoomBy(factor, x = width / 2, y = height / 2) {
    const next = Math.min(Math.max(zoom * factor, 0.8), MAX_ZOOM);
    const change = 1 / zoom - 1 / next;
    centreX += (x / width - 0.5) * change;
    centreY += (y / height - 0.5) * change;
    zoom = next;
    hover(-1);
    redraw();
  }

  /** @param {number} dx @param {number} dy */
  function panBy(dx, dy) {
    centreX = Math.min(Math.max(centreX - dx / (width * zoom), 0), 1);
    centreY = Math.min(Math.max(centreY - dy / (height * zoom), 0), 1);
    redraw();
  }

  canvas.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    event.preventDefault();
    zoomBy(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 60) * 0.004), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return hover(at(event.offsetX, event.offsetY));
    const [dx, dy] = [event.offsetX - before.x, event.offsetY - before.y];
    moved += Math.abs(dx) + Math.abs(dy);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
      const reach = (/** @type {{x: number, y: number}} */ one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
      zoomBy(reach({ x: event.offsetX, y: event.offsetY }) / reach(before), (event.offsetX + other.x) / 2, (event.offsetY + other.y) / 2);
      panBy(dx / 2, dy / 2);
    } else if (moved > 4) {
      hover(-1);
      panBy(dx, dy);
    }
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  });
  canvas.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    const place = at(event.offsetX, event.offsetY);
    if (pointers.delete(event.pointerId) && moved <= 4 && place >= 0) openMovie(place);
  });
  canvas.addEventListener("pointercancel", (/** @type {PointerEvent} */ event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => hover(-1));
  canvas.addEventListener("blur", () => hover(-1));
  canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const arrow = /** @type {any} */ (ARROWS)[event.key];
    if (arrow) select(arrow);
    else if (event.key === "+" || event.key === "=") zoomBy(1.5);
    else if (event.key === "-") zoomBy(1 / 1.5);
    else if ((event.key === "Enter" || event.key === " ") && hovered >= 0) openMovie(hovered);
    else return;
    event.preventDefault();
  });

  /** Move to the nearest movie in a direction. @param {[number, number]} direction */
  function select([toX, toY]) {
    const [x, y] = hovered < 0 ? [width / 2, height / 2] : [screenX(hovered), screenY(hovered)];
    let [next, least] = [-1, Infinity];
    for (let place = 0; place < movies.length; place++) {
      const [dx, dy] = [screenX(place) - x, screenY(place) - y];
      const [along, aside] = [dx * toX + dy * toY, Math.abs(dx * toY) + Math.abs(dy * toX)];
      if (place === hovered || along < 4 || aside > along) continue;
      const distance = along + 2 * aside;
      if (distance < least) [next, least] = [place, distance];
    }
    if (next < 0) return;
    const [newX, newY] = [screenX(next), screenY(next)];
    if (newX < 20 || newY < 40 || newX > width - 20 || newY > height - 20) panBy(width / 2 - newX, height / 2 - newY);
    hover(next);
    announce(fullName(movies[next]));
  }

  byId("zoom-in").addEventListener("click", () => zoomBy(1.6));
  byId("zoom-out").addEventListener("click", () => zoomBy(1 / 1.6));
  byId("zoom-all").addEventListener("click", () => {
    [zoom, centreX, centreY] = [1, 0.5, 0.5];
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (readColours(), redraw()));
  new ResizeObserver(resize).observe(canvas);
  readColours();

  return {
    /** @param {number[]} places */
    recommend(places) {
      recommended = new Set(places);
      redraw();
    },
    /** Where a movie is on the canvas. @param {number} place */
    pointOf: (place) => ({ x: screenX(place), y: screenY(place) }),
  };
}

/** @param {string} title */
function shortTitle(title) {
  return title.length > 28 ? `${title.slice(0, 26).trimEnd()}…` : title;
}

/**
 * Coordinates from 0 to 1 that use the space well: between the values, and the ratings of the movies
 * before, which give well-known movies more room.
 * @param {ArrayLike<number>} map x, y of each movie
 * @param {import("./movies.js").Movie[]} movies
 */
function spreadOut(map, movies) {
  const xy = new Float32Array(2 * movies.length);
  const room = movies.map(({ nRatings }) => Math.sqrt(nRatings));
  const allRoom = room.reduce((sum, one) => sum + one, 0) || 1;
  for (const axis of [0, 1]) {
    const value = (/** @type {number} */ place) => map[2 * place + axis];
    const order = [...movies.keys()].sort((a, b) => value(a) - value(b));
    const [low, high] = [value(order[0]), value(order[order.length - 1])];
    let before = 0;
    for (const place of order) {
      const share = (value(place) - low) / (high - low || 1);
      xy[2 * place + axis] = 0.04 + 0.92 * (0.25 * share + (0.75 * (before + room[place] / 2)) / allRoom);
      before += room[place];
    }
  }
  return xy;
}
