#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles sample.py to the PTX that is kept in gpu/golden/triton. Needs Triton and neither a GPU
nor PyTorch:

    python3 -m venv venv && venv/bin/pip install triton==3.9.0
    venv/bin/python gpu/triton/compile.py            writes the PTX and the MANIFEST
    venv/bin/python gpu/triton/compile.py --check    compares byte for byte

Exit: 0 written or the same, 1 different, 3 another version of Triton than the MANIFEST's."""

import hashlib
import os
import pathlib
import sys
import tempfile

# Nothing of a cache decides what is written.
os.environ["TRITON_CACHE_DIR"] = tempfile.mkdtemp(prefix="triton-")
os.environ["TRITON_DISABLE_LINE_INFO"] = "1"  # No path of the build machine in the text.

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

import sample

ARCHS = (80,)
GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "golden" / "triton"
KERNEL = sample.sample_bfloat16_bfloat16_rne_ovf_rg16
SIGNATURE = {
    "w": "*bf16", "bits": "*fp32", "sampled": "*bf16",
    "rows": "i64", "cols": "i64", "index_stride": "i64",
    "bits_per_block": "i32", "pow2": "i32",
    "seed": "i64", "stream": "i64", "offset": "i64", "GROUPS": "constexpr",
}
# enable_fp_fusion=False: a product and a sum stay two roundings.
OPTIONS = {"num_warps": 4, "num_stages": 1, "enable_fp_fusion": False}


def variants():
    """Name, constants and what is known of the arguments (by position): multiples of 16."""
    names = list(SIGNATURE)
    aligned = [(names.index(n),) for n in ("w", "sampled", "cols", "index_stride", "offset")]
    yield "sample_groups", {"GROUPS": True}, {p: [["tt.divisibility", 16]] for p in aligned}
    yield "sample", {"GROUPS": False}, {}


def compiled():
    for arch in ARCHS:
        for name, constants, attributes in variants():
            source = ASTSource(fn=KERNEL, signature=SIGNATURE, constexprs=constants,
                               attrs=attributes)
            kernel = triton.compile(source, target=GPUTarget("cuda", arch, 32), options=OPTIONS)
            yield f"sm_{arch}_{name}.ptx", kernel.asm["ptx"].rstrip("\0"), kernel.metadata.shared


def main():
    manifest = [f"triton {triton.__version__}",
                "flags " + " ".join(f"{k}={v}" for k, v in OPTIONS.items())]
    files = {}
    for name, text, shared in compiled():
        files[name] = text
        digest = hashlib.sha256(text.encode()).hexdigest()
        manifest.append(f"{digest}  {name}  dynamic shared {shared}")
    files["MANIFEST"] = "\n".join(manifest) + "\n"
    if "--check" not in sys.argv[1:]:
        GOLDEN.mkdir(exist_ok=True)
        for name, text in files.items():
            (GOLDEN / name).write_text(text)
        return 0
    kept = (GOLDEN / "MANIFEST").read_text().splitlines()[0]
    if kept != manifest[0]:
        print(f"compile.py: {manifest[0]} here, the kept PTX is from {kept}", file=sys.stderr)
        return 3
    different = [n for n, text in files.items() if (GOLDEN / n).read_text() != text]
    for name in different:
        print(f"compile.py: {name} differs", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
