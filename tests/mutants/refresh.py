#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the PTX of the mutants in MUTANTS: a copy of gpu/kernels with one text replaced, compiled as
gpu/golden/refresh.sh compiles (sm_80), cut to the entry points of the mutant's operation.

  tests/mutants/refresh.py            writes ptx/<name>.ptx and ptx/MANIFEST
  tests/mutants/refresh.py --check    compiles and compares byte for byte
  tests/mutants/refresh.py NAME...    writes only these, and no MANIFEST

Exit: 0 same or written, 1 different or a mutant that does not apply, 3 no nvcc or another version than the
MANIFEST's (with --check).
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = HERE.parent.parent / "gpu" / "kernels"
FLAGS = ["-ptx", "-std=c++20", "-fmad=false", "-arch=sm_80"]


def read_mutants():
    mutants = []
    for line in (HERE / "MUTANTS").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition(" ")
        if key == "mutant":
            mutants.append({"name": value.split()[0], "nth": "0"})
        else:
            mutants[-1][key] = value
    return mutants


def entries_of(op):
    """(source file, the id in the instantiation's name, prefix of the entry points) of an operation."""
    words = op.split()
    kind, keys = words[0], dict(word.split("=") for word in words[1:])
    source, target = keys.get("from", "float32"), keys.get("to", "bfloat16")
    law, rule = keys.get("law", "rg16"), f"{keys.get('round', 'rne')}_{keys.get('overflow', 'ovf')}"
    if kind == "noise":
        return "noise", law, f"noise_{law}_{keys.get('pack', 'int8')}"
    if kind == "cast":
        return "cast", f"{source}_{target}_{rule}", f"cast_{source}_{target}_{rule}"
    if kind == "block_max":
        return "block_max", source, f"block_max_{source}"
    if kind == "scale":
        return "block_max", "scale", "scale_float32"
    if kind == "sample":
        return "sample", f"{source}_{target}_{rule}_{law}", f"sample_{source}_{target}_{rule}_{law}"
    if kind == "backward":
        return "backward", f"{source}_{law}", f"backward_{source}_{law}"
    levels = keys.get("levels", "int4")
    levels = levels if levels.startswith("float") else "int"
    fitted = {
        "fit": ("fit", source, f"fit_{keys.get('fit', 'minmax')}_{source}"),
        "refit": ("refit", f"{source}_{levels}", f"refit_{source}_{levels}"),
        "fake_quantize": ("fake_quantize", f"{source}_{levels}", f"fake_quantize_{source}_{levels}"),
        "fake_backward": ("fake_backward", f"{source}_{levels}_{keys.get('gradient', 'lsq')}",
                          f"fake_backward_{source}_{levels}_{keys.get('gradient', 'lsq')}"),
        "perturb": ("perturb", f"{source}_{law}", f"perturb_{source}_{law}"),
    }
    if kind in fitted:
        return fitted[kind]
    block = keys["format"]
    if keys.get("rule") == "best":
        name = f"quantize_{source}_{block}_best"
        return "best_scale", name, name
    return "block_quantize", source if block == "nvfp4" else block, f"quantize_{source}_{block}"


def keep_entries(ptx, prefix):
    """The PTX without the entry points that the operation does not launch."""
    def wanted(match):
        name = match.group(1)
        return match.group(0) if name in (prefix, prefix + "_max") else ""
    # The compiler numbers nothing across entry points, so each can go on its own.
    text = re.sub(r"(?:\t// \.globl\t\S+\n)?\.visible \.entry (\w+)\(.*?\n\}\n\n?", wanted, ptx, flags=re.S)
    if ".visible .entry" not in text:
        raise SystemExit(f"no entry point {prefix}")
    return text


def make(mutant, nvcc):
    with tempfile.TemporaryDirectory() as folder:
        kernels = pathlib.Path(folder) / "kernels"
        shutil.copytree(KERNELS, kernels)
        changed = kernels / mutant["file"]
        text, nth = changed.read_text(), int(mutant["nth"])
        pieces = text.split(mutant["old"])
        if len(pieces) < 2 or (nth == 0 and len(pieces) != 2) or nth >= len(pieces):
            raise SystemExit(f"{mutant['name']}: the old text occurs {len(pieces) - 1} times")
        place = max(nth, 1)
        changed.write_text(mutant["old"].join(pieces[:place]) + mutant["new"]
                           + mutant["old"].join(pieces[place:]))
        source, instance, prefix = entries_of(mutant["op"])
        # Only the instantiation that is needed, or compiling takes ten times as long.
        cu = kernels / f"{source}.cu"
        lines = [line for line in cu.read_text().splitlines()
                 if not re.match(r"ULPROOF_\w+\(", line) or instance in line or not line.endswith(")")]
        cu.write_text("\n".join(lines) + "\n")
        ptx = pathlib.Path(folder) / "out.ptx"
        subprocess.run([nvcc, *FLAGS, cu.name, "-o", str(ptx)], cwd=kernels, check=True,
                       stderr=subprocess.DEVNULL)
        return keep_entries(ptx.read_text(), prefix)


def main():
    nvcc = os.environ.get("NVCC") or shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    if not os.access(nvcc, os.X_OK):
        print("refresh.py: no nvcc (set NVCC)", file=sys.stderr)
        return 3
    version = re.search(r"V[\d.]+", subprocess.run([nvcc, "--version"], capture_output=True, text=True,
                                                  check=True).stdout).group(0)
    kept, manifest = HERE / "ptx", HERE / "ptx" / "MANIFEST"
    mutants, check, names = read_mutants(), sys.argv[1:] == ["--check"], set(sys.argv[1:])
    if check:
        if f"nvcc {version}\n" not in manifest.read_text():
            print(f"refresh.py: nvcc is {version}, the kept PTX is from another", file=sys.stderr)
            return 3
    elif not names:
        shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(exist_ok=True)
    listing = [f"nvcc {version}", f"flags {' '.join(FLAGS)}"]
    different = 0
    for mutant in mutants:
        if names and not check and mutant["name"] not in names:
            continue
        text, file = make(mutant, nvcc), kept / f"{mutant['name']}.ptx"
        if check:
            if not file.exists() or file.read_text() != text:
                print(f"{file.name} differs")
                different = 1
        else:
            file.write_text(text)
        listing.append(f"{hashlib.sha256(text.encode()).hexdigest()}  {file.name}")
    if not check and not names:
        manifest.write_text("\n".join(listing) + "\n")
    return different


if __name__ == "__main__":
    sys.exit(main())
