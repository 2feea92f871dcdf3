// @ts-check
// The data of the page: JSON and arrays of numbers, as packing.py writes them.

/** @typedef {{shape: number[], start: number, kind: string, planes: number, step: number}} Packed */

/** A matrix of numbers, row by row. */
export class Matrix {
  /** @param {Float32Array} values @param {number} nRows @param {number} nColumns */
  constructor(values, nRows, nColumns) {
    this.values = values;
    this.nRows = nRows;
    this.nColumns = nColumns;
  }

  /** The row at a place: a view, no copy. @param {number} place */
  row(place) {
    return this.values.subarray(place * this.nColumns, (place + 1) * this.nColumns);
  }

  /** The dot product of a row and a vector. @param {number} place @param {Float64Array} vector */
  rowTimes(place, vector) {
    const { values, nColumns } = this;
    let sum = 0;
    for (let i = 0, at = place * nColumns; i < nColumns; i++, at++) sum += values[at] * vector[i];
    return sum;
  }
}

/** The data in a text. Arrays of one dimension become Float32Array, others Matrix.
 *  @param {string} text @returns {Promise<any>} */
export async function unpack(text) {
  const compressed = new Blob([bytesOf(text)]).stream();
  const stream = compressed.pipeThrough(new DecompressionStream("deflate"));
  const content = await new Response(stream).arrayBuffer();
  const length = new DataView(content).getUint32(0, true);
  const json = new TextDecoder().decode(content.slice(4, 4 + length));
  const arrays = content.slice(4 + length);
  return JSON.parse(json, (_, value) => (value?.shape ? numbersOf(value, arrays) : value));
}

// The digits of base 85, in order.
const DIGITS =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=:?@^_/{|}~";

/** The bytes of a text of base 85: four for five digits, one less for each digit that is missing
 *  at the end. @param {string} text */
function bytesOf(text) {
  const values = new Uint8Array(128);
  for (let value = 0; value < DIGITS.length; value++) values[DIGITS.charCodeAt(value)] = value;
  const missing = (5 - (text.length % 5)) % 5;
  const digits = text + "~".repeat(missing);
  const bytes = new DataView(new ArrayBuffer((digits.length / 5) * 4));
  for (let from = 0, to = 0; from < digits.length; to += 4) {
    let number = 0;
    for (const end = from + 5; from < end; from++) {
      number = number * 85 + values[digits.charCodeAt(from)];
    }
    bytes.setUint32(to, number);
  }
  return new Uint8Array(bytes.buffer, 0, bytes.byteLength - missing);
}

/** @param {Packed} packed @param {ArrayBuffer} arrays */
function numbersOf({ shape, start, kind, planes, step }, arrays) {
  const length = shape.reduce((product, size) => product * size, 1);
  const numbers =
    kind === "f32"
      ? new Float32Array(arrays.slice(start, start + 4 * length))
      : multiples(new Uint8Array(arrays, start, planes * length), length, step);
  return shape.length === 1 ? numbers : new Matrix(numbers, shape[0], shape[1]);
}

/** @param {Uint8Array} bytes in planes @param {number} length @param {number} step */
function multiples(bytes, length, step) {
  const folded = new Int32Array(length);
  for (let plane = 0; plane * length < bytes.length; plane++) {
    for (let at = 0; at < length; at++) folded[at] |= bytes[plane * length + at] << (8 * plane);
  }
  const numbers = new Float32Array(length);
  for (let at = 0; at < length; at++) {
    numbers[at] = ((folded[at] >>> 1) ^ -(folded[at] & 1)) * step;
  }
  return numbers;
}
