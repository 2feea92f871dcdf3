// @ts-check
// Small dense systems P x = b, with P symmetric and positive definite.

/** The Cholesky factor L of P = L Lᵀ, in the lower triangle of n × n numbers. */
export class Cholesky {
  /** @param {Float64Array} matrix P; its lower triangle is read, and overwritten.
   *  @param {number} n */
  constructor(matrix, n) {
    this.factor = matrix;
    this.n = n;
    for (let row = 0; row < n; row++) {
      for (let column = 0; column <= row; column++) {
        let sum = matrix[row * n + column];
        for (let k = 0; k < column; k++) sum -= matrix[row * n + k] * matrix[column * n + k];
        matrix[row * n + column] =
          column === row ? Math.sqrt(sum) : sum / matrix[column * n + column];
      }
    }
  }

  /** P⁻¹ b. @param {ArrayLike<number>} right b @returns {Float64Array} */
  solve(right) {
    const { factor, n } = this;
    const x = Float64Array.from(right);
    for (let row = 0; row < n; row++) {
      for (let k = 0; k < row; k++) x[row] -= factor[row * n + k] * x[k];
      x[row] /= factor[row * n + row];
    }
    for (let row = n - 1; row >= 0; row--) {
      x[row] /= factor[row * n + row];
      for (let k = 0; k < row; k++) x[k] -= factor[row * n + k] * x[row];
    }
    return x;
  }
}

/** The dot product, of as many numbers as the first has.
 *  @param {ArrayLike<number>} left @param {ArrayLike<number>} right */
export function dot(left, right) {
  let sum = 0;
  for (let place = 0; place < left.length; place++) sum += left[place] * right[place];
  return sum;
}
