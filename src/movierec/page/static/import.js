// @ts-check
// Read ratings that another site exported: Letterboxd, IMDb, or a CSV with title and rating.

const MAX_BYTES = 64e6;
const MOVIE_TYPES = new Set([
  "movie",
  "film",
  "featurefilm",
  "documentary",
  "short",
  "shortfilm",
  "video",
  "tvmovie",
  "tvshort",
  "tvspecial",
]);

/** Formats by their columns, the surest first; ratings without a scale are on this page's. */
const RATING_FORMATS = [
  { name: "IMDb", needs: ["const", "yourrating", "title"], rating: "yourrating", scale: [1, 10] },
  { name: "IMDb", needs: ["const", "yourated", "title"], rating: "yourated", scale: [1, 10] },
  { name: "TMDB", needs: ["tmdbid", "name", "yourrating"], rating: "yourrating", scale: [0.5, 10] },
  { name: "Trakt", needs: ["traktid", "title", "rating"], rating: "rating", scale: [1, 10] },
  {
    name: "Letterboxd",
    needs: ["letterboxduri", "name", "rating"],
    rating: "rating",
    scale: [0.5, 5],
  },
  { name: "Letterboxd import", needs: ["title", "rating10"], rating: "rating10", scale: [1, 10] },
  {
    name: "movielens.org",
    needs: ["movieid", "title", "rating", "averagerating"],
    rating: "rating",
    scale: [0.5, 5],
  },
  ...["yourrating", "myrating", "rating", "stars", "score"].flatMap((rating) =>
    ["title", "name", "movie", "film"].map((title) => ({
      name: "CSV",
      needs: [title, rating],
      rating,
      scale: null,
    })),
  ),
];

/**
 * The cells of a CSV: quotes, separators "," ";" or tab, any line ends.
 * @param {string} text
 * @returns {string[][]}
 */
export function parseCsv(text) {
  const firstLine = text.slice(0, text.search(/[\r\n]|$/));
  const separator = [",", ";", "\t"].reduce((best, one) =>
    firstLine.split(one).length > firstLine.split(best).length ? one : best,
  );
  /** @type {string[][]} */
  const rows = [];
  /** @type {string[]} */
  let row = [];
  let [cell, isQuoted, at] = ["", false, 0];
  const endRow = () => {
    row.push(cell);
    if (row.some((value) => value.trim())) rows.push(row);
    [row, cell] = [[], ""];
  };
  for (; at < text.length; at++) {
    const letter = text[at];
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') cell += text[++at];
      else isQuoted = false;
    } else if (letter === '"' && !cell.trim()) [cell, isQuoted] = ["", true];
    else if (letter === separator) (row.push(cell), (cell = ""));
    else if (letter === "\n" || letter === "\r") endRow();
    else cell += letter;
  }
  if (isQuoted) throw new Error("a quotation mark is not closed; export the file again");
  endRow();
  return rows;
}

/**
 * The ratings in a table, on this page's scale, and how many rows were skipped, by reason.
 * @param {string[][]} rows the first has the columns' names
 * @param {{low: number, high: number}} scale
 */
export function readRatings(rows, scale) {
  const columns = (rows[0] ?? []).map(plain);
  const format = RATING_FORMATS.find(({ needs }) => needs.every((name) => columns.includes(name)));
  if (!format)
    throw new Error(
      "no columns with titles and ratings; drop the ratings.csv of Letterboxd, or the ratings that IMDb exports",
    );
  const [low, high] = format.scale ?? [scale.low, scale.high];
  const cell = (/** @type {string[]} */ row, /** @type {string[]} */ ...names) =>
    names.map((name) => row[columns.indexOf(name)]?.trim()).find(Boolean) ?? "";
  /** @type {{titles: string[], year: number | null, rating: number, id: string}[]} */
  const ratings = [];
  /** @type {Map<string, number>} */
  const skipped = new Map();
  rows.slice(1).forEach((row, at) => {
    const type = cell(row, "titletype", "type");
    const text = cell(row, format.rating).replace(",", ".");
    const titles = [cell(row, "title", "name", "movie", "film"), cell(row, "originaltitle")].filter(
      Boolean,
    );
    const reason =
      type && !MOVIE_TYPES.has(plain(type))
        ? `of type ${type.slice(0, 20)}`
        : !text
          ? "without a rating"
          : !titles.length
            ? "without a title"
            : "";
    if (reason) return skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    const number = Number(text);
    if (!(number >= low && number <= high)) {
      throw new Error(
        `row ${at + 2}: “${text.slice(0, 20)}” is not a rating from ${low} to ${high}`,
      );
    }
    const year = /(?<!\d)(?:1[89]|20)\d{2}(?!\d)/.exec(cell(row, "year", "releasedate"));
    const rating = format.scale
      ? scale.low + ((number - low) / (high - low)) * (scale.high - scale.low)
      : number;
    ratings.push({ titles, year: year ? Number(year[0]) : null, rating, id: cell(row, "movieid") });
  });
  return { format: format.name, ratings, skipped };
}

/**
 * The text of a dropped file, or of the ratings.csv in a zip.
 * @param {Blob} file
 * @returns {Promise<string>}
 */
export function readText(file) {
  if (file.size > MAX_BYTES)
    return Promise.reject(new Error("the file is too large; drop one person's ratings"));
  return file.arrayBuffer().then((buffer) => {
    const bytes = new Uint8Array(buffer);
    return bytes[0] === 0x50 && bytes[1] === 0x4b
      ? unzip(bytes, "ratings.csv").then(decode)
      : decode(bytes);
  });
}

/** Text in UTF-8 or UTF-16, else Windows-1252. @param {Uint8Array} bytes */
function decode(bytes) {
  const isUtf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) return new TextDecoder(bytes[0] === 0xff ? "utf-16le" : "utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/**
 * A member of a zip, found in its directory at the end.
 * @param {Uint8Array} bytes
 * @param {string} name
 * @returns {Promise<Uint8Array>}
 */
function unzip(bytes, name) {
  const view = new DataView(bytes.buffer);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return Promise.reject(new Error("a damaged zip; download it again"));
  let at = view.getUint32(end + 16, true);
  for (
    let n = view.getUint16(end + 10, true);
    n > 0 && view.getUint32(at, true) === 0x02014b50;
    n--
  ) {
    const length = view.getUint16(at + 28, true);
    if (new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + length)) === name) {
      const start = view.getUint32(at + 42, true);
      const from = start + 30 + view.getUint16(start + 26, true) + view.getUint16(start + 28, true);
      const packed = bytes.slice(from, from + view.getUint32(at + 20, true));
      return view.getUint16(at + 10, true) === 0 ? Promise.resolve(packed) : inflate(packed);
    }
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return Promise.reject(new Error(`no ${name} in this zip`));
}

/** @param {Uint8Array} packed @returns {Promise<Uint8Array>} */
function inflate(packed) {
  const stream = new Blob([/** @type {any} */ (packed)])
    .stream()
    .pipeThrough(new DecompressionStream("deflate-raw"));
  const sized = stream.getReader();
  /** @type {Uint8Array[]} */
  const chunks = [];
  let size = 0;
  /** @returns {Promise<Uint8Array>} */
  const next = () =>
    sized.read().then(({ done, value }) => {
      if (done)
        return new Blob(/** @type {any} */ (chunks))
          .arrayBuffer()
          .then((buffer) => new Uint8Array(buffer));
      size += value.length;
      if (size > MAX_BYTES) throw new Error("the ratings in this zip are too large");
      chunks.push(value);
      return next();
    });
  return next().catch((error) => {
    throw error instanceof TypeError ? new Error("a damaged zip; download it again") : error;
  });
}

/**
 * The name of a column or type, however it is spelled: "Your Rating", "movieId".
 * @param {string} name
 */
function plain(name) {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}
