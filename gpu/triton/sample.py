# SPDX-License-Identifier: Apache-2.0
"""The operation `sample` of bfloat16 weights as a Triton kernel: fused block maximum, scale, rg16
noise, one fused multiply-add and the cast (contract sections 4 to 7). One program takes one 32 x 32
block, so a weight is read once and written once. All that decides bits is spelled out: integer
maximum, exp2 by a correctly rounded binary64 routine instead of ex2.approx, tl.fma where the
contract has one rounding, the canonical NaN. compile.py makes the kept PTX of it."""

import triton
import triton.language as tl


@triton.jit
def exp2_rn(c):
    """RN32(2^c) for every binary32 c: gpu/kernels/exp2.cuh line by line, in binary64."""
    x = tl.clamp(c, -151.0, 129.0).to(tl.float64)
    # The nearest integer, by the addition that leaves no room for a fraction.
    magic: tl.constexpr = 6755399441055744.0
    n = (x + magic) - magic
    f = x - n
    p = tl.full(c.shape, 6.778726354822545e-14, tl.float64)
    p = tl.fma(p, f, 1.3691488853904128e-12)
    p = tl.fma(p, f, 2.5678435993488206e-11)
    p = tl.fma(p, f, 4.4455382718708116e-10)
    p = tl.fma(p, f, 7.054911620801123e-09)
    p = tl.fma(p, f, 1.01780860092397e-07)
    p = tl.fma(p, f, 1.321548679014431e-06)
    p = tl.fma(p, f, 1.5252733804059841e-05)
    p = tl.fma(p, f, 0.0001540353039338161)
    p = tl.fma(p, f, 0.0013333558146428443)
    p = tl.fma(p, f, 0.009618129107628477)
    p = tl.fma(p, f, 0.05550410866482158)
    p = tl.fma(p, f, 0.24022650695910072)
    ln2_high: tl.constexpr = 0.6931471805599453
    ln2_low: tl.constexpr = 2.3190468138462996e-17
    linear = f * ln2_high
    linear_error = tl.fma(f, ln2_low, tl.fma(f, ln2_high, -linear))
    one_plus = 1.0 + linear
    one_plus_error = linear - (one_plus - 1.0)
    rest = one_plus_error + (linear_error + (f * f) * p)
    high = one_plus + rest
    low = rest - (high - one_plus)
    # Round to odd, then times 2^n in the exponent field, then the one rounding that shows.
    bits = high.to(tl.int64, bitcast=True)
    step = tl.where(low > 0.0, 1, -1).to(tl.int64)
    bits += tl.where((low != 0.0) & ((bits & 1) == 0), step, 0)
    bits += n.to(tl.int64) << 52
    e = bits.to(tl.float64, bitcast=True).to(tl.float32)
    e = tl.where(c >= 128.0, float("inf"), e)
    e = tl.where(c <= -150.0, 0.0, e)
    return tl.where(c != c, c, e)


@triton.jit
def round_up_to_power_of_two(m):
    """Of the bits of a magnitude; infinity and NaN stay."""
    normal = (m + 0x007FFFFF) & 0x7F800000
    s = m - 1
    s |= s >> 1
    s |= s >> 2
    s |= s >> 4
    s |= s >> 8
    s |= s >> 16
    rounded = tl.where(m >= 0x00800000, normal, s + 1)
    return tl.where((m >= 0x7F800000) | (m == 0), m, rounded)


@triton.jit
def philox_words(seed, stream, group):
    """Philox4x32-10 with the counter and key of contract section 4."""
    c0 = group.to(tl.uint32)
    c1 = (group >> 32).to(tl.uint32)
    c2 = tl.zeros_like(c0) + stream.to(tl.uint32)
    c3 = tl.zeros_like(c0) + (stream >> 32).to(tl.uint32)
    k0 = seed.to(tl.uint32)
    k1 = (seed >> 32).to(tl.uint32)
    a: tl.constexpr = 0xD2511F53
    b: tl.constexpr = 0xCD9E8D57
    for _ in tl.static_range(10):
        high0 = tl.umulhi(c0, tl.full(c0.shape, a, tl.uint32))
        high1 = tl.umulhi(c2, tl.full(c2.shape, b, tl.uint32))
        low0 = c0 * tl.full(c0.shape, a, tl.uint32)
        low1 = c2 * tl.full(c2.shape, b, tl.uint32)
        c0 = high1 ^ c1 ^ k0
        c1 = low1
        c2 = high0 ^ c3 ^ k1
        c3 = low0
        k0 = k0 + tl.full((), 0x9E3779B9, tl.uint32)
        k1 = k1 + tl.full((), 0xBB67AE85, tl.uint32)
    return c0, c1, c2, c3


@triton.jit
def sample_bfloat16_bfloat16_rne_ovf_rg16(w, bits, sampled, rows, cols, index_stride,
                                          bits_per_block, pow2, seed, stream, offset,
                                          GROUPS: tl.constexpr):
    """GROUPS: offset and index_stride are multiples of 8, so that a group of words serves the
    eight elements that share it; else every element draws its group itself."""
    block = tl.program_id(0).to(tl.int64)
    across = (cols + 31) // 32
    row = (block // across) * 32 + tl.arange(0, 32)[:, None].to(tl.int64)
    first_col = (block % across) * 32
    col = first_col + tl.arange(0, 32)[None, :].to(tl.int64)
    inside = (row < rows) & (col < cols)
    at = row * cols + col
    weight = tl.load(w + at, mask=inside, other=0.0).to(tl.float32)

    magnitude = weight.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    m = tl.max(tl.max(magnitude, 1), 0)
    m = tl.where(pow2 != 0, round_up_to_power_of_two(m), m)
    c = 1.0 - tl.load(bits + tl.where(bits_per_block != 0, block, 0))
    scale = tl.where(m == 0, 0.0, m.to(tl.float32, bitcast=True) * exp2_rn(c))

    if GROUPS:
        start = offset + row * index_stride + first_col
        group = (start // 8) + tl.arange(0, 4)[None, :].to(tl.int64)
        w0, w1, w2, w3 = philox_words(seed, stream, group)
        words = tl.join(tl.join(w0, w2), tl.join(w1, w3))
        u = tl.join(words & 0xFFFF, words >> 16)
        u = tl.reshape(u, (32, 32))
    else:
        index = offset + row * index_stride + col
        # Indices are unsigned 64-bit numbers: a logical shift.
        w0, w1, w2, w3 = philox_words(seed, stream, (index >> 3) & 0x1FFFFFFFFFFFFFFF)
        lane = index.to(tl.int32) & 7
        word = tl.where(lane < 4, tl.where(lane < 2, w0, w1), tl.where(lane < 6, w2, w3))
        u = tl.where((lane & 1) != 0, word >> 16, word & 0xFFFF)
    u = u.to(tl.int32)
    threshold = u & 0x7FFF
    r = (threshold < 10398).to(tl.int32) + (threshold < 88).to(tl.int32)
    r = tl.where((u & 0x8000) != 0, -r, r).to(tl.float32)

    t = tl.fma(r, tl.zeros_like(r) + scale, weight)
    out = t.to(tl.bfloat16).to(tl.int16, bitcast=True)
    out = tl.where(t != t, 0x7FC0, out).to(tl.int16)
    tl.store(sampled + at, out.to(tl.bfloat16, bitcast=True), mask=inside)
