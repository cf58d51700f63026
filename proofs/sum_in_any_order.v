(* SPDX-License-Identifier: Apache-2.0 *)
(* Sums in any order, for ALL formats, numbers of terms and orders (the claim "sum-in-any-order"):
   the error is at most (n - 1) 2^-p sum |terms|, the theorem of Jeannerod and Rump, proved from
   the definition of rounding (Coq with Flocq; Debian: coq, libcoq-flocq). Overflow is left out;
   subnormals are not. *)
From Coq Require Import ZArith Reals Lra Lia.
From Flocq Require Import Core Plus_error Relative.
Local Open Scope R_scope.

Section Sum.

(* Precision p and quantum 2^emin. *)
Variables (emin p : Z).
Context {p_gt_0 : Prec_gt_0 p}.

Notation F := (generic_format radix2 (FLT_exp emin p)).
Notation rounded := (round radix2 (FLT_exp emin p) ZnearestE).

(* An order of summation: each sum is of two sums. *)
Inductive order := term (x : R) | add (a b : order).

Fixpoint terms_in_F t := match t with term x => F x | add a b => terms_in_F a /\ terms_in_F b end.
Fixpoint exact t := match t with term x => x | add a b => exact a + exact b end.
Fixpoint computed t := match t with term x => x | add a b => rounded (computed a + computed b) end.
Fixpoint magnitude t := match t with term x => Rabs x | add a b => magnitude a + magnitude b end.
Fixpoint additions t := match t with term _ => 0 | add a b => additions a + additions b + 1 end.

(* 2^-p *)
Definition u := bpow radix2 (- p).

Lemma u_range : 0 < u <= 1.
Proof.
  split. apply bpow_gt_0. change 1 with (bpow radix2 0). apply bpow_le.
  unfold Prec_gt_0 in p_gt_0. lia.
Qed.

Lemma magnitude_pos : forall t, 0 <= magnitude t.
Proof. induction t; simpl. apply Rabs_pos. lra. Qed.

Lemma additions_pos : forall t, 0 <= additions t.
Proof. induction t; simpl; lra. Qed.

Lemma exact_le : forall t, Rabs (exact t) <= magnitude t.
Proof.
  induction t; simpl. lra. apply Rle_trans with (1 := Rabs_triang _ _). lra.
Qed.

Lemma computed_in_F : forall t, terms_in_F t -> F (computed t).
Proof.
  destruct t; simpl. auto. intros _. apply generic_format_round; typeclasses eauto.
Qed.

(* One addition is off by at most u of its result, and by at most either operand. *)
Lemma addition_relative : forall a b, F a -> F b ->
  Rabs (rounded (a + b) - (a + b)) <= u * Rabs (a + b).
Proof.
  intros a b Fa Fb.
  destruct (FLT_plus_error_N_ex radix2 emin p (fun x => negb (Z.even x)) a b Fa Fb)
    as (eps & Heps & E).
  rewrite E. replace ((a + b) * (1 + eps) - (a + b)) with (eps * (a + b)) by ring.
  rewrite Rabs_mult. apply Rmult_le_compat_r. apply Rabs_pos.
  apply Rle_trans with (1 := Heps).
  assert (Hu : u_ro radix2 p = u).
  { unfold u_ro, u. rewrite bpow_plus. change (bpow radix2 1) with 2. lra. }
  rewrite Hu. pose proof u_range.
  apply Rmult_le_reg_r with (1 + u). lra. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra.
Qed.

Lemma addition_left : forall a b, F a -> Rabs (rounded (a + b) - (a + b)) <= Rabs b.
Proof.
  intros a b Fa.
  destruct (round_N_pt radix2 (FLT_exp emin p) (fun x => negb (Z.even x)) (a + b)) as (_ & H).
  specialize (H a Fa). replace (a - (a + b)) with (- b) in H by ring. now rewrite Rabs_Ropp in H.
Qed.

Theorem sum_in_any_order : forall t, terms_in_F t ->
  Rabs (computed t - exact t) <= additions t * u * magnitude t.
Proof.
  induction t as [x | a IHa b IHb]; simpl.
  - intros _. rewrite Rminus_eq_0, Rabs_R0. lra.
  - intros [Fa Fb]. specialize (IHa Fa). specialize (IHb Fb).
    assert (Ca := computed_in_F a Fa). assert (Cb := computed_in_F b Fb).
    assert (Hr := addition_relative _ _ Ca Cb).
    assert (Hl := addition_left _ (computed b) Ca).
    assert (Hb := addition_left _ (computed a) Cb). rewrite (Rplus_comm (computed b)) in Hb.
    pose proof (magnitude_pos a) as Sa. pose proof (magnitude_pos b) as Sb.
    pose proof (additions_pos a) as Na. pose proof (additions_pos b) as Nb.
    pose proof (exact_le a) as Ea. pose proof (exact_le b) as Eb. pose proof u_range as Hu.
    set (d := rounded (computed a + computed b) - (computed a + computed b)) in *.
    replace (rounded (computed a + computed b) - (exact a + exact b)) with
      ((computed a - exact a) + (computed b - exact b) + d) by (unfold d; ring).
    (* What was computed is no larger than what there was and the error. *)
    assert (Ka : Rabs (computed a) <= magnitude a + additions a * u * magnitude a).
    { replace (computed a) with (exact a + (computed a - exact a)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    assert (Kb : Rabs (computed b) <= magnitude b + additions b * u * magnitude b).
    { replace (computed b) with (exact b + (computed b - exact b)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    apply Rle_trans with (1 := Rabs_triang _ _).
    apply Rle_trans with (additions a * u * magnitude a + additions b * u * magnitude b + Rabs d).
    { apply Rplus_le_compat_r. apply Rle_trans with (1 := Rabs_triang _ _). lra. }
    set (A := magnitude a) in *. set (B := magnitude b) in *.
    set (n := additions a) in *. set (m := additions b) in *.
    assert (0 <= n * u) by (apply Rmult_le_pos; lra).
    assert (0 <= m * u) by (apply Rmult_le_pos; lra).
    assert (0 <= n * u * B) by (apply Rmult_le_pos; lra).
    assert (0 <= m * u * A) by (apply Rmult_le_pos; lra).
    assert (0 <= u * B) by (apply Rmult_le_pos; lra).
    assert (0 <= u * A) by (apply Rmult_le_pos; lra).
    destruct (Rle_or_lt B (u * A)) as [HB | HB].
    + (* The right sum is tiny: the addition is off by no more than it. *)
      assert (m * u * B <= m * u * A) by (apply Rmult_le_compat_l; nra).
      lra.
    + destruct (Rle_or_lt A (u * B)) as [HA | HA].
      * assert (n * u * A <= n * u * B) by (apply Rmult_le_compat_l; nra).
        lra.
      * (* Neither is: the relative error of the addition. *)
        assert (Hs : Rabs (computed a + computed b) <= A + n * u * A + (B + m * u * B)).
        { apply Rle_trans with (1 := Rabs_triang _ _). lra. }
        assert (u * Rabs (computed a + computed b) <= u * (A + n * u * A + (B + m * u * B))).
        { apply Rmult_le_compat_l; lra. }
        assert (n * u * (u * A) <= n * u * B) by (apply Rmult_le_compat_l; lra).
        assert (m * u * (u * B) <= m * u * A) by (apply Rmult_le_compat_l; lra).
        lra.
Qed.

End Sum.

Definition theorem := sum_in_any_order.
Print Assumptions theorem.
