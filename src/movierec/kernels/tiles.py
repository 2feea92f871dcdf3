"""Products and Cholesky steps on square tiles held in vector registers, and dot products.

Numba cannot keep a small matrix in registers, so these steps are written as LLVM instructions: a
tile is TILE vectors of TILE lanes, unrolled. The solver's inner loops consist of them. They run at
the speed of a BLAS, without copying into a BLAS's own layout.

No kernel uses `fastmath`: sums are taken in the order written here, and multiply_add rounds once.
So results are the same to the bit for any number of threads, any choice of the compiler and any
TILE.

With the JIT off (NUMBA_DISABLE_JIT=1) the same steps run in NumPy, which also documents them.
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
HALF = TILE // 2

LANES = 16  # running sums of a dot product, the same on every processor

# The `locality` argument of llvm.prefetch.
TO_SECOND_CACHE, TO_FIRST_CACHE = 2, 3

INT64, INT32 = ir.IntType(64), ir.IntType(32)
Values = list[ir.Value]


class _Matrix:
    """A C-contiguous two-dimensional array in the code that is being generated."""

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

    def tile_pointers(
        self, row: ir.Value, column: ir.Value, rows: int = TILE, vectors: int = 1
    ) -> Values:
        """Pointers to the vectors of a tile, row by row."""
        add, lanes = self.builder.add, self.vector.count
        return [
            self.vector_pointer(add(row, INT64(k)), add(column, INT64(v * lanes)))
            for k in range(rows)
            for v in range(vectors)
        ]

    def fetch(self, row: ir.Value, column: ir.Value, locality: int) -> None:
        """Prefetch the cache line that contains a number."""
        byte = self.builder.bitcast(self.pointer(row, column), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [byte.type, INT32, INT32, INT32])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")
        self.builder.call(function, [byte, INT32(0), INT32(locality), INT32(1)])

    def load(self, pointer: ir.Value) -> ir.Value:
        return self.builder.load(pointer, align=self.align)

    def store(self, values: Values, pointers: Values) -> None:
        for value, pointer in zip(values, pointers, strict=True):
            self.builder.store(value, pointer, align=self.align)

    def lanes_below(self, n: ir.Value) -> ir.Value:
        """A mask of the first n lanes, or of all if there are fewer."""
        lanes = self.vector.count
        numbers = ir.Constant(ir.VectorType(INT64, lanes), list(range(lanes)))
        first = self.builder.insert_element(ir.Constant(numbers.type, ir.Undefined), n, INT32(0))
        limits = self.pick(first, first, [0] * lanes)
        return self.builder.icmp_signed("<", numbers, limits)

    def load_some(self, pointer: ir.Value, mask: ir.Value) -> ir.Value:
        """Load the lanes of a mask; the others are 0, and are not read."""
        zeros = ir.Constant(self.vector, [0.0] * self.vector.count)
        values = pointer, INT32(self.align), mask, zeros
        return self._masked("load", self.vector, values)

    def store_some(self, value: ir.Value, pointer: ir.Value, mask: ir.Value) -> None:
        """Store the lanes of a mask."""
        self._masked("store", ir.VoidType(), (value, pointer, INT32(self.align), mask))

    def _masked(self, name: str, result: ir.Type, values: tuple[ir.Value, ...]) -> ir.Value:
        bits = 32 if isinstance(self.number, ir.FloatType) else 64
        kind = ir.FunctionType(result, [value.type for value in values])
        name = f"llvm.masked.{name}.v{self.vector.count}f{bits}.p0"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, values)

    def spread(self, number: ir.Value) -> ir.Value:
        """A vector with the number in every lane."""
        empty = ir.Constant(self.vector, ir.Undefined)
        return self.spread_lane(self.builder.insert_element(empty, number, INT32(0)), 0)

    def spread_lane(self, vector: ir.Value, lane: int) -> ir.Value:
        """A vector with one lane of another vector in every lane."""
        return self.pick(vector, vector, [lane] * self.vector.count)

    def pick(self, first: ir.Value, second: ir.Value, lanes: list[int]) -> ir.Value:
        """A vector of some lanes of two vectors; lane numbers continue from the first vector."""
        places = ir.Constant(ir.VectorType(INT32, len(lanes)), lanes)
        return self.builder.shuffle_vector(first, second, places)

    def transpose(self, rows: Values) -> Values:
        """The columns of a square tile as vectors, by swapping blocks of halving size."""
        rows, size = list(rows), len(rows)
        step = size // 2
        while step:
            upper = [lane if not lane & step else lane - step + size for lane in range(size)]
            lower = [lane + step if not lane & step else lane + size for lane in range(size)]
            for i in range(size):
                if not i & step:
                    pair = rows[i], rows[i + step]
                    rows[i], rows[i + step] = self.pick(*pair, upper), self.pick(*pair, lower)
            step //= 2
        return rows

    def substitute(self, right: Values, lines: Values, inverses: Values, order: range) -> Values:
        """Solve a triangular tile for vectors of right-hand sides, one unknown after the other.

        lines[k]: the coefficients of unknown k in the other equations; inverses[k]: 1 / its pivot.
        """
        right, solved = list(right), list(right)
        for k in order:
            lane = ir.Constant(
                ir.VectorType(ir.IntType(1), self.vector.count),
                [place == k for place in range(self.vector.count)],
            )
            for v, vector in enumerate(right):
                unknown = self.builder.fmul(self.spread_lane(vector, k), inverses[k])
                solved[v] = self.builder.select(lane, unknown, solved[v])
                right[v] = self.multiply_add(self.negate(unknown), lines[k], vector)
        return solved

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
                self.pick(vector, vector, list(range(first, first + lanes))) for first in (0, lanes)
            ]
            vector = self.builder.fadd(*halves)
        return self.builder.extract_element(vector, INT32(0))

    def negate(self, vector: ir.Value) -> ir.Value:
        return self.builder.fneg(vector)


def _product_step(
    sign: int,
    rows: int = TILE,
    lanes: int = TILE,
    vectors: int = 1,
    across: bool = True,
    fetching: bool = False,
    plain: int = 0,
) -> Callable[..., Any]:
    """Build the step `out[i:, j:] = start[i:, j:] ± left[:n, a:]ᵀ · right[:n, b:]` on one tile.

    The tile has `rows` rows of `vectors` vectors of `lanes` numbers. across=False: use
    `left[a:, :n]` without transposing, with ones in place of its first `plain` rows. fetching:
    at step k of the sum, prefetch fixed[indices[first + k], column], which is needed soon.
    """

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kinds = signature.args
        target, initial = (_Matrix(context, builder, kinds[k], values[k], lanes) for k in (0, 1))
        source = _Matrix(context, builder, kinds[4], values[4], lanes)
        other = _Matrix(context, builder, kinds[6], values[6], lanes)
        row, column, a, b, n = values[2], values[3], values[5], values[7], values[8]
        pointers = target.tile_pointers(row, column, rows, vectors)
        before = [
            initial.load(pointer) for pointer in initial.tile_pointers(row, column, rows, vectors)
        ]
        entry = builder.block
        loop = builder.append_basic_block("product")
        done = builder.append_basic_block("product_done")
        builder.cbranch(builder.icmp_signed(">", n, INT64(0)), loop, done)

        builder.position_at_end(loop)
        k = builder.phi(INT64)
        sums = [builder.phi(target.vector) for _ in pointers]
        of_right = [other.load(pointer) for pointer in other.tile_pointers(k, b, 1, vectors)]
        if sign < 0:
            of_right = [other.negate(vector) for vector in of_right]
        after = []
        for place, total in enumerate(sums):
            vector = of_right[place % vectors]
            if place < plain * vectors:
                after.append(builder.fadd(total, vector))
                continue
            line = builder.add(a, INT64(place // vectors))
            number = source.load(source.pointer(*((k, line) if across else (line, k))))
            after.append(target.multiply_add(target.spread(number), vector, total))
        if fetching:
            fixed = _Matrix(context, builder, kinds[9], values[9])
            indices = context.make_array(kinds[11])(context, builder, values[11])
            place, last = builder.add(values[12], k), builder.sub(indices.nitems, INT64(1))
            place = builder.select(builder.icmp_signed("<", place, last), place, last)
            index = builder.load(builder.gep(indices.data, [place]))
            fixed.fetch(builder.sext(index, INT64), values[10], TO_SECOND_CACHE)
        next_k = builder.add(k, INT64(1))
        builder.cbranch(builder.icmp_signed("<", next_k, n), loop, done)
        k.add_incoming(INT64(0), entry)
        k.add_incoming(next_k, loop)

        builder.position_at_end(done)
        results = [builder.phi(target.vector) for _ in pointers]
        for start, total, end, result in zip(before, sums, after, results, strict=True):
            for phi in (total, result):
                phi.add_incoming(start, entry)
                phi.add_incoming(end, loop)
        target.store(results, pointers)
        return context.get_dummy_value()

    def signature(out, start, left, right, *more):  # type: ignore[no-untyped-def]
        i = types.int64
        return types.void(out, start, i, i, left, i, right, i, i, *more)

    @intrinsic
    def step(  # type: ignore[no-untyped-def]
        typing_context, out, start, i, j, left, a, right, b, n
    ):
        return signature(out, start, left, right), build

    @intrinsic
    def step_fetching(  # type: ignore[no-untyped-def]
        typing_context, out, start, i, j, left, a, right, b, n, fixed, column, indices, first
    ):
        more = fixed, types.int64, indices, types.int64
        return signature(out, start, left, right, *more), build

    return step_fetching if fetching else step


add_product = _product_step(+1)
subtract_product = _product_step(-1)
# A tile on the diagonal: its upper rows, and the right half of its lower rows.
add_upper, subtract_upper = (_product_step(sign, rows=HALF) for sign in (+1, -1))
add_corner, subtract_corner = (_product_step(sign, rows=HALF, lanes=HALF) for sign in (+1, -1))
# The same, while prefetching the fixed rows that come next.
add_product_fetching = _product_step(+1, fetching=True)
add_upper_fetching = _product_step(+1, rows=HALF, fetching=True)
# A plain and a weighted sum of rows: of one vector of their columns, and of four.
add_sums = _product_step(+1, rows=2, across=False, plain=1)
add_wide_sums = _product_step(+1, rows=2, vectors=4, across=False, plain=1)
subtract_sums = _product_step(-1, rows=2, across=False)


@intrinsic
def gather_row(typing_context, block, k, fixed, row, later):  # type: ignore[no-untyped-def]
    """block[k] = fixed[row], for rows of a multiple of LANES; meanwhile prefetch fixed[later]."""
    signature = types.void(block, types.int64, fixed, types.int64, types.int64)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kinds = signature.args
        target = _Matrix(context, builder, kinds[0], values[0], LANES)
        source = _Matrix(context, builder, kinds[2], values[2], LANES)
        k, row, later, width = values[1], values[3], values[4], source.row_length
        entry = builder.block
        loop = builder.append_basic_block("gather")
        done = builder.append_basic_block("gather_done")
        builder.cbranch(builder.icmp_signed(">", width, INT64(0)), loop, done)
        builder.position_at_end(loop)
        c = builder.phi(INT64)
        vector = source.load(source.vector_pointer(row, c))
        target.store([vector], [target.vector_pointer(k, c)])
        source.fetch(later, c, TO_FIRST_CACHE)
        next_c = builder.add(c, INT64(LANES))
        builder.cbranch(builder.icmp_signed("<", next_c, width), loop, done)
        c.add_incoming(INT64(0), entry)
        c.add_incoming(next_c, loop)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def sum_selected(typing_context, out, i, rows, j, indices, first, last):  # type: ignore[no-untyped-def]
    """out[i, j : j + LANES] = the sum of these columns of rows[indices[first : last]], in order.

    Columns that the rows do not have are left out.
    """
    n = types.int64
    signature = types.void(out, n, rows, n, indices, n, n)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kinds = signature.args
        target = _Matrix(context, builder, kinds[0], values[0], LANES)
        source = _Matrix(context, builder, kinds[2], values[2], LANES)
        places = context.make_array(kinds[4])(context, builder, values[4]).data
        i, j, first, last = values[1], values[3], values[5], values[6]
        zeros = ir.Constant(source.vector, [0.0] * LANES)
        mask = source.lanes_below(builder.sub(source.row_length, j))
        entry = builder.block
        loop = builder.append_basic_block("selected")
        done = builder.append_basic_block("selected_done")
        builder.cbranch(builder.icmp_signed("<", first, last), loop, done)
        builder.position_at_end(loop)
        k, total = builder.phi(INT64), builder.phi(source.vector)
        row = builder.sext(builder.load(builder.gep(places, [k])), INT64)
        after = builder.fadd(total, source.load_some(source.vector_pointer(row, j), mask))
        next_k = builder.add(k, INT64(1))
        builder.cbranch(builder.icmp_signed("<", next_k, last), loop, done)
        builder.position_at_end(done)
        result = builder.phi(source.vector)
        for phi, start in ((k, first), (total, zeros)):
            phi.add_incoming(start, entry)
        for phi, later in ((k, next_k), (total, after)):
            phi.add_incoming(later, loop)
        result.add_incoming(zeros, entry)
        result.add_incoming(after, loop)
        target.store_some(result, target.vector_pointer(i, j), mask)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def factor_tile(typing_context, matrix, i):  # type: ignore[no-untyped-def]
    """Cholesky-factor the tile at (i, i) in place, into U with UᵀU = tile.

    Only the upper triangle is read. Afterwards the diagonal contains 1 / U[k, k]; the numbers below
    it are undefined. A tile that is not positive definite becomes NaN.
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
                number = target.spread_lane(rows[k], later)
                rows[later] = target.multiply_add(number, minus, rows[later])
            rows[k] = builder.insert_element(rows[k], inverse, INT32(k))
        target.store(rows, pointers)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def solve_tile(typing_context, matrix, i, j):  # type: ignore[no-untyped-def]
    """Replace the tile B at (i, j) by U⁻ᵀ B, where U is the factored tile at (i, i)."""
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
def solve_sums(typing_context, matrix, row, i):  # type: ignore[no-untyped-def]
    """Replace the two vectors B at (row, i) by B U⁻¹, where U is the factored tile at (i, i)."""
    signature = types.void(matrix, types.int64, types.int64)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        target = _Matrix(context, builder, signature.args[0], values[0])
        row, i = values[1], values[2]
        pointers = target.tile_pointers(row, i, 2)
        lines = [target.load(pointer) for pointer in target.tile_pointers(i, i)]
        inverses = [target.spread_lane(line, k) for k, line in enumerate(lines)]
        sums = [target.load(pointer) for pointer in pointers]
        target.store(target.substitute(sums, lines, inverses, range(TILE)), pointers)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def substitute_back(typing_context, matrix, i, n, solution):  # type: ignore[no-untyped-def]
    """Solve U x = y for the LANES unknowns from i on; those after them, up to n, are known.

    U is factored by factor_tile. solution[0] contains y and is overwritten by x.
    """
    signature = types.void(matrix, types.int64, types.int64, solution)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kinds = signature.args
        source = _Matrix(context, builder, kinds[0], values[0], LANES)
        target = _Matrix(context, builder, kinds[3], values[3], LANES)
        i, n = values[1], values[2]
        zeros = ir.Constant(source.vector, [0.0] * LANES)
        start = builder.add(i, INT64(LANES))
        entry = builder.block
        loop = builder.append_basic_block("known")
        done = builder.append_basic_block("known_done")
        builder.cbranch(builder.icmp_signed("<", start, n), loop, done)

        builder.position_at_end(loop)
        k = builder.phi(INT64)
        sums = [builder.phi(source.vector) for _ in range(LANES)]
        known = target.load(target.vector_pointer(INT64(0), k))
        lines = [source.load(pointer) for pointer in source.tile_pointers(i, k, LANES)]
        after = [
            source.multiply_add(line, known, total) for line, total in zip(lines, sums, strict=True)
        ]
        next_k = builder.add(k, INT64(LANES))
        builder.cbranch(builder.icmp_signed("<", next_k, n), loop, done)
        k.add_incoming(start, entry)
        k.add_incoming(next_k, loop)

        builder.position_at_end(done)
        totals = [builder.phi(source.vector) for _ in range(LANES)]
        for total, end, result in zip(sums, after, totals, strict=True):
            for phi in (total, result):
                phi.add_incoming(zeros, entry)
                phi.add_incoming(end, loop)
        totals = source.transpose(totals)
        while len(totals) > 1:
            totals = [builder.fadd(*pair) for pair in zip(totals[::2], totals[1::2], strict=True)]
        pointer = target.vector_pointer(INT64(0), i)
        right = builder.fsub(target.load(pointer), totals[0])
        tile = [source.load(pointer) for pointer in source.tile_pointers(i, i, LANES)]
        inverses = [source.spread_lane(line, k) for k, line in enumerate(tile)]
        order = range(LANES - 1, -1, -1)
        target.store(source.substitute([right], source.transpose(tile), inverses, order), [pointer])
        return context.get_dummy_value()

    return signature, build


@intrinsic
def any_above(typing_context, matrix, i, j, bound):  # type: ignore[no-untyped-def]
    """Whether any of matrix[i, j : j + TILE] is greater than a bound."""
    signature = types.boolean(matrix, types.int64, types.int64, matrix.dtype)

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        source = _Matrix(context, builder, signature.args[0], values[0])
        vector = source.load(source.vector_pointer(values[1], values[2]))
        above = builder.fcmp_ordered(">", vector, source.spread(values[3]))
        bits = builder.bitcast(above, ir.IntType(TILE))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return signature, build


@intrinsic
def dot(typing_context, left, i, a, right, j, b, n):  # type: ignore[no-untyped-def]
    """left[i, a : a + n] · right[j, b : b + n], by LANES running sums and then the remainder."""
    signature = left.dtype(
        left, types.int64, types.int64, right, types.int64, types.int64, types.int64
    )

    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        kinds = signature.args
        source = _Matrix(context, builder, kinds[0], values[0], LANES)
        other = _Matrix(context, builder, kinds[3], values[3], LANES)
        first, second = source.pointer(*values[1:3]), other.pointer(*values[4:6])
        n = values[6]
        n_full = builder.sub(n, builder.srem(n, INT64(LANES)))  # in complete vectors

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
        total = source.total(sum_up("dot", INT64(0), n_full, LANES, zeros))
        return sum_up("dot_rest", n_full, n, 1, total)

    return signature, build


if numba.config.DISABLE_JIT:
    Floats = np.ndarray[Any, Any]

    def _plain_step(
        sign: int, rows: int = TILE, columns: int = TILE, across: bool = True
    ) -> Callable[..., None]:
        def step(
            out: Floats,
            start: Floats,
            i: int,
            j: int,
            left: Floats,
            a: int,
            right: Floats,
            b: int,
            n: int,
            *fetched: Any,
        ) -> None:
            lines = left[:n, a : a + rows].T if across else left[a : a + rows, :n]
            tile = slice(i, i + rows), slice(j, j + columns)
            out[tile] = start[tile] + sign * (lines @ right[:n, b : b + columns])

        return step

    add_product, subtract_product = _plain_step(+1), _plain_step(-1)
    add_upper, subtract_upper = _plain_step(+1, HALF), _plain_step(-1, HALF)
    add_corner, subtract_corner = _plain_step(+1, HALF, HALF), _plain_step(-1, HALF, HALF)
    add_product_fetching, add_upper_fetching = add_product, add_upper
    add_sums, subtract_sums = (_plain_step(sign, 2, across=False) for sign in (+1, -1))
    add_wide_sums = _plain_step(+1, 2, 4 * TILE, across=False)

    def gather_row(block: Floats, k: int, fixed: Floats, row: int, later: int) -> None:
        block[k] = fixed[row]

    def sum_selected(
        out: Floats, i: int, rows: Floats, j: int, indices: Floats, first: int, last: int
    ) -> None:
        out[i, j : j + LANES] = rows[indices[first:last], j : j + LANES].sum(axis=0)

    def factor_tile(matrix: Floats, i: int) -> None:
        tile = matrix[i : i + TILE, i : i + TILE]
        upper = np.triu(tile)
        try:
            factor = np.linalg.cholesky(upper + np.triu(upper, 1).T).T
        except np.linalg.LinAlgError:
            factor = np.full_like(tile, np.nan)
        np.fill_diagonal(factor, 1 / np.diagonal(factor))
        tile[:] = np.triu(factor)

    def _upper(matrix: Floats, i: int, size: int) -> Floats:
        """U of a factored tile, whose diagonal contains the reciprocals."""
        upper = np.triu(matrix[i : i + size, i : i + size])
        np.fill_diagonal(upper, 1 / np.diagonal(upper))
        return upper

    def solve_tile(matrix: Floats, i: int, j: int) -> None:
        tile = matrix[i : i + TILE, j : j + TILE]
        tile[:] = np.linalg.solve(_upper(matrix, i, TILE).T, tile)

    def solve_sums(matrix: Floats, row: int, i: int) -> None:
        sums = matrix[row : row + 2, i : i + TILE]
        sums[:] = np.linalg.solve(_upper(matrix, i, TILE).T, sums.T).T

    def substitute_back(matrix: Floats, i: int, n: int, solution: Floats) -> None:
        stop = i + LANES
        rest = solution[0, i:stop] - matrix[i:stop, stop:n] @ solution[0, stop:n]
        solution[0, i:stop] = np.linalg.solve(_upper(matrix, i, LANES), rest)

    def any_above(matrix: Floats, i: int, j: int, bound: float) -> Any:
        return (matrix[i, j : j + TILE] > bound).any()

    def dot(left: Floats, i: int, a: int, right: Floats, j: int, b: int, n: int) -> Any:
        return left[i, a : a + n] @ right[j, b : b + n]
