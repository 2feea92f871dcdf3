// @ts-check
// Names of a movie in one spelling, as serving/title_names.py.

const YEAR_AT_END = /[([](\d{4})[^()]*[)\]]\s*(?:\((?:V|TV|VG|I+)\)\s*)?$/;
const BARE_YEAR = /\s((?:18|19|20)\d\d)\s*$/;
const ARTICLE_WORDS = new Set(["the", "a", "an"]);
const SEQUEL =
  /^(?:(?:part|pt|vol|volume|chapter|book)\b\W*)?(?!(?:one|1|i)\b)(?:\d+|[ivx]+|two|three|four|five|six|seven|eight|nine|ten|deux)\b/i;
const AUTHOR =
  /^(?!(?:It|That|What|Who|Let|There|Here|He|She)['’])(?:[A-Z][\w.]*\s+){0,2}[A-Z]\w*['’]s?\s+/;
const BETWEEN_NAMES = /\s+\/\s+|,?\s*\ba\.?k\.?a\.?:?\s+/i;
const BEFORE_SUBTITLE = /(?<=[^\d]):\s*|:(?!\d)\s*|(?<=\s)[-–—](?=\s)\s*/g; // not in "3:10 to Yuma"
export const MAX_LETTERS = 500; // of a title, and
const MAX_SUBTITLES = 4; // that count

const UNITS =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const PARTS = new Set(["part", "pt", "vol", "volume", "chapter", "episode"]);
// Subtitles of these words only belong to many movies: "The Movie", "Director's Cut".
const NO_NAME = new Set(
  `part pt vol volume chapter episode the a an of and movie film motion picture series special edition
  cut directors extended uncut original unrated version beginning end final last next new true story
  musical documentary short book saga trilogy collection complete 1st 2nd 3rd`.split(/\s+/),
);
/** @type {Record<string, string>} */
export const ROMAN = {};
["", "x", "xx", "xxx"].forEach((tens, nTens) =>
  ["", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"].forEach((ones, nOnes) => {
    if (tens + ones) ROMAN[tens + ones] = String(10 * nTens + nOnes);
  }),
);
/** @type {Record<string, string>} */
const SPELLINGS = {
  ...ROMAN,
  first: "1st",
  second: "2nd",
  third: "3rd",
  fourth: "4th",
  fifth: "5th",
  sixth: "6th",
  seventh: "7th",
  eighth: "8th",
  ninth: "9th",
  tenth: "10th",
  thirteenth: "13th",
  se7en: "7",
  thir13en: "13",
  doctor: "dr",
  mister: "mr",
  versus: "vs",
  theatre: "theater",
  grey: "gray",
  colour: "color",
  colours: "colors",
  sergeant: "sgt",
  boulevard: "blvd",
  saint: "st",
  mount: "mt",
};
/** @type {Record<string, string>} */
const LETTERS = {
  ø: "o",
  æ: "ae",
  œ: "oe",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  ı: "i",
  ß: "ss",
  "&": " and ",
  "+": " and ",
};

/** The words of a text without case, accents and punctuation. @param {string} text */
export function fold(text) {
  return text
    .replace(/[¼-¾⅐-⅞]/g, (fraction) => ` ${fraction.normalize("NFKD")}`)
    .toLowerCase()
    .replace(/[øæœłđðþıß&+]/g, (letter) => LETTERS[letter])
    .replace(/['’‘ʼ′`´]/g, "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/(?<=(?<![\p{L}\p{N}_])\p{L})[.*] ?(?=\p{L}(?![\p{L}\p{N}_]))/gu, "") // "L.A." is "la"
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Folded words with all numbers as digits: "part ii" is 2. @param {string} folded */
export function spellNumbers(folded) {
  const words = folded.split(" ");
  /** @type {string[]} */
  const spelled = [];
  for (let at = 0; at < words.length;) {
    const [nUsed, number] = numberAt(words, at);
    spelled.push(nUsed ? String(number) : (SPELLINGS[words[at]] ?? words[at]));
    at += nUsed || 1;
  }
  return spelled
    .filter((word, at) => !PARTS.has(word) || !/^\d+$/.test(spelled[at + 1] ?? ""))
    .join(" ");
}

/**
 * How many words from a place are one number, and that number.
 * @param {string[]} words
 * @param {number} start
 */
function numberAt(words, start) {
  let [thousands, value, nUsed] = [0, 0, 0];
  for (let at = start; at < words.length; at++) {
    const unit = UNITS.indexOf(words[at]);
    const tens = 10 * (TENS.indexOf(words[at]) + 2);
    const isRound = value % 100 === 0 && (value || thousands || !nUsed);
    if (unit >= 0 && (isRound || (value % 100 >= 20 && value % 10 === 0 && unit > 0 && unit < 10)))
      value += unit;
    else if (tens > 10 && (isRound || value === 19)) value = (value === 19 ? 1900 : value) + tens;
    else if (words[at] === "hundred" && value > 0 && value < 100) value *= 100;
    else if (words[at] === "thousand" && value > 0 && value < 1000 && !thousands)
      [thousands, value] = [1000 * value, 0];
    else if (words[at] === "and" && at > start && /^(hundred|thousand)$/.test(words[at - 1]))
      continue;
    else break;
    nUsed = at - start + 1;
  }
  return [nUsed, thousands + value];
}

/** What spellings of one name have in common: no articles, no spaces. @param {string} spelled */
export function spelledKey(spelled) {
  return joinWords(nameWords(spelled.split(" ")).join(" "));
}

/** Without spaces but between numbers: "Night Watch" is "Nightwatch". @param {string} spelled */
export function joinWords(spelled) {
  return spelled.replace(/(?<=\d) (?=\d)/g, "_").replaceAll(" ", "");
}

/** Words of a name without articles, but for one at the end: "Mighty, The" is that name.
 *  @param {string[]} words */
export function nameWords(words) {
  return words.filter((word, at) => at === words.length - 1 || !ARTICLE_WORDS.has(word));
}

/** Words without articles. @param {string[]} words */
export function withoutArticles(words) {
  const kept = words.filter((word) => !ARTICLE_WORDS.has(word));
  return kept.length ? kept : words;
}

/**
 * A title without the year in brackets at its end, and that year.
 * @param {string} title
 * @returns {[string, number | null]}
 */
export function splitTitle(title) {
  const match = YEAR_AT_END.exec(title);
  return match ? [title.slice(0, match.index).trimEnd(), Number(match[1])] : [title, null];
}

/**
 * A title as people type it, without the year at its end, and that year.
 * @param {string} text
 * @returns {[string, number | null]}
 */
export function splitYear(text) {
  const match = YEAR_AT_END.exec(text) ?? BARE_YEAR.exec(text);
  return match ? [text.slice(0, match.index).trimEnd(), Number(match[1])] : [text, null];
}

/**
 * A name of a movie: its words in one spelling, what it is to the title, and for a subtitle, the
 * title before it.
 * @typedef {{spelled: string, folded: string, kind: "title" | "alternative" | "start" | "subtitle", start: string}} Name
 */

/**
 * The names of a movie: its title, those in brackets, and its parts before and after a colon.
 * @param {string} title without its year
 * @returns {Name[]}
 */
export function namesOf(title) {
  const text = title.slice(0, MAX_LETTERS);
  const inside = [...text.matchAll(/\(([^()]*)\)/g)].map((match) => match[1]);
  const outside = text.replace(/\([^()]*\)/g, " ").trim();
  const full = [outside || inside.join(" ")];
  for (const brackets of inside)
    full.push(...brackets.split(BETWEEN_NAMES).filter((name) => !/^\s*\d*\s*$/.test(name)));
  /** @type {Name[]} */
  const names = [];
  /** @param {string} name @param {Name["kind"]} kind */
  const add = (name, kind, start = "") => {
    const folded = fold(name);
    names.push({ folded, spelled: spellNumbers(folded), kind, start });
  };
  full.map(articleInFront).forEach((name, at) => {
    add(name, at ? "alternative" : "title");
    for (const match of [...name.matchAll(BEFORE_SUBTITLE)].slice(0, MAX_SUBTITLES)) {
      const before = name.slice(0, match.index).replace(/,?\s+or\s*$/i, "");
      const subtitle = name.slice(match.index + match[0].length);
      const isSequel = SEQUEL.test(subtitle);
      if (!isSequel) add(before, "start");
      add(subtitle, "subtitle", isSequel ? "" : spellNumbers(fold(before)));
    }
    const author = AUTHOR.exec(name);
    if (author) add(name.slice(author[0].length), "subtitle");
  });
  if (inside.length) add(text.replace(/[()]/g, " "), "alternative");
  return names.filter(isName);
}

/** Whether a name can stand for the movie alone. @param {Name} name */
function isName({ spelled, kind }) {
  if (kind === "title" || kind === "alternative") return spelled !== "";
  const words = spelled.split(" ");
  return (
    words.some((word) => !NO_NAME.has(word) && !/^\d*$/.test(word)) &&
    (kind === "start" || words.length > 1)
  );
}

/** "Postino, Il" as "Il Postino". @param {string} name */
function articleInFront(name) {
  const match =
    /^(.*[^,\s]), (The|A|An|La|Le|Les|L['’]|Un|Une|Il|Lo|Gli|Una|El|Los|Las|Der|Die|Das|Ein|Eine|De|Het|Den|Det)$/i.exec(
      name.trim(),
    );
  return match ? `${match[2]}${/['’]$/.test(match[2]) ? "" : " "}${match[1]}` : name.trim();
}

/**
 * Typos between two words: letters changed, added, missing or swapped (optimal string alignment).
 * @param {string} one @param {string} two @param {number} max if there are more, the result is greater
 */
export function typosBetween(one, two, max) {
  if (Math.abs(one.length - two.length) > max) return max + 1;
  let [earlier, before, row] = [0, 1, 2].map(() => new Uint16Array(two.length + 1));
  for (let j = 0; j <= two.length; j++) before[j] = j;
  for (let i = 1; i <= one.length; i++) {
    let least = (row[0] = i);
    for (let j = 1; j <= two.length; j++) {
      const cost = one[i - 1] === two[j - 1] ? 0 : 1;
      let n = Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + cost);
      if (i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1])
        n = Math.min(n, earlier[j - 2] + 1);
      row[j] = n;
      least = Math.min(least, n);
    }
    if (least > max) return max + 1;
    [earlier, before, row] = [before, row, earlier];
  }
  return before[two.length];
}
