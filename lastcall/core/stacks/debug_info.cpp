// Function, file and line by elfutils' libdw. Loaded when a stack is to be named, so that no program links with it or
// pays for it, and one that runs where it is not installed gets plainer names.
#include <cstddef>

#include "lastcall/core/stacks/symbols.hpp"

#ifdef LASTCALL_LIBDW

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace lastcall::inline v0 {
namespace {

/// Its functions that we call. Types come from its headers, so a signature that changed would not compile.
struct library {
  static const library* loaded() {
    static const library only;
    return only.whole_ ? &only : nullptr;
  }

 private:
  struct symbol {
    void* at;
    template <class F> operator F*() const noexcept { return reinterpret_cast<F*>(at); }
  };

  symbol find(const char* name) noexcept {
    void* const at = handle_ != nullptr ? dlsym(handle_, name) : nullptr;
    whole_ = whole_ && at != nullptr;
    return {at};
  }

  void* const handle_ = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
  bool whole_ = true;

 public:
  decltype(&::dwfl_begin) begin = find("dwfl_begin");
  decltype(&::dwfl_end) end = find("dwfl_end");
  decltype(&::dwfl_linux_proc_report) report_process = find("dwfl_linux_proc_report");
  decltype(&::dwfl_report_end) report_end = find("dwfl_report_end");
  decltype(&::dwfl_linux_proc_find_elf) find_elf = find("dwfl_linux_proc_find_elf");
  decltype(&::dwfl_build_id_find_debuginfo) find_debuginfo = find("dwfl_build_id_find_debuginfo");
  decltype(&::dwfl_addrmodule) module_at = find("dwfl_addrmodule");
  decltype(&::dwfl_module_addrinfo) symbol_at = find("dwfl_module_addrinfo");
  decltype(&::dwfl_module_getsrc) line_at = find("dwfl_module_getsrc");
  decltype(&::dwfl_lineinfo) line_info = find("dwfl_lineinfo");
  decltype(&::dwfl_module_addrdie) unit_at = find("dwfl_module_addrdie");
  decltype(&::dwarf_getscopes) scopes_at = find("dwarf_getscopes");
  decltype(&::dwarf_tag) tag = find("dwarf_tag");
  decltype(&::dwarf_attr_integrate) attribute = find("dwarf_attr_integrate");
  decltype(&::dwarf_attr) own_attribute = find("dwarf_attr");
  decltype(&::dwarf_formstring) as_string = find("dwarf_formstring");
  decltype(&::dwarf_formudata) as_number = find("dwarf_formudata");
  decltype(&::dwarf_getsrcfiles) files_of = find("dwarf_getsrcfiles");
  decltype(&::dwarf_filesrc) file_name = find("dwarf_filesrc");
};

std::string at_line(const char* file, std::uint64_t line) {
  return " (" + std::string(file) + ":" + std::to_string(line) + ")";
}

class process_debug_info {
 public:
  explicit process_debug_info(const library& l) : lib_(l) {
    // Not dwfl_standard_find_debuginfo: that one may ask servers (DEBUGINFOD_URLS). This looks at local files only.
    callbacks_.find_elf = l.find_elf;
    callbacks_.find_debuginfo = l.find_debuginfo;
    callbacks_.debuginfo_path = nullptr;
    dwfl_ = lib_.begin(&callbacks_);
    if (dwfl_ == nullptr) return;
    const bool read = lib_.report_process(dwfl_, getpid()) == 0;
    if (lib_.report_end(dwfl_, nullptr, nullptr) != 0 || !read) lib_.end(std::exchange(dwfl_, nullptr));
  }
  ~process_debug_info() {
    if (dwfl_ != nullptr) lib_.end(dwfl_);
  }
  process_debug_info& operator=(process_debug_info&&) = delete;

  /// Empty: it knows no line, and the symbol tables say as much.
  function_names name(std::uintptr_t address) const {
    Dwfl_Module* const module = dwfl_ != nullptr ? lib_.module_at(dwfl_, address) : nullptr;
    if (module == nullptr) return {};
    Dwfl_Line* const line = lib_.line_at(module, address);
    int number = 0;
    const char* const file =
        line != nullptr ? lib_.line_info(line, nullptr, &number, nullptr, nullptr, nullptr) : nullptr;
    if (file == nullptr) return {};
    GElf_Off beyond = 0;
    GElf_Sym symbol;
    const char* const function = lib_.symbol_at(module, address, &beyond, &symbol, nullptr, nullptr, nullptr);
    const std::string outermost = function != nullptr ? detail::readable_symbol(function) : "?";
    return with_inlined(module, address, outermost, at_line(file, static_cast<std::uint64_t>(number)));
  }

 private:
  /// The line belongs to the innermost function; each outer one is at the line that calls the next inner one.
  function_names with_inlined(Dwfl_Module* module, std::uintptr_t address, const std::string& outermost,
                              std::string where) const {
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = lib_.unit_at(module, address, &bias);
    Dwarf_Die* scopes = nullptr;
    const int count = unit != nullptr ? lib_.scopes_at(unit, address - bias, &scopes) : 0;
    const std::unique_ptr<Dwarf_Die, decltype(&std::free)> freed(scopes, &std::free);
    function_names names;
    for (int i = 0; i < count; ++i) {
      if (lib_.tag(&scopes[i]) == DW_TAG_subprogram) break;  // beyond lies only where it was declared
      if (lib_.tag(&scopes[i]) != DW_TAG_inlined_subroutine) continue;
      names.push_back(function_of(&scopes[i]) + where + " [inlined]");
      where = call_of(unit, &scopes[i]);
    }
    names.push_back(outermost + where);
    return names;
  }

  std::string function_of(Dwarf_Die* die) const {
    Dwarf_Attribute found;
    for (const unsigned which : {DW_AT_linkage_name, DW_AT_name}) {
      const char* const name = lib_.attribute(die, which, &found) != nullptr ? lib_.as_string(&found) : nullptr;
      if (name != nullptr) return detail::readable_symbol(name);
    }
    return "?";
  }

  std::string call_of(Dwarf_Die* unit, Dwarf_Die* inlined) const {
    Dwarf_Attribute found;
    Dwarf_Word file = 0, line = 0;
    if (lib_.own_attribute(inlined, DW_AT_call_file, &found) == nullptr || lib_.as_number(&found, &file) != 0)
      return {};
    if (lib_.own_attribute(inlined, DW_AT_call_line, &found) == nullptr || lib_.as_number(&found, &line) != 0)
      return {};
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (lib_.files_of(unit, &files, &count) != 0 || file >= count) return {};
    const char* const name = lib_.file_name(files, file, nullptr, nullptr);
    return name != nullptr ? at_line(name, line) : std::string();
  }

  const library& lib_;
  Dwfl_Callbacks callbacks_{};
  Dwfl* dwfl_ = nullptr;
};

}  // namespace

std::vector<function_names> detail::names_from_debug_info(std::span<const std::uintptr_t> addresses) {
  const library* const lib = library::loaded();
  if (lib == nullptr) return {};
  const process_debug_info info(*lib);
  std::vector<function_names> names;
  names.reserve(addresses.size());
  for (const std::uintptr_t address : addresses) names.push_back(info.name(address));
  return names;
}

}  // namespace lastcall::inline v0

#else

namespace lastcall::inline v0 {
std::vector<function_names> detail::names_from_debug_info(std::span<const std::uintptr_t>) { return {}; }
}  // namespace lastcall::inline v0

#endif
