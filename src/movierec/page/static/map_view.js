// @ts-check
// Which part of the map is on the canvas.

const MIN_ZOOM = 0.8;
const MAX_ZOOM = 60;

/**
 * The movies' places on a canvas that can be moved and zoomed.
 * @param {ArrayLike<number>} map x, y of each movie
 * @param {import("./movies.js").Movie[]} movies
 */
export function createMapView(map, movies) {
  const xy = spreadOut(map, movies);
  let [centreX, centreY] = [0.5, 0.5];
  const view = {
    width: 0,
    height: 0,
    zoom: 1,
    /** @type {(place: number) => boolean} */
    isShown: () => true,
    /** @param {number} place */
    x: (place) => (xy[2 * place] - centreX) * view.width * view.zoom + view.width / 2,
    /** @param {number} place */
    y: (place) => (xy[2 * place + 1] - centreY) * view.height * view.zoom + view.height / 2,
    /** @param {number} factor @param {number} x @param {number} y the point that stays */
    zoomBy(factor, x, y) {
      const zoom = Math.min(Math.max(view.zoom * factor, MIN_ZOOM), MAX_ZOOM);
      const change = 1 / view.zoom - 1 / zoom;
      centreX += (x / view.width - 0.5) * change;
      centreY += (y / view.height - 0.5) * change;
      view.zoom = zoom;
    },
    /** @param {number} dx @param {number} dy */
    panBy(dx, dy) {
      centreX = Math.min(Math.max(centreX - dx / (view.width * view.zoom), 0), 1);
      centreY = Math.min(Math.max(centreY - dy / (view.height * view.zoom), 0), 1);
    },
    showAll() {
      [view.zoom, centreX, centreY] = [1, 0.5, 0.5];
    },
    /**
     * The movie nearest to a point, or -1.
     * @param {number} x @param {number} y
     * @param {number} reach pixels
     * @param {(place: number) => boolean} isMarked marked movies are easier to hit
     */
    nearest(x, y, reach, isMarked) {
      let [place, least] = [-1, reach ** 2];
      for (let other = 0; other < movies.length; other++) {
        if (!view.isShown(other)) continue;
        const squared = (view.x(other) - x) ** 2 + (view.y(other) - y) ** 2;
        const distance = isMarked(other) ? squared / 2 : squared;
        if (distance < least) [place, least] = [other, distance];
      }
      return place;
    },
    /**
     * The movie nearest to a point in a direction, or -1.
     * @param {number} x @param {number} y @param {[number, number]} direction
     * @param {number} from not this one
     */
    next(x, y, [toX, toY], from) {
      let [place, least] = [-1, Infinity];
      for (let other = 0; other < movies.length; other++) {
        const [dx, dy] = [view.x(other) - x, view.y(other) - y];
        const [along, aside] = [dx * toX + dy * toY, Math.abs(dx * toY) + Math.abs(dy * toX)];
        if (other === from || along < 4 || aside > along || along + 2 * aside >= least) continue;
        if (!view.isShown(other)) continue;
        [place, least] = [other, along + 2 * aside];
      }
      return place;
    },
  };
  return view;
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
      xy[2 * place + axis] =
        0.04 + 0.92 * (0.25 * share + (0.75 * (before + room[place] / 2)) / allRoom);
      before += room[place];
    }
  }
  return xy;
}
