"""Products and Cholesky steps on square tiles held in vector registers, and dot products.

Numba cannot be told to keep a small matrix in registers, so these five steps are written as LLVM
instructions: a tile is TILE vectors of TILE lanes, unrolled. All a solver does more than once per
number goes through them, at the speed of a BLAS, without copying into a BLAS's own layout.

No kernel asks for `fastmath`: a sum is taken in the order that is written here, and a product and
a sum are rounded once where it says multiply_add. So the bits depend neither on the threads, nor
on what the compiler makes of a function, nor on TILE.

With the JIT off (NUMBA_DISABLE_JIT=1) the same steps run as NumPy, which says what they do.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

# As many accumulators as the registers hold: 32 of 16 floats with AVX-512, else 16 of 8.
TILE = 16 if binding.get_host_cpu_features().get("avx512f", False) else 8

LANES = 16  # running sums of a dot product, whatever the processor

INT64, INT32 = ir.IntType(64), ir.IntType(32)
Values = list[ir.Value]


class _Matrix:
    """A C-contiguous two-dimensional array, seen from the code that is being built."""

    def __init__(
        self,
        context: Any,
        builder: ir.IRBuilder,
        kind: types.Array,
        value: ir.Value,
        lanes: int = TILE,
    ):
        array = context.make_array(kind)(context, builder, value)
        self.builder, self.data = builder, array.data
        self.row_length = cgutils.unpack_tuple(builder, array.shape, 2)[1]
        self.number = context.get_value_type(kind.dtype)
        self.vector = ir.VectorType(self.number, lanes)
        self.align = context.get_abi_sizeof(self.number)

    def pointer(self, row: ir.Value, column: ir.Value) -> ir.Value:
        start = self.builder.mul(row, self.row_length)
        return self.builder.gep(self.data, [self.builder.add(start, column)])

    def vector_pointer(self, row: ir.Value, column: ir.Value) -> ir.Value:
        return self.builder.bitcast(self.pointer(row, column), self.vector.as_pointer())

    def tile_pointers(self, row: ir.Value, column: ir.Value) -> Values:
        rows = [self.builder.add(row, INT64(k)) for k in range(TILE)]
        return [self.vector_pointer(row, column) for row in rows]

    def load(self, pointer: ir.Value) -> ir.Value:
        return self.builder.load(pointer, align=self.align)

    def store(self, values: Values, pointers: Values) -> None:
        for value, pointer in zip(values, pointers, strict=True):
            self.builder.store(value, pointer, align=self.align)

    def spread(self, number: ir.Value) -> ir.Value:
        """A vector that holds the number in every lane."""
        empty = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(empty, number, INT32(0))
        lanes = ir.Constant(ir.VectorType(INT32, TILE), [0] * TILE)
        return self.builder.shuffle_vector(first, empty, lanes)

    def multiply_add(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """a · b + c, rounded once; of vectors or numbers."""
        bits = 32 if isinstance(self.number, ir.FloatType) else 64
        kind = ir.FunctionType(a.type, [a.type] * 3)
        lanes = f"v{a.type.count}" if isinstance(a.type, ir.VectorType) else ""
        name = f"llvm.fma.{lanes}f{bits}"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [a, b, c])

    def total(self, vector: ir.Value) -> ir.Value:
        """The sum of a vector's lanes: its halves added, until one lane is left."""
        lanes = vector.type.count
        while lanes > 1:
            lanes //= 2
            halves = [
                self.builder.shuffle_vector(
                    vector,
                    ir.Constant(vector.type, ir.Undefined),
                    ir.Constant(ir.VectorType(INT32, lanes), list(range(first, first + lanes))),
                )
                for first in (0, lanes)
            ]
            vector = self.builder.fadd(*halves)
        return self.builder.extract_element(vector, INT32(0))

    def negate(self, vector: ir.Value) -> ir.Value:
        return self.builder.fneg(vector)


def _product_step(sign: int) -> Callable[..., Any]:
    """Build `out[i:, j:] ± left[:n, a:]ᵀ · right[:n, b:]` on one tile."""

    @intrinsic
    def step(typing_context, out, i, j, left, a, right, b, n):  # type: ignore[no-untyped-def]
        signature = types.void(
            out, types.int64, types.int64, left, types.int64, right, types.int64, types.int64
        )

        def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
            kinds = signature.args
            target = _Matrix(context, builder, kinds[0], values[0])
            source = _Matrix(context, builder, kinds[3], values[3])
            other = _Matrix(context, builder, kinds[5], values[5])
            row, column, a, b, n = values[1], values[2], values[4], values[6], values[7]
            pointers = target.tile_pointers(row, column)
            before = [target.load(pointer) for pointer in pointers]
            entry = builder.block
            loop = builder.append_basic_block("product")
            done = builder.append_basic_block("product_done")
            builder.cbranch(builder.icmp_signed(">", n, INT64(0)), loop, done)

            builder.position_at_end(loop)
            k = builder.phi(INT64)
            sums = [builder.phi(target.vector) for _ in range(TILE)]
            right_vector = other.load(other.vector_pointer(k, b))
            if sign < 0:
                right_vector = other.negate(right_vector)
            after = []
            for lane, total in enumerate(sums):
                number = source.load(source.pointer(k, builder.add(a, INT64(lane))))
                after.append(target.multiply_add(target.spread(number), right_vector, total))
            next_k = builder.add(k, INT64(1))
            builder.cbranch(builder.icmp_signed("<", next_k, n), loop, done)
            k.add_incoming(INT64(0), entry)
            k.add_incoming(next_k, loop)

            builder.position_at_end(done)
            results = [builder.phi(target.vector) for _ in range(TILE)]
            for start, total, end, result in zip(before, sums, after, results, strict=True):
                total.add_incoming(start, entry)
                total.add_incoming(end, loop)
                result.add_incoming(start, entry)
                result.add_incoming(end, loop)
            target.store(results, pointers)
            return context.get_dummy_value()

        return signature, build

    return step


add_product = _product_step(+1)
subtract_product = _product_step(-1)


@intrinsic
def factor_tile(typing_context, matrix, i):  # type: ignore[no-untyped-def]
    """Cholesky-factor the tile at (i, i) in place, into U with UᵀU = tile.

    Only the upper triangle is read. The diagonal comes to hold 1 / U[k, k], what is below it 0.
    A tile that is not positive definite becomes NaN.
    """
    signature = types.void(matrix, types.int64)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        target = _Matrix(context, builder, signature.args[0], values[0])
        pointers = target.tile_pointers(values[1], values[1])
        rows = [target.load(pointer) for pointer in pointers]
        one = ir.Constant(target.number, 1.0)
        root = builder.module.declare_intrinsic("llvm.sqrt", [target.number])
        for k in range(TILE):
            pivot = builder.extract_element(rows[k], INT32(k))
            inverse = builder.fdiv(one, builder.call(root, [pivot]))
            rows[k] = builder.fmul(rows[k], target.spread(inverse))
            minus = target.negate(rows[k])
            for later in range(k + 1, TILE):
                number = builder.extract_element(rows[k], INT32(later))
                rows[later] = target.multiply_add(target.spread(number), minus, rows[later])
            kept = ir.Constant(ir.VectorType(ir.IntType(1), TILE), [j > k for j in range(TILE)])
            zeros = ir.Constant(target.vector, [0.0] * TILE)
            rows[k] = builder.select(kept, rows[k], zeros)
            rows[k] = builder.insert_element(rows[k], inverse, INT32(k))
        target.store(rows, pointers)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def solve_tile(typing_context, matrix, i, j):  # type: ignore[no-untyped-def]
    """Replace the tile B at (i, j) by U⁻ᵀ B, U being the factored tile at (i, i)."""
    signature = types.void(matrix, types.int64, types.int64)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        target = _Matrix(context, builder, signature.args[0], values[0])
        i, j = values[1], values[2]
        pointers = target.tile_pointers(i, j)
        rows = [target.load(pointer) for pointer in pointers]

        def factor(row: int, column: int) -> ir.Value:
            place = builder.add(i, INT64(row)), builder.add(i, INT64(column))
            return target.spread(target.load(target.pointer(*place)))

        for k in range(TILE):
            rows[k] = builder.fmul(rows[k], factor(k, k))
            minus = target.negate(rows[k])
            for later in range(k + 1, TILE):
                rows[later] = target.multiply_add(factor(k, later), minus, rows[later])
        target.store(rows, pointers)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def dot(typing_context, left, i, a, right, j, b, n):  # type: ignore[no-untyped-def]
    """left[i, a : a + n] · right[j, b : b + n], in LANES running sums and then what is left."""
    signature = left.dtype(
        left, types.int64, types.int64, right, types.int64, types.int64, types.int64
    )

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kinds = signature.args
        source = _Matrix(context, builder, kinds[0], values[0], LANES)
        other = _Matrix(context, builder, kinds[3], values[3], LANES)
        first, second = source.pointer(*values[1:3]), other.pointer(*values[4:6])
        n = values[6]
        whole = builder.sub(n, builder.srem(n, INT64(LANES)))

        def sum_up(name: str, start: ir.Value, stop: ir.Value, step: int, total: ir.Value):
            """Add left[k] · right[k] to a total, `step` numbers at a time."""
            entry = builder.block
            loop = builder.append_basic_block(name)
            done = builder.append_basic_block(f"{name}_done")
            builder.cbranch(builder.icmp_signed("<", start, stop), loop, done)
            builder.position_at_end(loop)
            k, running = builder.phi(INT64), builder.phi(total.type)
            pointers = [builder.gep(pointer, [k]) for pointer in (first, second)]
            as_read = total.type.as_pointer()
            numbers = [source.load(builder.bitcast(pointer, as_read)) for pointer in pointers]
            after, next_k = source.multiply_add(*numbers, running), builder.add(k, INT64(step))
            builder.cbranch(builder.icmp_signed("<", next_k, stop), loop, done)
            for phi, before, later in ((k, start, next_k), (running, total, after)):
                phi.add_incoming(before, entry)
                phi.add_incoming(later, loop)
            builder.position_at_end(done)
            result = builder.phi(total.type)
            result.add_incoming(total, entry)
            result.add_incoming(after, loop)
            return result

        zeros = ir.Constant(source.vector, [0.0] * LANES)
        total = source.total(sum_up("dot", INT64(0), whole, LANES, zeros))
        return sum_up("dot_rest", whole, n, 1, total)

    return signature, build


if numba.config.DISABLE_JIT:
    Floats = np.ndarray[Any, Any]

    def add_product(
        out: Floats, i: int, j: int, left: Floats, a: int, right: Floats, b: int, n: int
    ) -> None:
        out[i : i + TILE, j : j + TILE] += left[:n, a : a + TILE].T @ right[:n, b : b + TILE]

    def subtract_product(
        out: Floats, i: int, j: int, left: Floats, a: int, right: Floats, b: int, n: int
    ) -> None:
        out[i : i + TILE, j : j + TILE] -= left[:n, a : a + TILE].T @ right[:n, b : b + TILE]

    def factor_tile(matrix: Floats, i: int) -> None:
        tile = matrix[i : i + TILE, i : i + TILE]
        upper = np.triu(tile)
        try:
            factor = np.linalg.cholesky(upper + np.triu(upper, 1).T).T
        except np.linalg.LinAlgError:
            factor = np.full_like(tile, np.nan)
        np.fill_diagonal(factor, 1 / np.diagonal(factor))
        tile[:] = np.triu(factor)

    def solve_tile(matrix: Floats, i: int, j: int) -> None:
        upper = np.triu(matrix[i : i + TILE, i : i + TILE])
        np.fill_diagonal(upper, 1 / np.diagonal(upper))
        tile = matrix[i : i + TILE, j : j + TILE]
        tile[:] = np.linalg.solve(upper.T, tile)

    def dot(left: Floats, i: int, a: int, right: Floats, j: int, b: int, n: int) -> Any:
        return left[i, a : a + n] @ right[j, b : b + n]
