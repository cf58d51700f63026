# SPDX-License-Identifier: Apache-2.0
"""Makes tests/vectors/bpe/: a small GPT-2 vocabulary and what it makes of difficult texts.

Both come from Hugging Face's `tokenizers` (pip install tokenizers==0.23.3), which has GPT-2's
pattern and merging in Rust: python3 make_bpe_vectors.py TEXT, where TEXT is any English text; the
King James Bible of Debian's bible-kjv made the files that are kept.
"""
import json
import pathlib
import random
import sys

from tokenizers import ByteLevelBPETokenizer

OUT = pathlib.Path(__file__).parent.parent / "bpe"
TEXTS = [
    "", " ", "  ", "   a", "a   ", "\n\n a\t\tb \n", "In the beginning God created the heaven",
    "don't we'll they're I'd he's I've I'm 'tis DON'T", "x1y22 333,4.5!?... --- (a)", "é ñ ü ß Ω 漢字かな 한글",
    "🙂👍🏽 family: 👨‍👩‍👧", "a\u00a0b\u2003c\u3000d\u180ee\u200bf", "\x00\x01\x1c\x1f\x7f\x85", "ﬁ ½ ⅷ ² ٣ १२३",
    "e\u0301 a\u0308", "thethethethe theeeeeeeee", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "<|endoftext|>",
    "unto the LORD, and unto\r\nthe king's son;", "\ufeffBOM", "'", "''s", " 's", "s'S 'S 's",
]


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=False)
    tokenizer.train_from_iterator([text[:400000]], vocab_size=600, min_frequency=2)
    OUT.mkdir(exist_ok=True)
    tokenizer.save_model(str(OUT))
    rng = random.Random(1)
    alphabet = "thes ae'\n1,é漢\u00a0🙂"
    texts = TEXTS + ["".join(rng.choices(alphabet, k=rng.randrange(1, 60))) for _ in range(60)]
    rows = [{"text": t, "tokens": tokenizer.encode(t).ids} for t in texts]
    lines = ",\n".join(json.dumps(row) for row in rows)
    (OUT / "encodings.json").write_text(f"[\n{lines}\n]\n")


main()
