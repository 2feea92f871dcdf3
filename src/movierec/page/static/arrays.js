// @ts-check
// Arrays of numbers, as payload.py writes them: base64 of little-endian bytes.

/** @typedef {{dtype: string, shape: number[], base64: string, scales?: Packed}} Packed */

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
}

/** The numbers of a packed array. @param {Packed} packed @returns {Float32Array} */
export function unpackNumbers(packed) {
  const bytes = bytesOf(packed.base64);
  const numbers = Float32Array.from(typed(packed.dtype, bytes));
  if (!packed.scales) return numbers;
  const scales = unpackNumbers(packed.scales);
  const width = numbers.length / scales.length;
  return numbers.map((number, place) => number * scales[Math.floor(place / width)]);
}

/** A packed array of two dimensions. @param {Packed} packed */
export function unpackMatrix(packed) {
  return new Matrix(unpackNumbers(packed), packed.shape[0], packed.shape[1]);
}

/** @param {string} base64 @returns {Uint8Array} */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < bytes.length; place++) bytes[place] = text.charCodeAt(place);
  return bytes;
}

/** @param {string} dtype @param {Uint8Array} bytes @returns {ArrayLike<number>} */
function typed(dtype, { buffer }) {
  switch (dtype) {
    case "f32": return new Float32Array(buffer);
    case "i8": return new Int8Array(buffer);
    case "u8": return new Uint8Array(buffer);
    case "i16": return new Int16Array(buffer);
    case "u16": return new Uint16Array(buffer);
    case "i32": return new Int32Array(buffer);
  }
  throw new Error(`unknown type of numbers: ${dtype}`);
}
