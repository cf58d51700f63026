// SPDX-License-Identifier: Apache-2.0
// Made by tests/cpu/exp2_table_maker.cc; do not edit.
// clang-format off
#ifndef ULPROOF_CPU_EXP2_TABLE_H_
#define ULPROOF_CPU_EXP2_TABLE_H_

#include <array>
#include <cstdint>

namespace ulproof::cpu {

inline constexpr int kExp2TableBits = 6;

// round(2^(i/64) * 2^63)
inline constexpr std::array<std::uint64_t, 64> kExp2Table = {
    0x8000000000000000,
    0x8164d1f3bc030773,
    0x82cd8698ac2ba1d7,
    0x843a28c3acde4046,
    0x85aac367cc487b15,
    0x871f61969e8d1010,
    0x88980e8092da8527,
    0x8a14d575496efd9a,
    0x8b95c1e3ea8bd6e7,
    0x8d1adf5b7e5ba9e6,
    0x8ea4398b45cd53c0,
    0x9031dc431466b1dc,
    0x91c3d373ab11c336,
    0x935a2b2f13e6e92c,
    0x94f4efa8fef70961,
    0x96942d3720185a00,
    0x9837f0518db8a96f,
    0x99e0459320b7fa65,
    0x9b8d39b9d54e5539,
    0x9d3ed9a72cffb751,
    0x9ef5326091a111ae,
    0xa0b0510fb9714fc2,
    0xa27043030c496819,
    0xa43515ae09e6809e,
    0xa5fed6a9b15138ea,
    0xa7cd93b4e965356a,
    0xa9a15ab4ea7c0ef8,
    0xab7a39b5a93ed337,
    0xad583eea42a14ac6,
    0xaf3b78ad690a4375,
    0xb123f581d2ac2590,
    0xb311c412a9112489,
    0xb504f333f9de6484,
    0xb6fd91e328d17791,
    0xb8fbaf4762fb9ee9,
    0xbaff5ab2133e45fb,
    0xbd08a39f580c36bf,
    0xbf1799b67a731083,
    0xc12c4cca66709456,
    0xc346ccda24976407,
    0xc5672a115506dadd,
    0xc78d74c8abb9b15d,
    0xc9b9bd866e2f27a3,
    0xcbec14fef2727c5d,
    0xce248c151f8480e4,
    0xd06333daef2b2595,
    0xd2a81d91f12ae45a,
    0xd4f35aabcfedfa1f,
    0xd744fccad69d6af4,
    0xd99d15c278afd7b6,
    0xdbfbb797daf23755,
    0xde60f4825e0e9124,
    0xe0ccdeec2a94e111,
    0xe33f8972be8a5a51,
    0xe5b906e77c8348a8,
    0xe8396a503c4bdc68,
    0xeac0c6e7dd24392f,
    0xed4f301ed9942b84,
    0xefe4b99bdcdaf5cb,
    0xf281773c59ffb13a,
    0xf5257d152486cc2c,
    0xf7d0df730ad13bb9,
    0xfa83b2db722a033a,
    0xfd3e0c0cf486c175,
};

// round(ln(2)^k / k! * 2^64), k = 1..7
inline constexpr std::array<std::uint64_t, 7> kExp2Coefficients = {
    0xb17217f7d1cf79ac,
    0x3d7f7bff058b1d51,
    0x0e35846b82505fc6,
    0x0276556df749cee5,
    0x005761ff9e299cc4,
    0x000a184897c363c4,
    0x0000ffe5fe2c4586,
};

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_EXP2_TABLE_H_
