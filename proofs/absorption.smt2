; SPDX-License-Identifier: Apache-2.0
; Absorption for ALL formats at once (claim "absorption-threshold"; docs/contract.md, section 7).
; Real numbers stand for the powers of two, so no format's m, exponent or bitwidth b is fixed:
;   p = 2^E, the binade of the block maximum M;  u = 2^-m;  t = 2^(1-b);  s = M t
;   h = half the step of the grid at a weight w <= M, at most half a unit in the last place of M
; Noise of R = +-1 moves w by s. Round-to-nearest gives w back only if s <= h, the tie if s = h.
; Larger |R| moves it further. Each check must be "unsat": there is no counterexample.
(set-logic QF_NRA)
(declare-const p Real) (declare-const M Real) (declare-const u Real)
(declare-const t Real) (declare-const s Real) (declare-const h Real)
(assert (> p 0)) (assert (> u 0)) (assert (<= u 1)) (assert (> t 0)) (assert (> h 0))
(assert (<= p M)) (assert (< M (* 2 p)))
(assert (= s (* M t)))
(assert (<= h (/ (* p u) 2)))
; b <= m + 1, that is t >= u: never absorbed.
(push) (assert (>= t u)) (assert (<= s h)) (check-sat) (pop)
; b = m + 2, that is t = u/2: absorbed at an exact tie at most.
(push) (assert (= t (/ u 2))) (assert (< s h)) (check-sat) (pop)
; b >= m + 3, that is t <= u/4: for w in M's own binade (h = p u/2) always absorbed, and no tie.
(push) (assert (<= t (/ u 4))) (assert (= h (/ (* p u) 2))) (assert (>= s h)) (check-sat) (pop)
