// SPDX-License-Identifier: Apache-2.0
// Typed memory. Would catch an element that spills into its neighbour, a width that is not the
// format's, and a view that is read past its end.
#include "formats/tensor.h"

#include <gtest/gtest.h>

namespace ulproof::formats {
namespace {

struct TypeRow {
  ElementType type;
  int bytes, hex_digits;
  const char* name;
};

const TypeRow kTypes[] = {
    {ElementType::CodeOf(kFloat4E2m1fn), 1, 1, "float4_e2m1fn"},
    {ElementType::CodeOf(kFloat6E3m2fn), 1, 2, "float6_e3m2fn"},
    {ElementType::CodeOf(SpecOf("float12_e4m7")), 2, 3, "float12_e4m7"},
    {ElementType::CodeOf(kBfloat16), 2, 4, "bfloat16"},
    {ElementType::CodeOf(SpecOf("tfloat32")), 4, 5, "tfloat32"},
    {ElementType::CodeOf(kFloat32), 4, 8, "float32"},
    {ElementType::CodeOf(kFloat64), 8, 16, "float64"},
    {ElementType::Int8(), 1, 2, "int8"},
    {ElementType::NibbleWord(), 4, 8, "nibbles"},
};

// Not inlined: GCC 12 warns of the widths that a known type does not take (a false positive).
[[gnu::noinline]] Tensor MakeTensor(const ElementType& type, std::uint64_t count) {
  return Tensor(type, count);
}

TEST(ElementTypeTest, HasItsWidthAndName) {
  for (const TypeRow& row : kTypes) {
    EXPECT_EQ(row.type.bytes(), row.bytes) << row.name;
    EXPECT_EQ(row.type.hex_digits(), row.hex_digits) << row.name;
    EXPECT_EQ(ElementTypeName(row.type), row.name);
  }
}

TEST(TensorTest, StartsAtZeroAndKeepsWhatIsSet) {
  for (const TypeRow& row : kTypes) {
    SCOPED_TRACE(row.name);
    const Code mask = row.bytes == 8 ? ~Code{0} : (Code{1} << (8 * row.bytes)) - 1;
    for (const std::uint64_t count : {1, 7, 8, 9, 64}) {
      Tensor tensor = MakeTensor(row.type, count);
      EXPECT_EQ(tensor.count(), count);
      for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(tensor.Get(i), 0u);
      for (std::uint64_t i = 0; i < count; ++i) tensor.Set(i, ~i & mask);
      for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(tensor.Get(i), ~i & mask);
      tensor.Set(count / 2, 0);
      for (std::uint64_t i = 0; i < count; ++i) {
        EXPECT_EQ(tensor.Get(i), i == count / 2 ? 0 : ~i & mask);
      }
    }
  }
}

TEST(TensorTest, MemoryIsLittleEndianElementsInARow) {
  Tensor tensor = MakeTensor(ElementType::CodeOf(kBfloat16), 3);
  tensor.Set(0, 0x1122);
  tensor.Set(2, 0x3344);
  const auto* bytes = static_cast<const std::uint8_t*>(tensor.view().data);
  const std::uint8_t expected[] = {0x22, 0x11, 0, 0, 0x44, 0x33};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(bytes[i], expected[i]) << i;
  EXPECT_EQ(tensor.view().As<std::uint16_t>()[2], 0x3344);
}

TEST(TensorTest, ComparesTypesCountsAndElements) {
  Tensor a = MakeTensor(ElementType::CodeOf(kBfloat16), 3), b = a;
  EXPECT_EQ(a, b);
  b.Set(2, 1);
  EXPECT_NE(a, b);
  EXPECT_NE(a, Tensor(ElementType::CodeOf(kFloat16), 3));
  EXPECT_NE(a, Tensor(ElementType::CodeOf(kBfloat16), 4));
}

TEST(TensorDeathTest, IsNotReadOrWrittenPastItsEnd) {
  Tensor tensor = MakeTensor(ElementType::Int8(), 3);
  EXPECT_DEATH((void)tensor.Get(3), "broken promise");
  EXPECT_DEATH(tensor.Set(3, 0), "broken promise");
  EXPECT_DEATH((void)tensor.view().As<std::uint16_t>(), "broken promise");
}

}  // namespace
}  // namespace ulproof::formats
