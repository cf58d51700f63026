(* SPDX-License-Identifier: Apache-2.0 *)
(* Absorption for ALL formats at once, proved from the definition of rounding (Coq with Flocq;
   Debian: coq, libcoq-flocq). The second proof of the claim "absorption-threshold"; the first,
   absorption.smt2, is about real numbers and takes "half a step" as given. Here the format, the
   noise's bitwidth b, the maximum M, the weight w and the noise R are arbitrary, and so is the
   wider format in between (binary32 in contract section 7).

   Formats are those of contract section 1 below their overflow: prec = m + 1 significant bits and
   subnormals of quantum 2^emin. *)
From Coq Require Import ZArith Reals Lra Lia.
From Flocq Require Import Core.
Local Open Scope R_scope.

Section Formats.

(* The output format and the wider one. *)
Variables (emin prec emin' prec' : Z).
Context {prec_gt_0_ : Prec_gt_0 prec} {prec_gt_0_' : Prec_gt_0 prec'}.
Hypothesis wider_prec : (prec + 1 <= prec')%Z.
Hypothesis wider_emin : (emin' <= emin - 1)%Z.

Notation narrow := (FLT_exp emin prec).
Notation wide := (FLT_exp emin' prec').
Notation F := (generic_format radix2 narrow).
Notation G := (generic_format radix2 wide).
Notation ulp := (ulp radix2 narrow).
Notation succ := (succ radix2 narrow).
Notation pred := (pred radix2 narrow).

(* Contract section 7: one rounding of R s + w to the wider format, then a cast. *)
Definition total (r : Z) (s w : R) := round radix2 wide ZnearestE (IZR r * s + w).
Definition sampled (r : Z) (s w : R) := round radix2 narrow ZnearestE (total r s w).

(* Contract section 6, for a whole bitwidth b. *)
Definition scale (M : R) (b : Z) := M * bpow radix2 (1 - b).

Section Upward.

(* A block: a normal maximum M, and a weight w no larger. *)
Variables (M w : R).
Hypothesis M_normal : bpow radix2 (emin + prec - 1) <= M.
Hypothesis M_in_F : F M.
Hypothesis w_in_F : F w.
Hypothesis w_le_M : Rabs w <= M.

Lemma narrow_in_wide : forall x, F x -> G x.
Proof.
  intros x Hx. apply generic_inclusion_mag with (2 := Hx). intros _. unfold FLT_exp. lia.
Qed.

Lemma M_pos : 0 < M.
Proof. apply Rlt_le_trans with (2 := M_normal). apply bpow_gt_0. Qed.

Lemma scale_pos : forall b, 0 < scale M b.
Proof. intros b. apply Rmult_lt_0_compat. apply M_pos. apply bpow_gt_0. Qed.

Lemma lt_succ : forall x, x < succ x.
Proof.
  intros x. destruct (Req_dec x 0) as [-> | Hx].
  - rewrite succ_0, ulp_FLT_0 by assumption. apply bpow_gt_0.
  - now apply succ_gt_id.
Qed.

(* The weight's neighbour is at most half of 2^prec scales away from it... *)
Lemma ulp_M_le : ulp M <= M * bpow radix2 (1 - prec).
Proof.
  pose proof M_pos. rewrite <- (Rabs_pos_eq M) at 2 by lra. apply ulp_FLT_le.
  rewrite Rabs_pos_eq by lra. exact M_normal.
Qed.

Lemma succ_w_le : succ w <= w + ulp M.
Proof.
  pose proof M_pos. apply Rle_trans with (w + ulp w).
  - apply succ_le_plus_ulp. typeclasses eauto.
  - apply Rplus_le_compat_l, ulp_le; try typeclasses eauto.
    rewrite (Rabs_pos_eq M) by lra. exact w_le_M.
Qed.

(* ... and noise moves the weight by a scale at least. *)
Lemma noise_moves : forall (r : Z) s, (1 <= r)%Z -> 0 < s -> w + s <= IZR r * s + w.
Proof.
  intros r s Hr Hs. assert (1 <= IZR r) by now apply IZR_le.
  assert (1 * s <= IZR r * s) by (apply Rmult_le_compat_r; lra). lra.
Qed.

Lemma never_absorbed_upward : forall r b, (1 <= r)%Z -> (b <= prec)%Z ->
  w < sampled r (scale M b) w.
Proof.
  intros r b Hr Hb. apply Rlt_le_trans with (1 := lt_succ w).
  assert (Hs : F (succ w)) by (apply generic_format_succ; [typeclasses eauto | exact w_in_F]).
  apply round_ge_generic; try typeclasses eauto. exact Hs.
  apply round_ge_generic; try typeclasses eauto. now apply narrow_in_wide.
  apply Rle_trans with (2 := noise_moves r (scale M b) Hr (scale_pos b)).
  apply Rle_trans with (1 := succ_w_le). apply Rplus_le_compat_l.
  apply Rle_trans with (1 := ulp_M_le). pose proof M_pos.
  apply Rmult_le_compat_l. lra. apply bpow_le. lia.
Qed.

(* A number of the format is a whole number of its ulps, fewer than 2^prec. *)
Lemma whole_ulps : forall x, F x -> x <> 0 ->
  exists k, x = IZR k * ulp x /\ (Z.abs k < 2 ^ prec)%Z.
Proof.
  intros x Fx Hx. rewrite ulp_neq_0 by exact Hx. set (e := cexp radix2 narrow x).
  exists (Ztrunc (scaled_mantissa radix2 narrow x)).
  set (k := Ztrunc (scaled_mantissa radix2 narrow x)).
  assert (Ek : x = IZR k * bpow radix2 e) by exact Fx. split. exact Ek.
  apply lt_IZR. rewrite abs_IZR. change 2%Z with (radix_val radix2).
  rewrite IZR_Zpower by (apply Zlt_le_weak, prec_gt_0_).
  apply Rmult_lt_reg_r with (bpow radix2 e). apply bpow_gt_0.
  rewrite <- bpow_plus. rewrite <- (Rabs_pos_eq (bpow radix2 e)) at 1 by apply bpow_ge_0.
  rewrite <- Rabs_mult, <- Ek. apply Rlt_le_trans with (1 := bpow_mag_gt radix2 x).
  apply bpow_le. unfold e, cexp, FLT_exp. lia.
Qed.

(* The number half way between two neighbours is one of the wider format. *)
Lemma midpoint_in_wide_pos : forall x, 0 <= x -> F x -> G ((x + succ x) / 2).
Proof.
  intros x Hx Fx. rewrite succ_eq_pos by exact Hx.
  destruct (Req_dec x 0) as [-> | Hx0].
  - rewrite ulp_FLT_0 by assumption.
    replace ((0 + (0 + bpow radix2 emin)) / 2) with (bpow radix2 (emin - 1)).
    + apply generic_format_bpow. unfold FLT_exp.
      assert (Hp := prec_gt_0_). unfold Prec_gt_0 in Hp. lia.
    + unfold Zminus. rewrite bpow_plus. change (bpow radix2 (-(1))) with (/ 2). lra.
  - destruct (whole_ulps x Fx Hx0) as (k & Ek & Hk). rewrite ulp_neq_0 in * by exact Hx0.
    set (e := cexp radix2 narrow x) in *.
    assert (He : (emin <= e)%Z) by (unfold e, cexp, FLT_exp; lia).
    assert (Hp := prec_gt_0_). unfold Prec_gt_0 in Hp.
    apply generic_format_FLT. exists (Float radix2 (2 * k + 1) (e - 1)).
    + unfold F2R. cbn [Fnum Fexp]. rewrite Ek at 1 2. rewrite plus_IZR, mult_IZR.
      unfold Zminus. rewrite bpow_plus. change (bpow radix2 (-(1))) with (/ 2). lra.
    + cbn [Fnum]. change (radix_val radix2) with 2%Z. apply Z.lt_le_trans with (2 ^ (prec + 1))%Z.
      * rewrite Z.pow_add_r, Z.pow_1_r by lia. lia.
      * apply Z.pow_le_mono_r; lia.
    + cbn [Fexp]. lia.
Qed.

Lemma midpoint_in_wide : forall x, F x -> G ((x + succ x) / 2).
Proof.
  intros x Fx. destruct (Rle_or_lt 0 x) as [Hx | Hx]. now apply midpoint_in_wide_pos.
  assert (F (- x)) by now apply generic_format_opp.
  replace ((x + succ x) / 2) with (- ((pred (- x) + succ (pred (- x))) / 2)).
  - apply generic_format_opp, midpoint_in_wide_pos.
    + apply pred_ge_0; [typeclasses eauto | lra | assumption].
    + apply generic_format_pred; [typeclasses eauto | assumption].
  - rewrite succ_pred by (try typeclasses eauto; assumption). rewrite pred_opp. lra.
Qed.

Lemma ties_only_upward : forall r, (1 <= r)%Z ->
  w < sampled r (scale M (prec + 1)) w \/ total r (scale M (prec + 1)) w = (w + succ w) / 2.
Proof.
  intros r Hr. set (b := (prec + 1)%Z).
  assert (Ht : (w + succ w) / 2 <= total r (scale M b) w).
  { apply round_ge_generic; try typeclasses eauto. now apply midpoint_in_wide.
    apply Rle_trans with (2 := noise_moves r (scale M b) Hr (scale_pos b)).
    assert (ulp M <= 2 * scale M b).
    { apply Rle_trans with (1 := ulp_M_le). unfold scale, b.
      replace (1 - (prec + 1))%Z with ((1 - prec) + (-1))%Z by ring.
      rewrite bpow_plus. change (bpow radix2 (-1)) with (/ 2). lra. }
    pose proof succ_w_le. lra. }
  destruct (Rle_lt_or_eq_dec _ _ Ht) as [Hlt | Heq]; [left | right; now symmetry].
  apply Rlt_le_trans with (1 := lt_succ w). apply round_N_ge_midp; try typeclasses eauto.
  - apply generic_format_succ; [typeclasses eauto | exact w_in_F].
  - rewrite pred_succ by (try typeclasses eauto; exact w_in_F). lra.
Qed.

(* b >= m + 3: noise of 1 is absorbed by every positive weight of M's own binade, and below the
   tie. *)
Lemma absorbed_upward : forall b, (prec + 2 <= b)%Z -> (2 * prec + 1 <= prec')%Z ->
  (emin' <= emin - prec - 1)%Z -> 0 < w -> ulp w = ulp M ->
  sampled 1 (scale M b) w = w /\ total 1 (scale M b) w < (w + succ w) / 2.
Proof.
  intros b Hb Hprec Hemin Hw Hulp. pose proof M_pos as HM.
  assert (Hp := prec_gt_0_). unfold Prec_gt_0 in Hp.
  destruct (whole_ulps w w_in_F) as (k & Ek & Hk). lra.
  destruct (whole_ulps M M_in_F) as (K & EK & HK). lra.
  rewrite <- Hulp in EK. rewrite ulp_neq_0 in * by lra.
  set (e := cexp radix2 narrow w) in *.
  assert (He : (emin <= e)%Z) by (unfold e, cexp, FLT_exp; lia).
  (* g is the last number of the wider format that s can take w to. *)
  set (g := F2R (Float radix2 (k * 2 ^ (prec + 1) + 2 ^ prec - 1) (e - prec - 1))).
  assert (Hpow : (0 < 2 ^ prec)%Z) by (apply Z.pow_pos_nonneg; lia).
  assert (Gg : G g).
  { apply generic_format_FLT. eexists. reflexivity.
    - cbn [Fnum]. change (radix_val radix2) with 2%Z.
      apply Z.lt_le_trans with (2 ^ (2 * prec + 1))%Z; [| apply Z.pow_le_mono_r; lia].
      replace (2 * prec + 1)%Z with (prec + (prec + 1))%Z by ring.
      rewrite (Z.pow_add_r 2 prec (prec + 1)), Z.pow_add_r, Z.pow_1_r by lia. nia.
    - cbn [Fexp]. lia. }
  assert (Eg : g = w + bpow radix2 e * / 2 - bpow radix2 (e - prec - 1)).
  { unfold g, F2R. cbn [Fnum Fexp]. rewrite minus_IZR, plus_IZR, mult_IZR.
    change 2%Z with (radix_val radix2). rewrite !IZR_Zpower by lia. rewrite Ek at 1.
    rewrite Rmult_minus_distr_r, Rmult_plus_distr_r, Rmult_assoc, <- !bpow_plus.
    replace (prec + 1 + (e - prec - 1))%Z with e by ring.
    replace (prec + (e - prec - 1))%Z with (e + -(1))%Z by ring.
    rewrite (bpow_plus _ e). change (bpow radix2 (-(1))) with (/ 2).
    change (IZR radix2) with 2. ring. }
  assert (Hs : IZR 1 * scale M b + w <= g).
  { rewrite Eg. assert (IZR K <= bpow radix2 prec - 1).
    { rewrite <- IZR_Zpower by lia. rewrite <- minus_IZR. apply IZR_le.
      change (radix_val radix2) with 2%Z. lia. }
    assert (scale M b <= M * bpow radix2 (- prec - 1)).
    { apply Rmult_le_compat_l. lra. apply bpow_le. lia. }
    assert (M * bpow radix2 (- prec - 1) <=
            (bpow radix2 prec - 1) * bpow radix2 (e - prec - 1)).
    { rewrite EK, Rmult_assoc, <- bpow_plus.
      replace (e + (- prec - 1))%Z with (e - prec - 1)%Z by ring.
      apply Rmult_le_compat_r. apply bpow_ge_0. assumption. }
    assert (bpow radix2 prec * bpow radix2 (e - prec - 1) = bpow radix2 e * / 2).
    { rewrite <- bpow_plus. replace (prec + (e - prec - 1))%Z with (e + -(1))%Z by ring.
      rewrite bpow_plus. reflexivity. }
    lra. }
  assert (Hmid : g < (w + succ w) / 2).
  { rewrite succ_eq_pos by lra. rewrite ulp_neq_0 by lra. fold e. rewrite Eg.
    pose proof (bpow_gt_0 radix2 (e - prec - 1)). lra. }
  assert (Ht : total 1 (scale M b) w <= g).
  { apply round_le_generic; try typeclasses eauto; assumption. }
  split; [| lra]. apply Rle_antisym.
  - apply round_N_le_midp; try typeclasses eauto. exact w_in_F. lra.
  - apply round_ge_generic; try typeclasses eauto. exact w_in_F.
    apply round_ge_generic; try typeclasses eauto. now apply narrow_in_wide.
    pose proof (scale_pos b). lra.
Qed.

End Upward.

(* --- The theorem, for noise of either sign *)

Lemma sampled_opp : forall r s w, sampled (- r) s (- w) = - sampled r s w.
Proof.
  intros r s w. unfold sampled, total. rewrite opp_IZR.
  replace (- IZR r * s + - w) with (- (IZR r * s + w)) by ring. now rewrite !round_NE_opp.
Qed.

Lemma total_opp : forall r s w, total (- r) s (- w) = - total r s w.
Proof.
  intros r s w. unfold total. rewrite opp_IZR.
  replace (- IZR r * s + - w) with (- (IZR r * s + w)) by ring. apply round_NE_opp.
Qed.

(* In a block with a normal maximum M, a weight w and any whole R but 0: *)
Definition in_block (M w : R) := bpow radix2 (emin + prec - 1) <= M /\ F M /\ F w /\ Rabs w <= M.

Lemma in_block_opp : forall M w, in_block M w -> in_block M (- w).
Proof.
  intros M w (HM & FM & Fw & Hw). repeat split; try assumption.
  - now apply generic_format_opp.
  - now rewrite Rabs_Ropp.
Qed.

(* b <= m + 1: never absorbed. *)
Theorem never_absorbed : forall M w r b, in_block M w -> r <> 0%Z -> (b <= prec)%Z ->
  sampled r (scale M b) w <> w.
Proof.
  intros M w r b Hblock Hr Hb. destruct (Z_lt_le_dec r 0) as [Hneg | Hpos].
  - destruct (in_block_opp _ _ Hblock) as (HM & FM & Fw & Hw).
    pose proof (never_absorbed_upward M (- w) HM Fw Hw (- r) b ltac:(lia) Hb) as H.
    rewrite sampled_opp in H. lra.
  - destruct Hblock as (HM & FM & Fw & Hw).
    pose proof (never_absorbed_upward M w HM Fw Hw r b ltac:(lia) Hb) as H. lra.
Qed.

(* b = m + 2: only at ties of the second rounding. *)
Theorem absorbed_at_ties_only : forall M w r, in_block M w -> r <> 0%Z ->
  sampled r (scale M (prec + 1)) w = w ->
  total r (scale M (prec + 1)) w = (w + succ w) / 2 \/
  total r (scale M (prec + 1)) w = (w + pred w) / 2.
Proof.
  intros M w r Hblock Hr Habs. destruct (Z_lt_le_dec r 0) as [Hneg | Hpos].
  - right. destruct (in_block_opp _ _ Hblock) as (HM & FM & Fw & Hw).
    pose proof (ties_only_upward M (- w) HM Fw Hw (- r) ltac:(lia)) as H.
    rewrite sampled_opp, total_opp, succ_opp in H. lra.
  - left. destruct Hblock as (HM & FM & Fw & Hw).
    pose proof (ties_only_upward M w HM Fw Hw r ltac:(lia)) as H. lra.
Qed.

(* b >= m + 3: absorbed, and not only at ties: noise of R = 1 by every positive weight of M's own
   binade, M itself among them, where the wider format holds 2 m + 3 bits (binary32: m <= 10). *)
Theorem absorbed_beyond_ties : forall M w b, in_block M w -> (prec + 2 <= b)%Z ->
  (2 * prec + 1 <= prec')%Z -> (emin' <= emin - prec - 1)%Z -> 0 < w -> ulp w = ulp M ->
  sampled 1 (scale M b) w = w /\ total 1 (scale M b) w < (w + succ w) / 2.
Proof.
  intros M w b (HM & FM & Fw & Hw). now apply absorbed_upward.
Qed.

End Formats.

(* bfloat16 by way of binary32: 8 and 24 bits, quanta 2^-133 and 2^-149. *)
Corollary bfloat16_carries_8_bits : forall M w r b, in_block (-133) 8 M w -> r <> 0%Z ->
  (b <= 8)%Z -> sampled (-133) 8 (-149) 24 r (scale M b) w <> w.
Proof.
  intros M w r b. apply never_absorbed; unfold Prec_gt_0; lia.
Qed.

Definition theorem := (never_absorbed, absorbed_at_ties_only, absorbed_beyond_ties).
Print Assumptions theorem.
