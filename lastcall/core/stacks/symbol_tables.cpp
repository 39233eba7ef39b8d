// The functions that an ELF file names in its own symbol tables, read as a file: dladdr would take the dynamic loader's
// lock, and sees exported functions only.
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lastcall/core/stacks/symbols.hpp"

namespace lastcall::inline v0 {
namespace {

static_assert(sizeof(void*) == 8, "written for 64-bit ELF");

/// A line of /proc/self/maps.
struct mapping {
  std::uintptr_t begin = 0, end = 0;
  std::uint64_t offset = 0;  // in the file
  std::string path{};
};

std::vector<mapping> mappings_of_code() {
  std::vector<mapping> all;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/maps", "re"), &std::fclose);
  if (!file) return all;
  char* line = nullptr;
  std::size_t room = 0;
  while (getline(&line, &room, file.get()) > 0) {
    mapping m;
    char mode[5];
    int path_at = 0;
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %*s %*s %n", &m.begin, &m.end, mode, &m.offset,
                    &path_at) != 4)
      continue;
    if (mode[2] != 'x' || path_at == 0) continue;
    m.path = line + path_at;
    if (!m.path.empty() && m.path.back() == '\n') m.path.pop_back();
    all.push_back(std::move(m));
  }
  std::free(line);
  return all;
}

/// A program that was replaced while it runs is still there under this name.
std::string path_to_open(const std::string& path) {
  constexpr std::string_view deleted = " (deleted)";
  if (!path.ends_with(deleted)) return path;
  char target[4096];
  const ssize_t size = readlink("/proc/self/exe", target, sizeof target);
  if (size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == path) return "/proc/self/exe";
  return {};
}

class elf_functions {
 public:
  explicit elf_functions(const std::string& path) {
    if (path.empty() || path.front() != '/') return;  // "[vdso]", or memory without a file
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) return;
    read_all();
    close(fd_);
  }

  struct found {
    const char* name;
    std::uint64_t beyond;  // its beginning
  };

  std::optional<found> at(std::uint64_t offset) const {
    std::uint64_t address = offset;
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_LOAD || offset < segment.p_offset || offset >= segment.p_offset + segment.p_filesz)
        continue;
      address = offset - segment.p_offset + segment.p_vaddr;
      break;
    }
    auto after = std::ranges::upper_bound(functions_, address, {}, &function_at::begin);
    // Of several names for one address any will do; of two that lie within each other the inner one is nearer.
    for (int looks = 0; after != functions_.begin() && looks < 8; ++looks) {
      --after;
      if (address < after->begin + std::max<std::uint64_t>(after->size, 1))
        return found{names_.data() + after->name, address - after->begin};
    }
    return std::nullopt;
  }

 private:
  struct function_at {
    std::uint64_t begin, size;
    std::size_t name;
  };

  template <class T> std::vector<T> read_at(std::uint64_t offset, std::uint64_t count) const {
    constexpr std::uint64_t most_bytes = 1 << 28;  // a file that says more is broken
    if (count > most_bytes / sizeof(T)) return {};
    std::vector<T> items(count);
    std::size_t done = 0;
    auto* const bytes = reinterpret_cast<char*>(items.data());
    while (done < count * sizeof(T)) {
      const ssize_t n = pread(fd_, bytes + done, count * sizeof(T) - done, static_cast<off_t>(offset + done));
      if (n <= 0) return {};
      done += static_cast<std::size_t>(n);
    }
    return items;
  }

  void read_all() {
    const auto header = read_at<Elf64_Ehdr>(0, 1);
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
        header[0].e_ident[EI_CLASS] != ELFCLASS64 || header[0].e_shentsize != sizeof(Elf64_Shdr))
      return;
    segments_ = read_at<Elf64_Phdr>(header[0].e_phoff, header[0].e_phnum);
    const auto sections = read_at<Elf64_Shdr>(header[0].e_shoff, header[0].e_shnum);
    for (const Elf64_Word type : {SHT_SYMTAB, SHT_DYNSYM}) {  // the first has all that the second has
      for (const Elf64_Shdr& section : sections) {
        if (section.sh_type != type || section.sh_link >= sections.size()) continue;
        read_functions(section, sections[section.sh_link]);
        if (!functions_.empty()) return;
      }
    }
  }

  void read_functions(const Elf64_Shdr& symbols, const Elf64_Shdr& strings) {
    names_ = read_at<char>(strings.sh_offset, strings.sh_size);
    if (names_.empty() || names_.back() != '\0') return;
    for (const Elf64_Sym& symbol : read_at<Elf64_Sym>(symbols.sh_offset, symbols.sh_size / sizeof(Elf64_Sym))) {
      const auto type = ELF64_ST_TYPE(symbol.st_info);
      if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
      if (symbol.st_name >= names_.size()) continue;
      functions_.push_back({symbol.st_value, symbol.st_size, symbol.st_name});
    }
    std::ranges::sort(functions_, {}, &function_at::begin);
  }

  int fd_ = -1;
  std::vector<Elf64_Phdr> segments_;
  std::vector<function_at> functions_;
  std::vector<char> names_;
};

std::string hexadecimal(std::uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%" PRIx64, value);
  return text;
}

/// Where in a file an address lies. No mapping: in none.
struct place {
  const mapping* in = nullptr;
  std::uint64_t offset = 0;

  std::string file() const { return in->path.substr(in->path.rfind('/') + 1); }
  std::string text(std::uintptr_t address) const {
    return in == nullptr ? hexadecimal(address) : file() + "+" + hexadecimal(offset);
  }
};

place place_of(std::uintptr_t address, const std::vector<mapping>& mappings) {
  const auto in = std::ranges::find_if(
      mappings, [&](const mapping& m) { return address >= m.begin && address < m.end && !m.path.empty(); });
  if (in == mappings.end()) return {};
  return {.in = &*in, .offset = address - in->begin + in->offset};
}

}  // namespace

std::vector<std::string> detail::places_in_files(std::span<const std::uintptr_t> addresses) {
  std::vector<std::string> places;
  places.reserve(addresses.size());
  const std::vector<mapping> mappings = mappings_of_code();
  for (const std::uintptr_t address : addresses) places.push_back(place_of(address, mappings).text(address));
  return places;
}

std::vector<std::string> detail::names_from_symbol_tables(std::span<const std::uintptr_t> addresses) {
  std::vector<std::string> names;
  if (addresses.empty()) return names;
  names.reserve(addresses.size());
  const std::vector<mapping> mappings = mappings_of_code();
  std::map<std::string, elf_functions> files;
  for (const std::uintptr_t address : addresses) {
    const place at = place_of(address, mappings);
    std::optional<elf_functions::found> found;
    if (at.in != nullptr) found = files.try_emplace(at.in->path, path_to_open(at.in->path)).first->second.at(at.offset);
    if (found) {
      names.push_back(readable_symbol(found->name) + "+" + hexadecimal(found->beyond) + " (" + at.file() + ")");
    } else {
      names.push_back(at.text(address));
    }
  }
  return names;
}

}  // namespace lastcall::inline v0
