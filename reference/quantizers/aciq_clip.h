// SPDX-License-Identifier: Apache-2.0
// ACIQ's clips as binary32 constants (contract section 14), for the input of fit's rules `sigma`
// and `laplace`. Their maker is analysis/clip_rules.h; a test makes them again.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ACIQ_CLIP_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ACIQ_CLIP_H_

#include <array>

#include "formats/codec.h"

namespace ulproof::reference {

// In standard deviations of normal weights, and in mean absolute deviations of Laplace ones. The
// first is for 1 bit, the last for 16.
inline constexpr std::array<formats::Code, 16> kAciqNormalClips = {
    0x3F9E'B537, 0x3FDA'F618, 0x4009'B3B2, 0x4023'C8E4, 0x403B'EAB6, 0x4052'5CCD,
    0x4067'5E08, 0x407B'2366, 0x4086'EC2D, 0x408F'D02A, 0x4098'4C2F, 0x40A0'6C38,
    0x40A8'3A41, 0x40AF'BEAE, 0x40B7'009C, 0x40BE'0621};
inline constexpr std::array<formats::Code, 16> kAciqLaplaceClips = {
    0x3FEE'70C8, 0x4035'29E9, 0x4079'6C35, 0x40A0'EA9F, 0x40C6'8D72, 0x40ED'3854,
    0x410A'5476, 0x411E'5921, 0x4132'9A5C, 0x4147'0CA9, 0x415B'A777, 0x4170'6435,
    0x4182'9EE4, 0x418D'1810, 0x4197'9BFB, 0x41A2'2950};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ACIQ_CLIP_H_
