// @ts-check
// Draws the map: dots in the colour of a genre, marks, and titles where there is room.
import { hueOf, nameOf } from "./movies.js";

const MAX_NAMED = 400; // of the movies in view, the most rated may show their titles

/**
 * @param {any} canvas
 * @param {import("./movies.js").Movie[]} movies
 * @param {any} view of createMapView
 */
export function createMapPicture(canvas, movies, view) {
  const context = canvas.getContext("2d");
  const hues = movies.map(hueOf);
  const colours = new Map();

  function readColours() {
    const style = getComputedStyle(canvas);
    for (const name of ["ink", "muted", "card", "star", "accent", "dot-light"]) {
      colours.set(name, style.getPropertyValue(`--${name}`).trim());
    }
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = [view.width * ratio, view.height * ratio];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  /**
   * @param {Map<number, number>} ratings
   * @param {Set<number>} recommended
   * @param {number} hovered a place, or -1
   */
  function draw(ratings, recommended, hovered) {
    const { width, height } = view;
    context.clearRect(0, 0, width, height);
    const radius = Math.min(2.2 + Math.log2(view.zoom) * 0.8, 7);
    /** @type {number[]} */
    const visible = [];
    /** @type {Map<number, Path2D>} */
    const dots = new Map(); // one path of each colour, which is fast
    for (let place = 0; place < movies.length; place++) {
      const [x, y] = [view.x(place), view.y(place)];
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
      if (!view.isShown(place)) continue;
      visible.push(place);
      if (ratings.has(place) || recommended.has(place)) continue;
      const path = dots.get(hues[place]) ?? new Path2D();
      dots.set(hues[place], path);
      path.moveTo(x, y);
      path.arc(x, y, radius * sizeOf(place), 0, 7);
    }
    context.globalAlpha = 0.8;
    dots.forEach((path, hue) => {
      context.fillStyle = `hsl(${hue} 60% ${colours.get("dot-light")})`;
      context.fill(path);
    });
    context.globalAlpha = 1;
    for (const place of visible) if (recommended.has(place)) mark(place, "accent", radius + 3);
    for (const place of visible) if (ratings.has(place)) mark(place, "star", radius + 4);
    if (hovered >= 0) {
      context.strokeStyle = colours.get("ink");
      context.beginPath();
      context.arc(view.x(hovered), view.y(hovered), radius + 7, 0, 7);
      context.stroke();
    }
    // Your own first, then recommended, then well-known movies.
    const rank = (/** @type {number} */ place) =>
      ratings.has(place) ? 0 : recommended.has(place) ? 1 : 2;
    const named = visible.filter((place, at) => at < MAX_NAMED || rank(place) < 2);
    label(
      named.sort((a, b) => rank(a) - rank(b) || a - b),
      (place) => rank(place) < 2,
    );
  }

  /** @param {number} place */
  const sizeOf = (place) =>
    0.75 + 0.75 * Math.sqrt(movies[place].nRatings / (movies[0].nRatings || 1));

  /** @param {number} place @param {"star" | "accent"} colour @param {number} radius */
  function mark(place, colour, radius) {
    const [x, y] = [view.x(place), view.y(place)];
    context.fillStyle = colours.get(colour);
    context.strokeStyle = colours.get("card");
    context.lineWidth = 2;
    context.beginPath();
    if (colour === "accent") context.arc(x, y, radius, 0, 7);
    for (let corner = 0; colour === "star" && corner < 10; corner++) {
      const [angle, length] = [
        (corner * Math.PI) / 5 - Math.PI / 2,
        radius * (corner % 2 ? 0.63 : 1.4),
      ];
      context.lineTo(x + length * Math.cos(angle), y + length * Math.sin(angle));
    }
    context.closePath();
    context.fill();
    context.stroke();
  }

  /**
   * Titles where they overlap no other.
   * @param {number[]} places the most important first
   * @param {(place: number) => boolean} isMarked
   */
  function label(places, isMarked) {
    const { width, height, zoom } = view;
    /** @type {[number, number, number, number][]} */
    const taken = [];
    context.textAlign = "center";
    context.lineJoin = "round";
    const most = Math.max(14, Math.min(60, (width * height) / 14000)) * (zoom > 2 ? 1.5 : 1);
    for (const place of places) {
      if (taken.length > most) break;
      context.font = `${isMarked(place) ? 600 : 400} 12px system-ui, sans-serif`;
      const name = shortTitle(nameOf(movies[place]));
      const half = context.measureText(name).width / 2 + 4;
      const [x, y] = [view.x(place), view.y(place) + (isMarked(place) ? 22 : 17)];
      const isFree = taken.every(
        ([left, right, top, bottom]) =>
          x + half <= left || x - half >= right || y <= top || y - 14 >= bottom,
      );
      if (!isFree || x - half < 0 || x + half > width || y > height - 4) continue;
      taken.push([x - half, x + half, y - 14, y + 2]);
      context.strokeStyle = colours.get("card");
      context.lineWidth = 3;
      context.strokeText(name, x, y);
      context.fillStyle = colours.get(isMarked(place) ? "ink" : "muted");
      context.fillText(name, x, y);
    }
  }

  readColours();
  return { draw, readColours, resize };
}

/** @param {string} title */
function shortTitle(title) {
  return title.length > 28 ? `${title.slice(0, 26).trimEnd()}…` : title;
}
