#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the hand-made seeds of every fuzz target: corpus/<target>/seed-*.

The other files of a corpus came out of fuzzing, cut down by the engine's -merge (./run fuzz), or
are findings, kept under a name that says what was wrong. Takes no arguments; a second run changes
nothing.
"""
import json
import pathlib
import random
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
ROOT = CORPUS.parent.parent


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    (folder / f"seed-{name}").write_bytes(data)


def random_bytes(seed, count):
    return random.Random(seed).randbytes(count)


def npy(descr, shape, data, version=1):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    length = {1: 2, 2: 4, 3: 4}[version]
    total = 6 + 2 + length + len(header) + 1
    header += " " * (-total % 64) + "\n"
    return (b"\x93NUMPY" + bytes([version, 0]) + len(header).to_bytes(length, "little")
            + header.encode() + data)


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tie_seeds():
    """Casts whose inputs are midpoints between neighbours of the target, rne and rna.

    The bytes are what fuzz_cast.cc reads: any cast (1), places in the catalogue, mode, policy, a shape
    of one row, the length of the pattern, codes.
    """
    sources = {"float32": (1, 4, 23, 127), "float16": (3, 2, 10, 15), "bfloat16": (4, 2, 7, 127)}
    targets = {"bfloat16": (4, 7), "e5m2": (6, 2), "e4m3": (7, 3), "e4m3fn": (9, 3), "e3m2fn": (14, 2)}
    generator = random.Random("ties")
    for source, (from_place, size, bits, bias) in sources.items():
        for target, (to_place, to_bits) in targets.items():
            cut = bits - to_bits
            if cut < 1:
                continue
            codes = b""
            for _ in range(32):
                exponent = bias + generator.randrange(-6, 8)
                kept = generator.randrange(1 << to_bits)
                code = generator.randrange(2) << (8 * size - 1) | exponent << bits
                code |= kept << cut | 1 << (cut - 1)
                codes += code.to_bytes(size, "little")
            for mode in range(2):
                yield f"tie-{source}-{target}-{mode}", bytes(
                    [1, from_place, to_place, mode, mode % 4, 0, 31, 31, 0]) + codes


def kernel(body):
    return (".version 8.0\n.target sm_80\n.address_size 64\n"
            ".visible .entry k(.param .u64 p, .param .u32 n)\n{\n" + body + "\n  ret;\n}\n")


PTX = {
    "empty": kernel(""),
    "store": kernel("  .reg .b32 %r<4>; .reg .b64 %d<3>; .reg .pred %p<2>;\n"
                    "  ld.param.u64 %d1, [p];\n  mov.u32 %r1, %tid.x;\n"
                    "  setp.ge.u32 %p1, %r1, 32;\n  @%p1 bra DONE;\n"
                    "  mul.wide.u32 %d2, %r1, 4;\n  add.s64 %d1, %d1, %d2;\n"
                    "  st.global.u32 [%d1], %r1;\nDONE:"),
    "loop": kernel("  .reg .b32 %r<3>; .reg .pred %p1;\n  mov.u32 %r1, %tid.x;\nL:\n"
                   "  add.s32 %r1, %r1, -1;\n  setp.gt.s32 %p1, %r1, 0;\n  @%p1 bra L;\n"
                   "  bar.sync 0;"),
    "shared": kernel("  .shared .align 4 .b8 tile[128];\n  .reg .b32 %r<4>; .reg .f32 %f1;\n"
                     "  mov.u32 %r1, tile;\n  mov.f32 %f1, 0f3F800000;\n"
                     "  st.shared.f32 [%r1], %f1;\n  ld.shared.v2.u32 {%r2, %r3}, [%r1];\n"
                     "  shfl.sync.bfly.b32 %r2, %r2, 1, 31, -1;\n  atom.shared.add.u32 %r3, [%r1], 1;"),
    "variables": ".version 8.0\n.target sm_80\n.address_size 64\n.file 1 \"a.cu\"\n"
                 ".const .align 4 .b8 table[8] = {1, 2, 0x3, 04, 5};\n"
                 ".global .align 8 .u64 where = generic(scale);\n"
                 ".global .align 4 .f32 scale = 1.5e-3;\n"
                 ".func (.param .b32 r) f(.param .b32 a)\n{\n  .reg .b32 %r1;\n"
                 "  ld.param.b32 %r1, [a];\n  st.param.b32 [r], %r1;\n  ret;\n}\n"
                 ".visible .entry k()\n.maxntid 128, 1, 1\n{\n  .reg .b32 %r<3>;\n  .loc 1 3 5\n"
                 "  { // a call\n  .param .b32 x; .param .b32 y;\n  st.param.b32 [x], %r1;\n"
                 "  call.uni (y), f, (x);\n  ld.param.b32 %r2, [y];\n  }\n"
                 "  .pragma \"nounroll\";\n  exit;\n}\n",
    "indexed": kernel("  .reg .b32 %r1;\n  mov.u32 %r1, %laneid;\n  and.b32 %r1, %r1, 1;\n"
                      "T: .branchtargets A, B;\n  brx.idx %r1, T;\nA:\n  trap;\nB:"),
}

OPERATIONS = [
    "cast from=float32 to=float8_e4m3fn round=rne overflow=sat shape=1x3",
    "cast from=bfloat16 to=e4m3b9fnuz round=sra8 overflow=ovf shape=2x5 stride=9 seed=1 stream=2 offset=5",
    "cast from=float16 to=float4_e2m1fn round=srb32 overflow=ovfinf shape=1x2 random=4294967295",
    "noise law=rgbits pack=nibbles shape=1x64 seed=18446744073709551615 stream=2 offset=5",
    "block_max from=float32 block=32x32 shape=33x40",
    "scale pow2=1 bits=block shape=1x4",
    "sample from=bfloat16 to=bfloat16 round=rne overflow=ovf law=rg16 block=32x32 pow2=0 bits=tensor shape=4x4",
    "backward from=bfloat16 law=rg32 block=2x3 shape=4x7 seed=3",
    "quantize from=float32 format=nvfp4 square=1 shape=16x16",
    "quantize from=bfloat16 format=mxfp4 rule=rceil square=0 shape=1x33",
    "dequantize to=float32 round=rne overflow=ovf format=mxint8 square=0 shape=1x40",
]

WORDS = ["float8_e4m3b11fnuz", "e5m10b15", "e11m52", "src31", "rna", "satprop", "boxmuller", "64x1",
         "even", "dequantize", "full", "7/8", "18446744073709551615", "18446744073709551616", "007"]

CASES = [
    "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=1x3 | x=3f808000,0*2",
    "sample from=bfloat16 to=bfloat16 law=rg16 bits=tensor shape=1x2 seed=1 stream=2 | w=3f80,3f96 bits=40b89ed3",
    "noise law=rg16 shape=1x8",
]

EXPRESSIONS = ["ceil_div(count, 256)", "min(ceil_div(rows, 8), 8192) * 3", "(cols - 1) / 32 % 7 + 0x10",
               "rows*cols", "1-2", "max(offset, 18446744073709551615) + 1", "seed % (rows - rows)",
               "((((((1))))))", " 4 * blocks "]

PROTOCOL = [
    OPERATIONS[0] + "\n3f800000 38\n7f800000 7e\n",
    "cast from=float16 to=float8_e5m2 round=sra4 overflow=ovf shape=1x1\n3 3c01 3c\n",
    "noise law=rg16 pack=int8 shape=1x1 seed=1\n1 8 0 0 0 0 -1 0 0 1 0\n",
    "sample from=bfloat16 to=bfloat16 law=rg16 shape=1x1\n1 2 7 3f80 3f96 40800000 3f80 3f96\n",
    "scale pow2=0 bits=tensor shape=1x1\n3f800000 40800000 3e000000\n",
    "quantize from=float32 format=mxfp8_e4m3 rule=floor square=0 shape=1x1\n1 2 3f800000 c0000000 70 f8 77\n",
]

MANIFEST = {
    "operation": "sample from=bfloat16 to=bfloat16 law=rg16",
    "scratch": [{"name": "maxima", "bytes": "4 * blocks"}],
    "launches": [{"entry": "one", "arguments": ["w", {"role": "scratch", "name": "maxima"}, "count"],
                  "grid": "blocks", "block": 32},
                 {"entry": "three", "arguments": [
                     "output", {"role": "input", "port": "w"}, "scale",
                     {"role": "rows", "type": "i32"}, {"role": "bits", "type": "f32"}, "seed"],
                  "grid": ["ceil_div(cols, 32)", "rows"], "block": [32, 8], "shared_bytes": 64}],
    "fixed": {"cols": 32}, "multiple_of": {"rows": 2}, "at_most": {"offset": 0}, "nan": "any",
}


def main():
    for name, text in PTX.items():
        write("ptx_parse", name, text)
    for i, text in enumerate(OPERATIONS + WORDS + CASES):
        write("operation", f"{i:02}", text)
    for i, text in enumerate(EXPRESSIONS):
        write("expression", f"{i:02}", text)
    for i, text in enumerate(PROTOCOL):
        write("protocol", f"{i:02}", text)
    write("manifest", "two-launches", json.dumps(MANIFEST, indent=1))
    for name in ("cast_bf16_e4m3", "perturb"):
        write("manifest", name, (ROOT / f"examples/verify/{name}.json").read_text())
    write("manifest", "bindable", json.dumps({
        "operation": OPERATIONS[0],
        "launches": [{"entry": "two", "grid": "ceil_div(count, 256)", "block": 256,
                      "arguments": ["input", "output", "count"]}]}))
    for i, (descr, shape, size) in enumerate([("<f4", "(2, 3)", 24), ("|u1", "()", 1), ("<f8", "(0,)", 0),
                                              ("|V2", "(4,)", 8), ("<i8", "(1, 1, 1)", 8)]):
        write("npy", f"{i}", npy(descr, shape, random_bytes(i, size), 1 + i % 3))
    write("npy", "header", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }")
    write("npy", "big-endian", npy(">f4", "(2,)", bytes(8)))
    write("npy", "short", npy("<f4", "(9,)", bytes(8)))
    write("safetensors", "empty", safetensors({}, b""))
    write("safetensors", "two", safetensors(
        {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
         "b\u00e9\n": {"dtype": "F4", "shape": [2, 3], "data_offsets": [8, 11]}}, random_bytes(1, 11)))
    write("safetensors", "scalar", safetensors(
        {"x": {"dtype": "BF16", "shape": [], "data_offsets": [0, 2]}}, b"\x80\x3f"))
    write("safetensors", "gap", safetensors(
        {"x": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}, b"ab"))
    for name, content in tie_seeds():
        write("cast", name, content)
    # Every byte is a choice there: a mutant of the code that is tested shows in some of them.
    for target, count in (("cast", 40), ("sample", 24), ("noise", 16), ("block_quantize", 24),
                          ("ptx_execute", 40)):
        for i in range(count):
            write(target, f"{i:02}", random_bytes(f"{target}{i}", 16 << (i % 5)))


if __name__ == "__main__":
    main()
