// SPDX-License-Identifier: Apache-2.0
// A manifest from JSON. Every value is taken through Reader, which knows where in the document it
// stands, so that each error names its place.
#include <fmt/format.h>

#include <bit>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "gpu/user_kernel/manifest.h"

namespace ulproof::gpu {
namespace {

using base::Error;
using base::Result;
using base::Status;
using formats::Operation;
using Json = nlohmann::json;
using Names = std::span<const std::string_view>;

template <std::size_t N>
std::optional<std::size_t> IndexOf(const std::array<std::string_view, N>& names,
                                   std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

std::optional<std::size_t> PortIndex(const std::vector<formats::Port>& ports,
                                     std::string_view name) {
  const auto found = std::ranges::find(ports, name, &formats::Port::name);
  if (found == ports.end()) return std::nullopt;
  return static_cast<std::size_t>(found - ports.begin());
}

class ManifestReader {
 public:
  ManifestReader(std::string_view file, const std::optional<Operation>& op)
      : file_(file), given_(op) {}

  Result<Manifest> Read(const Json& json) {
    static constexpr auto kKeys =
        std::to_array<std::string_view>({"operation", "launches", "scratch", "fixed", "multiple_of",
                                         "at_most", "layouts", "nan", "notes"});
    Status status = CheckKeys(json, "", kKeys);
    if (status.ok()) status = ReadOperation(json);
    if (status.ok()) status = ReadScratch(json);
    if (status.ok()) status = ReadLaunches(json);
    if (status.ok()) status = ReadLimits(json);
    if (status.ok()) status = ReadLayouts(json);
    if (status.ok()) status = ReadNan(json);
    if (!status.ok()) return status.error();
    manifest_.file = file_;
    return std::move(manifest_);
  }

 private:
  Error Wrong(const std::string& place, const std::string& message) const {
    Error error = base::UsageError((place.empty() ? "" : place + ": ") + message);
    error.file = file_;
    return error;
  }

  Status CheckKeys(const Json& json, const std::string& place, Names known) const {
    if (!json.is_object()) return Wrong(place, "expected an object { }");
    for (const auto& [key, value] : json.items()) {
      if (std::ranges::count(known, key) == 0) {
        return Wrong(place, base::UnknownName("key", key, known).message);
      }
    }
    return base::Done{};
  }

  Result<std::string> Text(const Json& json, const std::string& place) const {
    if (!json.is_string()) return Wrong(place, "expected a text in quotes");
    return json.get<std::string>();
  }

  // A number, or a text that is an expression.
  Result<Expression> ReadExpression(const Json& json, const std::string& place) const {
    if (json.is_number_unsigned()) return Expression::Constant(json.get<std::uint64_t>());
    if (!json.is_string()) return Wrong(place, "expected a number >= 0 or an expression in quotes");
    auto expression = Expression::Parse(json.get<std::string>(), kFieldNames);
    if (!expression.ok()) return Wrong(place, expression.error().message);
    return expression;
  }

  Status ReadOperation(const Json& json) {
    if (!json.contains("operation")) {
      if (!given_) return Wrong("", "no \"operation\", and none on the command line (--op)");
      manifest_.op = *given_;
    } else {
      const auto text = Text(json["operation"], "/operation");
      if (!text.ok()) return text.error();
      const auto op = formats::ParseOperation(*text);
      if (!op.ok()) return Wrong("/operation", op.error().ToString());
      manifest_.op = given_ ? *given_ : *op;
      if (OperationName(PrototypeOf(*op)) != OperationName(PrototypeOf(manifest_.op))) {
        return Wrong(
            "/operation",
            fmt::format("'{}' is not the operation of the command line, '{}'",
                        OperationName(PrototypeOf(*op)), OperationName(PrototypeOf(manifest_.op))));
      }
    }
    signature_ = formats::SignatureOf(manifest_.op);
    manifest_.input_layouts.resize(signature_.inputs.size());
    manifest_.output_layouts.resize(signature_.outputs.size());
    return base::Done{};
  }

  Status ReadScratch(const Json& json) {
    if (!json.contains("scratch")) return base::Done{};
    const Json& list = json["scratch"];
    if (!list.is_array()) return Wrong("/scratch", "expected a list [ ]");
    for (std::size_t i = 0; i < list.size(); ++i) {
      static constexpr auto kKeys = std::to_array<std::string_view>({"name", "bytes"});
      const std::string place = fmt::format("/scratch/{}", i);
      if (Status known = CheckKeys(list[i], place, kKeys); !known.ok()) return known;
      for (const std::string_view key : kKeys) {
        if (!list[i].contains(key)) return Wrong(place, fmt::format("no \"{}\"", key));
      }
      auto name = Text(list[i]["name"], place + "/name");
      if (!name.ok()) return name.error();
      auto bytes = ReadExpression(list[i]["bytes"], place + "/bytes");
      if (!bytes.ok()) return bytes.error();
      manifest_.scratch.push_back({std::move(name).value(), std::move(bytes).value()});
    }
    return base::Done{};
  }

  Status ReadLaunches(const Json& json) {
    if (!json.contains("launches")) return Wrong("", "no \"launches\"");
    const Json& list = json["launches"];
    if (!list.is_array() || list.empty())
      return Wrong("/launches", "expected a list [ ] of launches");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Status read = ReadLaunch(list[i], fmt::format("/launches/{}", i));
      if (!read.ok()) return read;
    }
    return base::Done{};
  }

  Status ReadLaunch(const Json& json, const std::string& place) {
    static constexpr auto kKeys = std::to_array<std::string_view>(
        {"entry", "arguments", "grid", "block", "shared_bytes", "notes"});
    if (Status known = CheckKeys(json, place, kKeys); !known.ok()) return known;
    ManifestLaunch launch;
    if (json.contains("entry")) {
      auto entry = Text(json["entry"], place + "/entry");
      if (!entry.ok()) return entry.error();
      launch.entry = std::move(entry).value();
    }
    for (const std::string_view key : {"arguments", "grid", "block"}) {
      if (!json.contains(key)) return Wrong(place, fmt::format("no \"{}\"", key));
    }
    const Json& arguments = json["arguments"];
    if (!arguments.is_array()) return Wrong(place + "/arguments", "expected a list [ ]");
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      auto argument = ReadArgument(arguments[i], fmt::format("{}/arguments/{}", place, i));
      if (!argument.ok()) return argument.error();
      launch.arguments.push_back(std::move(argument).value());
    }
    Status status = ReadSides(json["grid"], place + "/grid", launch.grid);
    if (status.ok()) status = ReadSides(json["block"], place + "/block", launch.block);
    if (status.ok() && json.contains("shared_bytes")) {
      auto bytes = ReadExpression(json["shared_bytes"], place + "/shared_bytes");
      if (!bytes.ok()) return bytes.error();
      launch.shared_bytes = std::move(bytes).value();
    }
    manifest_.launches.push_back(std::move(launch));
    return status;
  }

  // One expression, or a list of up to three.
  Status ReadSides(const Json& json, const std::string& place,
                   std::array<Expression, 3>& sides) const {
    const Json list = json.is_array() ? json : Json::array({json});
    if (list.empty() || list.size() > sides.size()) {
      return Wrong(place, "expected 1 to 3 numbers or expressions");
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto side = ReadExpression(list[i], json.is_array() ? fmt::format("{}/{}", place, i) : place);
      if (!side.ok()) return side.error();
      sides[i] = std::move(side).value();
    }
    return base::Done{};
  }

  // "role", or {"role": ..., "type": ..., "port"/"name"/"value": ...}.
  Result<ManifestArgument> ReadArgument(const Json& json, const std::string& place) const {
    const Json object = json.is_string() ? Json{{"role", json}} : json;
    static constexpr auto kKeys =
        std::to_array<std::string_view>({"role", "type", "port", "name", "value"});
    if (Status known = CheckKeys(object, place, kKeys); !known.ok()) return known.error();
    if (!object.contains("role")) return Wrong(place, "no \"role\"");
    const auto role = Text(object["role"], place + "/role");
    if (!role.ok()) return role.error();
    ManifestArgument argument;
    argument.place = place;
    if (object.contains("type")) {
      const auto name = Text(object["type"], place + "/type");
      if (!name.ok()) return name.error();
      const auto type = IndexOf(kScalarTypeNames, *name);
      if (!type) {
        return Wrong(place + "/type", base::UnknownName("type", *name, kScalarTypeNames).message);
      }
      argument.type = static_cast<ScalarType>(*type);
    }
    Status status = SetRole(*role, object, place, argument);
    if (!status.ok()) return status.error();
    return argument;
  }

  Status SetRole(std::string_view role, const Json& object, const std::string& place,
                 ManifestArgument& argument) const {
    using Kind = ManifestArgument::Kind;
    const auto refuse = [&](std::string_view key) {
      return Wrong(place, fmt::format("\"{}\" has no meaning for role \"{}\"", key, role));
    };
    const bool is_port_role = role == "input" || role == "output";
    if (object.contains("port") && !is_port_role) return refuse("port");
    if (object.contains("name") && role != "scratch") return refuse("name");
    if (object.contains("value") && role != "constant") return refuse("value");
    if (is_port_role) return SetPort(role == "input", object, place, argument);
    if (role == "scratch") return SetScratch(object, place, argument);
    if (role == "constant") return SetConstant(object, place, argument);
    if (const auto field = IndexOf(kFieldNames, role)) {
      auto expression = Expression::Parse(role, kFieldNames);
      ULPROOF_CHECK(expression.ok());
      argument.expression = std::move(expression).value();
      return base::Done{};
    }
    // A port by its own name, then what the reference can compute on the way.
    if (const auto input = PortIndex(signature_.inputs, role)) {
      argument.kind = Kind::kInput;
      argument.index = *input;
      return base::Done{};
    }
    if (const auto output = PortIndex(signature_.outputs, role)) {
      argument.kind = Kind::kOutput;
      argument.index = *output;
      return base::Done{};
    }
    const auto derived = IndexOf(kDerivedNames, role);
    if (derived && CanDerive(static_cast<Derived>(*derived))) {
      argument.kind = Kind::kDerived;
      argument.index = *derived;
      return base::Done{};
    }
    const std::vector<std::string_view> known = KnownRoles();
    return Wrong(place, base::UnknownName("role", role, known).message);
  }

  bool CanDerive(Derived derived) const {
    const bool is_sample = manifest_.op.kind == formats::OpKind::kSample;
    return is_sample ||
           (derived == Derived::kNoise && manifest_.op.kind == formats::OpKind::kBackward);
  }

  std::vector<std::string_view> KnownRoles() const {
    std::vector<std::string_view> roles = {"input", "output", "scratch", "constant"};
    for (const formats::Port& port : signature_.inputs) roles.push_back(port.name);
    for (const formats::Port& port : signature_.outputs) roles.push_back(port.name);
    for (std::size_t i = 0; i < kDerivedNames.size(); ++i) {
      if (CanDerive(static_cast<Derived>(i))) roles.push_back(kDerivedNames[i]);
    }
    roles.insert(roles.end(), kFieldNames.begin(), kFieldNames.end());
    return roles;
  }

  Status SetPort(bool is_input, const Json& object, const std::string& place,
                 ManifestArgument& argument) const {
    const std::vector<formats::Port>& ports = is_input ? signature_.inputs : signature_.outputs;
    argument.kind = is_input ? ManifestArgument::Kind::kInput : ManifestArgument::Kind::kOutput;
    if (ports.empty()) return Wrong(place, "this operation has no input");
    if (!object.contains("port")) return base::Done{};
    const auto name = Text(object["port"], place + "/port");
    if (!name.ok()) return name.error();
    const auto index = PortIndex(ports, *name);
    if (!index) {
      std::vector<std::string_view> known;
      for (const formats::Port& port : ports) known.push_back(port.name);
      return Wrong(place + "/port", base::UnknownName("port", *name, known).message);
    }
    argument.index = *index;
    return base::Done{};
  }

  Status SetScratch(const Json& object, const std::string& place,
                    ManifestArgument& argument) const {
    argument.kind = ManifestArgument::Kind::kScratch;
    if (!object.contains("name")) {
      if (manifest_.scratch.size() == 1) return base::Done{};
      return Wrong(place, "no \"name\": which of the scratch buffers?");
    }
    const auto name = Text(object["name"], place + "/name");
    if (!name.ok()) return name.error();
    const auto found = std::ranges::find(manifest_.scratch, *name, &ManifestScratch::name);
    if (found == manifest_.scratch.end()) {
      std::vector<std::string_view> known;
      for (const ManifestScratch& scratch : manifest_.scratch) known.push_back(scratch.name);
      return Wrong(place + "/name", base::UnknownName("scratch buffer", *name, known).message);
    }
    argument.index = static_cast<std::size_t>(found - manifest_.scratch.begin());
    return base::Done{};
  }

  // A floating-point number, a negative integer, or an expression.
  Status SetConstant(const Json& object, const std::string& place,
                     ManifestArgument& argument) const {
    if (!object.contains("value")) return Wrong(place, "no \"value\"");
    const Json& value = object["value"];
    const bool is_float = argument.type == ScalarType::kF32 || argument.type == ScalarType::kF64;
    if (is_float && value.is_number()) {
      argument.kind = ManifestArgument::Kind::kBits;
      const double number = value.get<double>();
      argument.bits = argument.type == ScalarType::kF64
                          ? std::bit_cast<std::uint64_t>(number)
                          : std::bit_cast<std::uint32_t>(static_cast<float>(number));
      return base::Done{};
    }
    if (value.is_number_integer() && value.get<std::int64_t>() < 0 && !value.is_number_unsigned()) {
      if (!argument.type) return Wrong(place, "a negative value needs a \"type\"");
      argument.kind = ManifestArgument::Kind::kBits;
      argument.bits = static_cast<std::uint64_t>(value.get<std::int64_t>());
      return base::Done{};
    }
    auto expression = ReadExpression(value, place + "/value");
    if (!expression.ok()) return expression.error();
    argument.expression = std::move(expression).value();
    return base::Done{};
  }

  Status ReadLimits(const Json& json) {
    static constexpr auto kShape = std::to_array<std::string_view>({"rows", "cols"});
    static constexpr auto kBounded = std::to_array<std::string_view>(
        {"rows", "cols", "index_stride", "seed", "stream", "offset"});
    Status status = ReadLimit(json, "fixed", kShape, manifest_.fixed);
    if (status.ok()) status = ReadLimit(json, "multiple_of", kShape, manifest_.multiple_of);
    if (status.ok()) status = ReadLimit(json, "at_most", kBounded, manifest_.at_most);
    return status;
  }

  Status ReadLimit(const Json& json, const std::string& key, Names known,
                   std::vector<FieldLimit>& limits) const {
    if (!json.contains(key)) return base::Done{};
    const Json& object = json[key];
    if (Status fine = CheckKeys(object, "/" + key, known); !fine.ok()) return fine;
    for (const auto& [name, value] : object.items()) {
      const bool may_be_zero = key == "at_most" && name != "rows" && name != "cols";
      if (!value.is_number_unsigned() || (value.get<std::uint64_t>() == 0 && !may_be_zero)) {
        return Wrong("/" + key + "/" + name, "expected a positive whole number");
      }
      limits.push_back(
          {static_cast<Field>(*IndexOf(kFieldNames, name)), value.get<std::uint64_t>()});
    }
    return base::Done{};
  }

  Status ReadLayouts(const Json& json) {
    if (!json.contains("layouts")) return base::Done{};
    std::vector<std::string_view> known;
    for (const auto* ports : {&signature_.inputs, &signature_.outputs}) {
      for (const formats::Port& port : *ports) known.push_back(port.name);
    }
    if (Status fine = CheckKeys(json["layouts"], "/layouts", known); !fine.ok()) return fine;
    for (const auto& [name, value] : json["layouts"].items()) {
      const std::string place = "/layouts/" + name;
      const auto text = Text(value, place);
      if (!text.ok()) return text.error();
      const auto layout = IndexOf(kLayoutNames, *text);
      if (!layout) {
        return Wrong(place, base::UnknownName("layout", *text, kLayoutNames).message);
      }
      const auto input = PortIndex(signature_.inputs, name);
      const auto output = PortIndex(signature_.outputs, name);
      const formats::ElementType& type =
          input ? signature_.inputs[*input].type : signature_.outputs[*output].type;
      const bool is_4_bit =
          type.kind == formats::ElementKind::kCode && type.format.storage_bits() == 4;
      if (static_cast<Layout>(*layout) != Layout::kOneAByte && !is_4_bit) {
        return Wrong(place, fmt::format("'{}' is for 4-bit codes; {} is {}", *text, name,
                                        formats::ElementTypeName(type)));
      }
      (input ? manifest_.input_layouts[*input] : manifest_.output_layouts[*output]) =
          static_cast<Layout>(*layout);
    }
    return base::Done{};
  }

  Status ReadNan(const Json& json) {
    static constexpr auto kChoices = std::to_array<std::string_view>({"canonical", "any"});
    if (!json.contains("nan")) return base::Done{};
    const auto text = Text(json["nan"], "/nan");
    if (!text.ok()) return text.error();
    const auto choice = IndexOf(kChoices, *text);
    if (!choice) return Wrong("/nan", base::UnknownName("choice", *text, kChoices).message);
    manifest_.any_nan = *choice == 1;
    return base::Done{};
  }

  const std::string file_;
  const std::optional<Operation>& given_;
  Manifest manifest_;
  formats::Signature signature_;
};

// Where byte `at` (1-based) of a text stands.
Error SyntaxError(std::string_view text, std::string_view file, std::size_t at,
                  std::string message) {
  Error error = base::UsageError(std::move(message));
  error.file = file;
  error.line = 1;
  error.column = 1;
  for (const char c : text.substr(0, at == 0 ? 0 : at - 1)) {
    error.column = c == '\n' ? 1 : error.column + 1;
    error.line += c == '\n';
  }
  return error;
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view json, std::string_view file,
                               const std::optional<Operation>& op) {
  // The library keeps the last of two equal keys in silence; here the second is an error.
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      twice = parsed.get<std::string>();
    }
    return true;
  };
  try {
    const Json document = Json::parse(json, watch);
    if (!twice.empty()) {
      Error error =
          base::UsageError(fmt::format("the key \"{}\" stands twice in one object", twice));
      error.file = file;
      return error;
    }
    return ManifestReader(file, op).Read(document);
  } catch (const Json::parse_error& error) {
    std::string_view what = error.what();
    if (const std::size_t text = what.find(": "); text != what.npos) what = what.substr(text + 2);
    return SyntaxError(json, file, error.byte, "not JSON: " + std::string(what));
  } catch (const Json::out_of_range& error) {  // A number beyond binary64; it stands in quotes.
    const std::string_view what = error.what();
    const std::size_t quote = std::min(what.find('\''), what.size() - 1);
    const std::string_view number = what.substr(quote + 1, what.rfind('\'') - quote - 1);
    return SyntaxError(json, file, json.find(number) + 1,
                       fmt::format("{} is no number of binary64", number));
  }
}

}  // namespace ulproof::gpu
